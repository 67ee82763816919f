using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>How long a budget counts before it begins anew: as long as a run lasts, or by the clock of the account's zone.</summary>
public enum BudgetWindow { Run, Hour, Day, Month }

/// <summary>What a part of an account may spend (F12): a member, an agent or a run, or each of them apart.</summary>
/// <remarks>What is counted is what wallets of the unit pay; what an unlimited allowance only counts is counted here too.</remarks>
public sealed class Budget
{
    public const int LongestScope = 208;

    public AccountId AccountId { get; init; }
    /// <summary>The caller's word for it, or made by us: 1–60 letters, digits, <c>_</c> and <c>-</c>.</summary>
    public string Id { get; init; } = "";
    /// <summary><c>agent:x</c>, <c>member:y</c>, <c>run:z</c>, or with <c>*</c> each one apart.</summary>
    public string Scope { get; init; } = "";
    public Unit Unit { get; init; }
    /// <summary>Above zero.</summary>
    public Amount Limit { get; init; }
    public BudgetWindow Window { get; init; }
    /// <summary>What was charged before does not count.</summary>
    public DateTimeOffset CountsFrom { get; init; }

    /// <summary>Whose spending this budget counts together; null: it does not concern them.</summary>
    public BudgetSubject? SubjectOf(Spender spender)
    {
        var colon = Scope.IndexOf(':', StringComparison.Ordinal);
        var kind = Scope.AsSpan(0, colon);
        var who = kind is "member" ? spender.Member : kind is "agent" ? spender.Agent : spender.Run;
        if (who is null || !(Scope.EndsWith(":*", StringComparison.Ordinal) || Scope.AsSpan(colon + 1).SequenceEqual(who)))
        {
            return null;
        }

        // Within a run: an agent's or a member's share of each run apart.
        return Window == BudgetWindow.Run && kind is not "run"
            ? spender.Run is { } run ? new($"{kind}:{who}", run) : null
            : new($"{kind}:{who}", "");
    }

    /// <summary>A scope as the contract has it.</summary>
    public static bool IsScope(string? text) => PlainText.IsValid(text, LongestScope) && text!.IndexOf(':', StringComparison.Ordinal) is var colon and > 0
        && text[..colon] is "member" or "agent" or "run" && text.Length - colon - 1 is >= 1 and <= 200;

    public static bool IsId(string? text) => text is { Length: >= 1 and <= 60 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');

    internal sealed class Table : IEntityTypeConfiguration<Budget>
    {
        public void Configure(EntityTypeBuilder<Budget> builder)
        {
            builder.ToTable("budgets", t => t.HasCheckConstraint("ck_budgets_amount", "amount > 0"));
            builder.HasKey(b => new { b.AccountId, b.Id });
            builder.HasIndex(b => new { b.AccountId, b.Scope, b.Unit, b.Window }).IsUnique();
            builder.Property(b => b.Id).HasMaxLength(60);
            builder.Property(b => b.Scope).HasMaxLength(LongestScope);
            builder.Property(b => b.Limit).HasColumnName("amount");
            builder.Property(b => b.Window).HasColumnName("time_window").HasConversion<string>().HasMaxLength(10);
        }
    }
}

/// <summary>Who a charge or a hold is said to be for.</summary>
public readonly record struct Spender(string? Member, string? Agent, string? Run);

/// <summary>What one line of counting is for: <c>agent:x</c>, and for counting by run which.</summary>
/// <param name="Run">Empty: not apart by run.</param>
public readonly record struct BudgetSubject(string Name, string Run);

/// <summary>What was spent of a budget in its present window.</summary>
public sealed class BudgetUse
{
    public AccountId AccountId { get; init; }
    public string BudgetId { get; init; } = "";
    public string Subject { get; init; } = "";
    public string Run { get; init; } = "";
    public DateTimeOffset WindowStart { get; set; }
    public Amount Used { get; set; }
    public DateTimeOffset TouchedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<BudgetUse>
    {
        public void Configure(EntityTypeBuilder<BudgetUse> builder)
        {
            builder.ToTable("budget_uses");
            builder.HasKey(u => new { u.AccountId, u.BudgetId, u.Subject, u.Run });
            builder.HasIndex(u => u.TouchedAt);
            builder.Property(u => u.Subject).HasMaxLength(Budget.LongestScope);
            builder.Property(u => u.Run).HasMaxLength(200);
        }
    }
}

/// <summary>Where budgets' windows begin and end. Pure.</summary>
public static class BudgetWindows
{
    /// <summary>A run's window has no borders.</summary>
    private static readonly Period Endless = new(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);

    /// <summary>The window around an instant, by the clock of a zone: a day has 23 to 25 hours, a month as many days as it has.</summary>
    public static Period Of(BudgetWindow window, DateTimeOffset now, TimeZoneInfo zone) => window switch
    {
        BudgetWindow.Run => Endless,
        // Hours begin with the zone's full hour; when the clock is set back, both of the same name are one apart.
        BudgetWindow.Hour => Zones.Hour(now, zone),
        BudgetWindow.Day => Zones.Day(now, zone),
        BudgetWindow.Month => Zones.Month(now, zone),
    };
}
