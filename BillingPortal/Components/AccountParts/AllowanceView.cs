using BillingPortal.Catalog;
using BillingPortal.Components.Shared;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Components.AccountParts;

/// <summary>One allowance of an account's plan and how much of it this period has used.</summary>
/// <param name="Id">The meter's id, <c>credit</c> or <c>free_use</c>.</param>
/// <param name="Included">Null: unlimited.</param>
/// <param name="Projected">Where the period is likely to end, weekday by weekday; null while it is too early to say.</param>
/// <param name="Beyond">What happens after the allowance, in words.</param>
public sealed record AllowanceView(string Id, string Name, decimal Used, decimal? Included, decimal? Projected, DateTimeOffset? ResetsAt, string? Beyond)
{
    /// <summary>What it is measured in, where its name does not say; null: it is a number of things.</summary>
    public string? UnitLabel { get; init; }

    /// <summary>Using it up is no alarm: bought credits pay on.</summary>
    public bool IsGentle => Id is "credit" or "free_use";

    /// <summary>The allowances of a plan against its wallets, in the catalog's order. Pure.</summary>
    public static IReadOnlyList<AllowanceView> Of(CatalogDocument catalog, Plan plan, Standing standing, IReadOnlyList<WalletView> wallets, IReadOnlyList<Level> levels, IReadOnlyDictionary<string, decimal?> projected)
    {
        var views = new List<AllowanceView>();
        foreach (var allowance in plan.Allowances)
        {
            if (catalog.FindMeter(allowance.Meter) is not { } meter)
            {
                continue;
            }

            if (meter.Kind == MeterKind.Level)
            {
                // Seats, storage: what stands now; it does not begin anew.
                views.Add(new(meter.Id, meter.Name, levels.FirstOrDefault(l => l.Meter == meter.Unit)?.Value.Value ?? 0m, allowance.Included?.Value, null, null, allowance.Beyond(catalog, plan)) { UnitLabel = meter.UnitLabel == "GB" ? meter.UnitLabel : null });
                continue;
            }

            var used = wallets.FirstOrDefault(w => w.Unit == meter.Unit)?.UsedInPeriod.Value ?? 0m;
            views.Add(new(meter.Id, meter.Name, used, allowance.Included?.Value, used > 0m ? projected.GetValueOrDefault(meter.Id) : null, standing.PeriodEnd, allowance.Beyond(catalog, plan)));
        }

        var credits = wallets.FirstOrDefault(w => w.Unit == Unit.Credit);
        if (plan.IncludedCredits.IsPositive)
        {
            var used = credits?.UsedInPeriod.Value ?? 0m;
            views.Add(new("credit", "Credits of the plan", used, plan.IncludedCredits.Value, null, standing.PeriodEnd, null));
        }

        if (catalog.FreeUses > 0 && wallets.FirstOrDefault(w => w.Unit == Unit.FreeUse) is { Balance.IsPositive: true } free)
        {
            views.Add(new("free_use", "Free uses", Math.Max(0m, catalog.FreeUses - free.Balance.Value), catalog.FreeUses, null, null, "granted once, to begin with"));
        }

        return views;
    }
}
