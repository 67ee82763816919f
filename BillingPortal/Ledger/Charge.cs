using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>Whether charges move value and may be refused (DESIGN §7.2, §7.3).</summary>
public enum EnforcementMode
{
    /// <summary>What cannot be paid for is refused.</summary>
    Enforce,
    /// <summary>What can be paid for is taken; nothing is refused.</summary>
    Observe,
    /// <summary>Recorded with its price; nothing moves.</summary>
    Off,
}

/// <summary>One thing that was charged: what it was, what it cost and which grants paid. Its id is its operation's. Append-only.</summary>
public sealed class Charge
{
    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    /// <summary>When the work was done, as the caller says; null: when it was charged.</summary>
    public DateTimeOffset? OccurredAt { get; init; }
    public string? Action { get; init; }
    public string? Meter { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public string? Feature { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public decimal Quantity { get; init; }
    public long? InputTokens { get; init; }
    public long? OutputTokens { get; init; }
    public long? CachedInputTokens { get; init; }
    public long? CacheWriteTokens { get; init; }
    public long? ReasoningTokens { get; init; }
    /// <summary>What it cost us, in the catalog's currency; null: not known.</summary>
    public Amount? Cost { get; init; }
    /// <summary>Name of the catalog's outcome, lower case with underscores: <c>success</c>, <c>provider_error</c>…</summary>
    public string Outcome { get; init; } = "success";
    public EnforcementMode Enforcement { get; init; }
    /// <summary>The error code that enforcing would have given; null: none.</summary>
    public string? WouldRefuse { get; init; }
    /// <summary>JSON of the <see cref="Receipt"/>.</summary>
    public string ReceiptJson { get; init; } = "{}";

    public ChargeId ShownId => new(AccountId, Id);

    /// <summary>The row of what was done and how it was paid, whether charged at once or captured from a hold.</summary>
    internal static Charge Of(AccountState account, Guid id, ChargeSubject subject, Spender spender, DateTimeOffset? occurredAt, string outcome, Amount? cost,
        EnforcementMode enforcement, string? wouldRefuse, Receipt receipt) => new()
        {
            AccountId = account.Account,
            Id = id,
            CreatedAt = account.Now,
            OccurredAt = occurredAt,
            Action = subject.Action,
            Meter = subject.Meter,
            Provider = subject.Provider,
            Model = subject.Model,
            Tool = subject.Tool,
            Feature = subject.Feature,
            Member = spender.Member,
            Agent = spender.Agent,
            Run = spender.Run,
            Quantity = subject.Quantity,
            InputTokens = subject.Tokens?.Input,
            OutputTokens = subject.Tokens?.Output,
            CachedInputTokens = subject.Tokens?.CachedInput,
            CacheWriteTokens = subject.Tokens?.CacheWrite is > 0 and var written ? written : null,
            ReasoningTokens = subject.Tokens?.Reasoning is > 0 and var reasoned ? reasoned : null,
            Cost = cost,
            Outcome = outcome,
            Enforcement = enforcement,
            WouldRefuse = wouldRefuse,
            ReceiptJson = StoredReceipt.Write(receipt),
        };

    /// <summary>The row that stands for this one since it was rated again: the same work, at the same instant, so that it counts in the same period, budget and hour.</summary>
    internal Charge RatedAgain(Guid id, Receipt receipt) => new()
    {
        AccountId = AccountId,
        Id = id,
        CreatedAt = CreatedAt,
        OccurredAt = OccurredAt,
        Action = Action,
        Meter = Meter,
        Provider = Provider,
        Model = Model,
        Tool = Tool,
        Feature = Feature,
        Member = Member,
        Agent = Agent,
        Run = Run,
        Quantity = Quantity,
        InputTokens = InputTokens,
        OutputTokens = OutputTokens,
        CachedInputTokens = CachedInputTokens,
        CacheWriteTokens = CacheWriteTokens,
        ReasoningTokens = ReasoningTokens,
        Cost = Cost,
        Outcome = Outcome,
        Enforcement = Enforcement,
        WouldRefuse = WouldRefuse,
        ReceiptJson = StoredReceipt.Write(receipt),
    };

    internal sealed class Table : IEntityTypeConfiguration<Charge>
    {
        public void Configure(EntityTypeBuilder<Charge> builder)
        {
            builder.ToTable("charges");
            builder.HasKey(c => new { c.AccountId, c.Id });
            builder.Property(c => c.Enforcement).HasConversion<string>().HasMaxLength(10);
            builder.Property(c => c.ReceiptJson).HasColumnName("receipt").HasColumnType("jsonb");
            builder.Ignore(c => c.ShownId);
            // Partial: a charge without the label costs nothing here.
            builder.HasIndex(c => new { c.AccountId, c.Run, c.Id }, "ix_charges_run").HasFilter("run is not null");
            builder.HasIndex(c => new { c.AccountId, c.Agent, c.Id }, "ix_charges_agent").HasFilter("agent is not null");
            builder.HasIndex(c => new { c.AccountId, c.Member, c.Id }, "ix_charges_member").HasFilter("member is not null");
        }
    }
}

/// <summary>Value of a charge that went back to its wallets. Together never more than was charged. Append-only.</summary>
public sealed class ChargeRefund
{
    public AccountId AccountId { get; init; }
    public Guid ChargeId { get; init; }
    /// <summary>Its operation's id.</summary>
    public Guid Id { get; init; }
    public string[] Units { get; init; } = [];
    public decimal[] Amounts { get; init; } = [];
    /// <summary>What it took off the charge's price, in the price's unit; null: it was made before this was kept.</summary>
    public Amount? Price { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<ChargeRefund>
    {
        public void Configure(EntityTypeBuilder<ChargeRefund> builder)
        {
            builder.ToTable("charge_refunds");
            builder.HasKey(r => new { r.AccountId, r.Id });
            builder.HasIndex(r => new { r.AccountId, r.ChargeId });
            builder.Property(r => r.Amounts).HasColumnType("numeric(20,6)[]");
        }
    }
}
