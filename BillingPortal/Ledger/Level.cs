using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace BillingPortal.Ledger;

/// <summary>Where a meter stands that is not counted up: storage, seats (DESIGN §1). No wallet: what it goes beyond the plan is rated when the period closes.</summary>
public sealed class Level
{
    public AccountId AccountId { get; init; }
    public Unit Meter { get; init; }
    /// <summary>Zero or more.</summary>
    public Amount Value { get; set; }
    /// <summary>What was last said is as of here; to set what was so before means nothing any more.</summary>
    public DateTimeOffset AsOf { get; set; }
    /// <summary>When the value was last set, as of; a change from before it is in it already.</summary>
    public DateTimeOffset SetAt { get; set; }
    /// <summary>The highest since <see cref="CountsFrom"/>.</summary>
    public Amount Peak { get; set; }
    /// <summary>Value × seconds from <see cref="CountsFrom"/> to <see cref="Until"/>.</summary>
    public decimal Area { get; set; }
    public DateTimeOffset Until { get; set; }
    /// <summary>Where what is to be rated begins: the period, or a change of plan within it.</summary>
    public DateTimeOffset CountsFrom { get; set; }

    /// <summary>What the stretch up to an instant comes to, by the meter's rule, rounded up to its step.</summary>
    internal Amount Rated(Meter meter, DateTimeOffset end)
    {
        var seconds = (decimal)(end - CountsFrom).TotalSeconds;
        var exact = meter.LevelRating switch
        {
            LevelRating.Max => Peak.Value,
            LevelRating.Last => Value.Value,
            LevelRating.Average => seconds <= 0m ? Value.Value : AreaAt(end) / seconds,
        };
        return Amount.Round(meter.Step > 0m ? decimal.Ceiling(decimal.Round(exact / meter.Step, 9)) * meter.Step : exact);
    }

    internal decimal AreaAt(DateTimeOffset at) => Area + (Value.Value * Math.Max(0m, (decimal)(at - Until).TotalSeconds));

    internal sealed class Table : IEntityTypeConfiguration<Level>
    {
        public void Configure(EntityTypeBuilder<Level> builder)
        {
            builder.ToTable("levels", t => t.HasCheckConstraint("ck_levels_value", "value >= 0"));
            builder.HasKey(l => new { l.AccountId, l.Meter });
            builder.Property(l => l.Area).HasColumnType("numeric(28,6)");
            builder.HasStorageParameter("fillfactor", 70);
        }
    }
}

/// <summary>What is said of a level: that it stands at a value, or that it changed by a quantity.</summary>
/// <param name="AsOf">When it was so; null: now.</param>
public readonly record struct LevelReport(Unit Meter, Amount? Value, Amount? Quantity, DateTimeOffset? AsOf);

/// <summary>What a report does, or would do.</summary>
/// <param name="Limit">Where it is refused; null: nowhere.</param>
/// <param name="Included">What the plan includes; null: unlimited.</param>
/// <param name="IsLate">It is older than what is known, and changes nothing.</param>
public readonly record struct LevelChange(Amount Before, Amount After, Amount? Limit, Amount? Included, bool IsLate)
{
    /// <summary>Only going up is refused: who stands above a limit may always come down.</summary>
    public bool IsBeyond => Limit is { } limit && After > limit && After > Before;
    public bool IsOverIncluded => Included is { } included && After > included;
}
