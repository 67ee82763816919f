using System.Security.Cryptography;
using System.Text;
using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Usage.Submission;

/// <summary>How overage reaches the customer's bill.</summary>
public enum ReportWay
{
    /// <summary>Stripe's meter counts it, and a metered price of the subscription bills it.</summary>
    MeterEvent,
    /// <summary>An item on the next invoice: what comes too late for its period, was sold on other terms than the subscription has now, or goes back.</summary>
    InvoiceItem,
}

public enum ReportStatus
{
    Waiting,
    /// <summary>Tried, and no answer says yet what became of it.</summary>
    Sending,
    Sent,
    /// <summary>A person must look at it.</summary>
    Parked,
}

/// <summary>Why a report was parked; it decides what another try has to be careful about.</summary>
public enum ParkedAs
{
    /// <summary>Stripe did not accept it: it was never there.</summary>
    Refused,
    /// <summary>Stripe accepted it, and told afterwards that it could not count it.</summary>
    NotCounted,
    NoCustomer,
    /// <summary>No answer within a day, and Stripe's sums do not say whether it is among them.</summary>
    Unknown,
}

/// <summary>What closed the stretch of overage that a report is of.</summary>
public enum StretchEnd { Open, PeriodEnd, PlanChange }

/// <summary>A whole number of one meter that Stripe is told of, once. Number, value, terms and time are frozen before the first try; the way with it.</summary>
public sealed class MeterReport
{
    public const string Prefix = "mrep_";

    public AccountId AccountId { get; init; }
    public Unit Meter { get; init; }
    /// <summary>1, 2, 3… of this account and meter.</summary>
    public int Number { get; init; }
    public Guid Id { get; init; }
    /// <summary>Never 0; below zero only for what goes back.</summary>
    public long Value { get; init; }
    /// <summary>When it was used: within the period that is to be billed for it.</summary>
    public DateTimeOffset At { get; init; }
    public StretchEnd End { get; init; }
    public string Plan { get; init; } = "";
    public decimal Price { get; init; }
    public int Per { get; init; }
    public Unit Currency { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Under which Stripe knows it: follows from account, meter, number and generation.</summary>
    public string Identifier { get; private set; } = "";
    /// <summary>Counts up only when it is proven that Stripe did not count it under the identifier before.</summary>
    public int Generation { get; private set; }
    public ReportStatus Status { get; set; }
    public ReportWay? Way { get; set; }
    public string? Customer { get; set; }
    public string? Subscription { get; set; }
    public int Attempts { get; set; }
    /// <summary>Null: never tried under this identifier.</summary>
    public DateTimeOffset? FirstSentAt { get; set; }
    /// <summary>Null: nothing is to be tried.</summary>
    public DateTimeOffset? NextAttemptAt { get; set; }
    public DateTimeOffset? SentAt { get; set; }
    public ParkedAs? ParkedAs { get; set; }
    public string? Reason { get; set; }

    public OveragePrice Terms => new(Price, Currency, Per);
    public string ShownId => Primitives.ShownId.Show(Prefix, Id);

    internal static MeterReport Of(AccountId account, Unit meter, int number, DueReport due, DateTimeOffset now) => new()
    {
        AccountId = account,
        Meter = meter,
        Number = number,
        Id = Guid.CreateVersion7(),
        Value = due.Value,
        At = due.At,
        End = due.End,
        Plan = due.Plan,
        Price = due.Terms.Price,
        Per = due.Terms.Per,
        Currency = due.Terms.Currency,
        CreatedAt = now,
        Identifier = IdentifierOf(account, meter, number, 0),
        NextAttemptAt = now,
    };

    /// <summary>To be tried anew.</summary>
    /// <param name="proven">True: Stripe knows the identifier and did not count it, so another one is needed. False: it never got there.</param>
    public void Reopen(bool proven, DateTimeOffset now)
    {
        Generation += proven ? 1 : 0;
        Identifier = IdentifierOf(AccountId, Meter, Number, Generation);
        (Status, ParkedAs, Reason, FirstSentAt, SentAt, NextAttemptAt, Attempts, Way) = (ReportStatus.Waiting, null, null, null, null, now, 0, null);
    }

    public void Park(ParkedAs why, string reason) =>
        (Status, ParkedAs, Reason, NextAttemptAt) = (ReportStatus.Parked, why, reason.Length <= 500 ? reason : reason[..500], null);

    /// <summary>Stripe takes at most 100 characters, and sees no names of ours.</summary>
    internal static string IdentifierOf(AccountId account, Unit meter, int number, int generation) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ovg_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{account.Value:N}:{meter}:{number}")))[..40]}_{generation}");

    internal sealed class Table : IEntityTypeConfiguration<MeterReport>
    {
        public void Configure(EntityTypeBuilder<MeterReport> builder)
        {
            builder.ToTable("meter_reports", t => t.HasCheckConstraint("ck_meter_reports_value", "value <> 0"));
            builder.HasKey(r => new { r.AccountId, r.Meter, r.Number });
            builder.HasIndex(r => r.Id);
            builder.HasIndex(r => r.Identifier);
            builder.HasIndex(r => r.NextAttemptAt, "ix_meter_reports_due").HasFilter("next_attempt_at is not null");
            builder.HasIndex(r => new { r.Status, r.Id });
            builder.Property(r => r.Plan).HasMaxLength(60);
            builder.Property(r => r.Price).HasPrecision(20, 6);
            builder.Property(r => r.Identifier).HasMaxLength(100);
            builder.Property(r => r.End).HasConversion<string>().HasMaxLength(20);
            builder.Property(r => r.Status).HasConversion<string>().HasMaxLength(10);
            builder.Property(r => r.Way).HasConversion<string>().HasMaxLength(20);
            builder.Property(r => r.ParkedAs).HasConversion<string>().HasMaxLength(20);
            builder.Property(r => r.Customer).HasMaxLength(255);
            builder.Property(r => r.Subscription).HasMaxLength(255);
            builder.Property(r => r.Reason).HasMaxLength(500);
            builder.Ignore(r => r.Terms);
            builder.Ignore(r => r.ShownId);
        }
    }
}

/// <summary>How far the overage of one account and meter has been reported.</summary>
public sealed class MeterStanding
{
    public AccountId AccountId { get; init; }
    public Unit Meter { get; init; }
    /// <summary>Closed stretches up to this transfer are taken in.</summary>
    public long SettledSeq { get; set; }
    /// <summary>What they came to.</summary>
    public decimal Settled { get; set; }
    /// <summary>The sum of all reports, sent or not: never more than one below what was used.</summary>
    public long Reported { get; set; }
    /// <summary>Number of the last report.</summary>
    public int Number { get; set; }
    /// <summary>End of the period of which something was reported before it closed; null: of none. Once it is over, what refunds have left reported beyond what was used goes back.</summary>
    public DateTimeOffset? OpenUntil { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<MeterStanding>
    {
        public void Configure(EntityTypeBuilder<MeterStanding> builder)
        {
            builder.ToTable("meter_standings");
            builder.HasKey(s => new { s.AccountId, s.Meter });
            builder.Property(s => s.Settled).HasPrecision(26, 6);
            builder.HasIndex(s => s.OpenUntil, "ix_meter_standings_open").HasFilter("open_until is not null");
        }
    }
}
