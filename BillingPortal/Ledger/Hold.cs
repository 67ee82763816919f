using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

public enum HoldStatus
{
    /// <summary>Its parts are reserved.</summary>
    Open,
    /// <summary>Charged, in one part or in several; what was left went back.</summary>
    Captured,
    /// <summary>Given up by the caller or by staff.</summary>
    Released,
    /// <summary>Its time was over, and what was left went back.</summary>
    Expired,
}

/// <summary>What becomes of a hold that nobody closed in time.</summary>
public enum HoldExpiry { Release, Capture }

/// <summary>What is only promised: value reserved, on named grants, for work whose true price is known later. Its id is that of the operation which opened it.</summary>
public sealed class Hold
{
    private HeldWork? asked;
    private HoldState? state;

    public AccountId AccountId { get; init; }
    public Guid Id { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public HoldExpiry OnExpiry { get; init; }
    /// <summary>The mode that it was made under: observed, it may be covered in part; off, nothing is reserved.</summary>
    public EnforcementMode Enforcement { get; init; }
    /// <summary>The error code that enforcing would have given; null: none.</summary>
    public string? WouldRefuse { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public HoldStatus Status { get; internal set; }
    public DateTimeOffset ExpiresAt { get; internal set; }
    /// <summary>JSON of <see cref="Asked"/>; never changes.</summary>
    public string AskedJson { get; init; } = "{}";
    /// <summary>JSON of what of <see cref="State"/> has no column.</summary>
    public string StateJson { get; internal set; } = "{}";

    public HoldId ShownId => new(AccountId, Id);
    public Spender Spender => new(Member, Agent, Run);
    public bool IsOpen => Status == HoldStatus.Open;
    /// <summary>What it was made for, and at what price.</summary>
    public HeldWork Asked => asked ??= StoredHold.ReadWork(AskedJson);

    /// <summary>How it stands. Read from its JSON when first asked for: most operations on an account do not look into its holds.</summary>
    public HoldState State
    {
        get => state ??= StoredHold.ReadState(StateJson) with { Status = Status, ExpiresAt = ExpiresAt };
        internal set
        {
            state = value;
            (Status, ExpiresAt) = (value.Status, value.ExpiresAt);
            StateJson = StoredHold.Write(value);
        }
    }

    /// <summary>The lines of a receipt for all that is left of the hold.</summary>
    public IReadOnlyList<ReceiptLine> LinesOf(HoldState state) => state.PriceLeft == Asked.Price || Asked.Unit is not { } unit
        ? Asked.Lines
        : [new("what was left of the hold", 1m, state.PriceLeft.Value, 1, state.PriceLeft.Value, unit.Code)];

    internal sealed class Table : IEntityTypeConfiguration<Hold>
    {
        public void Configure(EntityTypeBuilder<Hold> builder)
        {
            builder.ToTable("holds", t => t.HasCheckConstraint("ck_holds_closed", "status = 'Open' or state -> 'parts' = '[]'"));
            builder.HasKey(h => new { h.AccountId, h.Id });
            builder.Property(h => h.OnExpiry).HasConversion<string>().HasMaxLength(10);
            builder.Property(h => h.Enforcement).HasConversion<string>().HasMaxLength(10);
            builder.Property(h => h.Status).HasConversion<string>().HasMaxLength(10);
            builder.Property(h => h.AskedJson).HasColumnName("asked").HasColumnType("jsonb");
            builder.Property(h => h.StateJson).HasColumnName("state").HasColumnType("jsonb");
            builder.Ignore(h => h.ShownId);
            builder.Ignore(h => h.Spender);
            builder.Ignore(h => h.IsOpen);
            builder.Ignore(h => h.Asked);
            builder.Ignore(h => h.State);
            // Partial: what is closed costs the writer nothing.
            builder.HasIndex(h => h.AccountId, "ix_holds_open").HasFilter("status = 'Open'");
            builder.HasIndex(h => h.ExpiresAt, "ix_holds_expiring").HasFilter("status = 'Open'");
            builder.HasIndex(h => new { h.AccountId, h.Run, h.Id }, "ix_holds_run").HasFilter("run is not null");
        }
    }
}

/// <summary>A hold as an operation left it: the answer that a repeat of the operation gets, and the hold's history. Append-only.</summary>
public sealed class HoldChange
{
    public AccountId AccountId { get; init; }
    public Guid HoldId { get; init; }
    public Guid OperationId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public HoldStatus Status { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }
    public string StateJson { get; init; } = "{}";

    public HoldState State => StoredHold.ReadState(StateJson) with { Status = Status, ExpiresAt = ExpiresAt };

    internal sealed class Table : IEntityTypeConfiguration<HoldChange>
    {
        public void Configure(EntityTypeBuilder<HoldChange> builder)
        {
            builder.ToTable("hold_changes");
            builder.HasKey(c => new { c.AccountId, c.HoldId, c.OperationId });
            builder.Property(c => c.Status).HasConversion<string>().HasMaxLength(10);
            builder.Property(c => c.StateJson).HasColumnName("state").HasColumnType("jsonb");
            builder.Ignore(c => c.State);
        }
    }
}
