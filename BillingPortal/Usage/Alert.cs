using System.Globalization;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Usage;

/// <summary>What an account is told of.</summary>
public enum AlertKind
{
    /// <summary>A share of an allowance is used.</summary>
    Quota,
    /// <summary>Credits or money run out.</summary>
    LowBalance,
    /// <summary>More than wished was spent since midnight.</summary>
    SpendInDay,
    /// <summary>At the present pace an allowance will not last.</summary>
    Projected,
}

/// <summary>An alert that was raised: once for each threshold and period, whoever crosses it and however many at once.</summary>
public sealed class Alert
{
    public const string IdPrefix = "alert_";
    public const int LongestMessage = 500;

    public AccountId AccountId { get; init; }
    public Guid Id { get; init; } = Guid.CreateVersion7();
    public AlertKind Kind { get; init; }
    /// <summary>The meter, or the unit of the balance.</summary>
    public required string Subject { get; init; }
    /// <summary>Percent of an allowance, or an amount of the unit.</summary>
    public decimal Threshold { get; init; }
    /// <summary>Start of the period, or the day, that it was raised in.</summary>
    public DateTimeOffset PeriodStart { get; init; }
    /// <summary>What was used, left or spent when it was raised.</summary>
    public decimal Value { get; init; }
    /// <summary>What the plan includes; null where there is no such limit.</summary>
    public decimal? Limit { get; init; }
    /// <summary>For a person.</summary>
    public required string Message { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    public string ShownId => Primitives.ShownId.Show(IdPrefix, Id);

    internal sealed class Table : IEntityTypeConfiguration<Alert>
    {
        public void Configure(EntityTypeBuilder<Alert> builder)
        {
            builder.ToTable("alerts");
            builder.HasKey(a => new { a.AccountId, a.Kind, a.Subject, a.Threshold, a.PeriodStart });
            builder.Property(a => a.Kind).HasConversion<string>().HasMaxLength(20);
            builder.Property(a => a.Subject).HasMaxLength(100);
            builder.Property(a => a.Message).HasMaxLength(LongestMessage);
            builder.HasIndex(a => new { a.AccountId, a.Id }).IsUnique();
            builder.Ignore(a => a.ShownId);
        }
    }
}

/// <summary>What an account wants to be told of; where it said nothing, 80, 100 and 120 % of each allowance, by mail.</summary>
public sealed class AlertSettings
{
    public AccountId AccountId { get; init; }
    /// <summary>Percent of each allowance, 1 to 1,000.</summary>
    public int[] Thresholds { get; set; } = [80, 100, 120];
    /// <summary>Credits or money left, in <see cref="Unit"/>; null: a tenth of what the open grants were.</summary>
    public decimal? LowBalance { get; set; }
    /// <summary>Spent since midnight, in <see cref="Unit"/>; null: no alert.</summary>
    public decimal? SpendInDay { get; set; }
    /// <summary>What the two are in: credit or a currency.</summary>
    public string Unit { get; set; } = "credit";
    /// <summary>Whether to tell when an allowance will not last at the present pace.</summary>
    public bool Projected { get; set; }
    public bool ByMail { get; set; } = true;

    /// <summary>Reads percentages as people write them, <c>80, 100 120 %</c>: each once, in order.</summary>
    public static bool TryRead(string text, out int[] thresholds)
    {
        var parts = text.Split([',', ';', ' ', '%'], StringSplitOptions.RemoveEmptyEntries);
        var read = Array.ConvertAll(parts, p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out var percent) ? percent : 0);
        thresholds = [.. read.Distinct().Order()];
        return !read.Contains(0);
    }

    internal sealed class Table : IEntityTypeConfiguration<AlertSettings>
    {
        public void Configure(EntityTypeBuilder<AlertSettings> builder)
        {
            builder.ToTable("alert_settings");
            builder.HasKey(a => a.AccountId);
            builder.Property(a => a.Unit).HasMaxLength(40);
        }
    }
}
