using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// Meters that stand at a value. Loaded where they are looked at or a border is crossed, for accounts that have some (LedgerHead.HasLevels).
public sealed partial class AccountState
{
    private readonly Dictionary<Unit, Level> levels = [];
    private readonly HashSet<Level> touchedLevels = [];

    internal IReadOnlyCollection<Level> Levels => levels.Values;
    internal IReadOnlyCollection<Level> TouchedLevels => touchedLevels;

    /// <summary>Borders wait to be crossed that levels have to be rated at.</summary>
    internal bool IsDue => Now >= Head.PeriodEnd;

    internal void Add(Level level) => levels[level.Meter] = level;

    /// <summary>What a report would do to a level; nothing is changed.</summary>
    public LevelChange Look(LevelReport report)
    {
        var level = levels.GetValueOrDefault(report.Meter);
        var before = level?.Value ?? Amount.Zero;
        var asOf = AsOf(report);
        var isLate = level is not null && asOf < (report.Value is null ? level.SetAt : level.AsOf);
        var after = isLate ? before : report.Value ?? before + report.Quantity ?? before;
        var allowance = Plan.AllowanceOf(report.Meter.Code);
        return new(before, after, LimitOf(allowance), allowance is null ? Amount.Zero : allowance.Included, isLate);
    }

    /// <summary>Takes a report in. The caller has looked at the limit; below zero it stands at zero.</summary>
    public LevelChange Take(LevelReport report)
    {
        var change = Look(report);
        if (change.IsLate)
        {
            return change;
        }

        var asOf = AsOf(report);
        var level = TouchLevel(report.Meter);
        // What it stood at counts until it is said to have changed, and not twice.
        var from = asOf > level.Until ? asOf : level.Until;
        (level.Area, level.Until) = (level.AreaAt(from), from);
        level.Value = Amount.Max(Amount.Zero, change.After);
        level.Peak = Amount.Max(level.Peak, level.Value);
        level.AsOf = asOf > level.AsOf ? asOf : level.AsOf;
        level.SetAt = report.Value is null ? level.SetAt : asOf;
        return change with { After = level.Value };
    }

    /// <summary>The refusal of a report that goes beyond the plan's limit; a level sends no <c>Retry-After</c> (DESIGN §7.6).</summary>
    public Refusal RefuseLevel(Unit meter, LevelChange change)
    {
        var room = Amount.Max(Amount.Zero, change.Limit!.Value - change.Before);
        var name = Catalog.FindMeter(meter.Code)?.Name ?? meter.Code;
        return new(ErrorCode.QuotaExceeded, $"{name} would stand at {change.After}; the plan {Plan.Name} allows {change.Limit}. Nothing was changed.")
        {
            Unit = meter,
            Required = change.After - change.Before,
            Available = room,
            Shortfall = change.After - change.Before - room,
            Affordable = new(Quantity: room.Value),
        };
    }

    /// <summary>Rates what the levels went beyond the plan up to the end of a stretch: to the book that Stripe is told of, as counters' overage is.</summary>
    /// <param name="end">The period's end, or a change of plan within it.</param>
    private void RateLevels(Period period, DateTimeOffset end)
    {
        foreach (var level in levels.Values.ToArray())
        {
            if (Catalog.FindMeter(level.Meter.Code) is { Kind: MeterKind.Level } meter && Plan.AllowanceOf(meter.Id) is { Overage: not null, Included: { } included })
            {
                // A change of plan within a period is paid for in proportion; a whole period is its own share.
                var share = (decimal)((end - level.CountsFrom) / (period.End - period.Start));
                var beyond = level.Rated(meter, end) - included;
                var rated = beyond.IsPositive ? Amount.Round(beyond.Value * Math.Clamp(share, 0m, 1m)) : Amount.Zero;
                if (rated.IsPositive)
                {
                    Debit(level.Meter, rated, Book.Revenue, TransferKind.Overage);
                    SettleOverage(level.Meter, end, end == period.End ? OverageEnd.PeriodEnd : OverageEnd.PlanChange);
                }
            }

            var standing = TouchLevel(level.Meter);
            (standing.Peak, standing.Area, standing.CountsFrom) = (standing.Value, 0m, end);
            standing.Until = standing.Until > end ? standing.Until : end;
        }
    }

    private Level TouchLevel(Unit meter)
    {
        if (!levels.TryGetValue(meter, out var level))
        {
            level = new() { AccountId = Account, Meter = meter, AsOf = Head.PeriodStart, SetAt = Head.PeriodStart, Until = Head.PeriodStart, CountsFrom = Head.PeriodStart };
            levels.Add(meter, level);
            undo.Add(() => levels.Remove(meter));
            if (!Head.HasLevels)
            {
                TouchHead();
                Head.HasLevels = true;
            }
        }

        if (touchedLevels.Add(level))
        {
            undo.Add(() => touchedLevels.Remove(level));
        }

        var (value, asOf, setAt, peak, area, until, from) = (level.Value, level.AsOf, level.SetAt, level.Peak, level.Area, level.Until, level.CountsFrom);
        undo.Add(() => (level.Value, level.AsOf, level.SetAt, level.Peak, level.Area, level.Until, level.CountsFrom) = (value, asOf, setAt, peak, area, until, from));
        return level;
    }

    // What lies ahead is now: nobody may stop a level from being said any more.
    private DateTimeOffset AsOf(LevelReport report) => report.AsOf is { } said && said < Now ? said : Now;

    private static Amount? LimitOf(Allowance? allowance) => allowance switch
    {
        null => Amount.Zero,
        { Included: null } or { Overage: not null } => null,
        { Cap: Cap.Hard, Included: { } included } => included,
        { Included: { } included } => Amount.Round(included.Value * allowance.GracePercent / 100m),
    };
}
