using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Usage;

/// <summary>Which alerts stand, as of now; raising each once is the database's part. Pure.</summary>
public static class AlertRules
{
    private const decimal UsualLowShare = 0.1m;

    public static IEnumerable<Alert> Of(AlertScene scene, CatalogDocument catalog, DateTimeOffset now)
    {
        foreach (var allowance in scene.Plan.Allowances)
        {
            if (allowance.Included is { IsPositive: true } included && catalog.FindMeter(allowance.Meter) is { } meter)
            {
                foreach (var alert in meter.Kind == MeterKind.Level ? OfLevel(scene, meter, included.Value, now) : OfAllowance(scene, meter, included.Value, now))
                {
                    yield return alert;
                }
            }
        }

        foreach (var wallet in scene.Wallets)
        {
            if (LowBalance(scene, wallet, now) is { } low)
            {
                yield return low;
            }
        }

        if (scene.Settings.SpendInDay is { } most && scene.SpentToday >= most)
        {
            yield return new()
            {
                AccountId = scene.Account, Kind = AlertKind.SpendInDay, Subject = scene.Settings.Unit, Threshold = most, PeriodStart = new(now.UtcDateTime.Date, TimeSpan.Zero),
                Value = scene.SpentToday, Message = $"{Text(scene.SpentToday)} {scene.Settings.Unit} were spent today; the limit for this notice is {Text(most)}.", CreatedAt = now,
            };
        }
    }

    private static IEnumerable<Alert> OfAllowance(AlertScene scene, Meter meter, decimal included, DateTimeOffset now)
    {
        var used = scene.Wallets.FirstOrDefault(w => w.Unit == meter.Unit)?.UsedInPeriod.Value ?? 0m;
        foreach (var threshold in scene.Settings.Thresholds)
        {
            if (used * 100m >= included * threshold)
            {
                yield return new()
                {
                    AccountId = scene.Account, Kind = AlertKind.Quota, Subject = meter.Id, Threshold = threshold, PeriodStart = scene.PeriodStart, Value = used, Limit = included,
                    Message = $"{meter.Name}: {Text(threshold)} % of the allowance is used ({Text(used)} of {Text(included)}). It is new on {scene.PeriodEnd.UtcDateTime:yyyy-MM-dd HH:mm} UTC.", CreatedAt = now,
                };
            }
        }

        if (scene.Projected?.GetValueOrDefault(meter.Id) is { } projected && projected > included && used < included)
        {
            yield return new()
            {
                AccountId = scene.Account, Kind = AlertKind.Projected, Subject = meter.Id, Threshold = 100, PeriodStart = scene.PeriodStart, Value = projected, Limit = included,
                Message = $"{meter.Name}: at the present pace {Text(projected)} will be used by the period's end, more than the {Text(included)} included.", CreatedAt = now,
            };
        }
    }

    /// <summary>What stands at a level does not begin anew with the period; whoever still stands there is told again in the next.</summary>
    private static IEnumerable<Alert> OfLevel(AlertScene scene, Meter meter, decimal included, DateTimeOffset now)
    {
        var standing = scene.Levels.FirstOrDefault(l => l.Meter == meter.Unit)?.Value.Value ?? 0m;
        return scene.Settings.Thresholds.Where(threshold => standing * 100m >= included * threshold).Select(threshold => new Alert
        {
            AccountId = scene.Account, Kind = AlertKind.Quota, Subject = meter.Id, Threshold = threshold, PeriodStart = scene.PeriodStart, Value = standing, Limit = included,
            Message = $"{meter.Name}: {Text(threshold)} % of what the plan includes is reached ({Text(standing)} of {Text(included)}).", CreatedAt = now,
        });
    }

    /// <summary>Only of what was ever put in: an account without credits has none to run out of.</summary>
    private static Alert? LowBalance(AlertScene scene, Wallet wallet, DateTimeOffset now)
    {
        var unit = wallet.Unit;
        if (unit != Unit.Credit && !unit.IsCurrency)
        {
            return null;
        }

        var own = scene.Settings.Unit == unit.Code ? scene.Settings.LowBalance : null;
        var threshold = own ?? scene.Granted.GetValueOrDefault(unit).Value * UsualLowShare;
        return wallet.Seq > 0 && (wallet.Available.Value < threshold || !wallet.Available.IsPositive)
            ? new()
            {
                AccountId = scene.Account, Kind = AlertKind.LowBalance, Subject = unit.Code, Threshold = own ?? 0m, PeriodStart = scene.PeriodStart, Value = wallet.Available.Value,
                Message = $"{Text(wallet.Available.Value)} {unit} are left.", CreatedAt = now,
            }
            : null;
    }

    // Two decimals are enough for a person, and six for less than one.
    private static string Text(decimal value) => value.ToString(Math.Abs(value) < 1m ? "0.######" : "#,0.##", CultureInfo.InvariantCulture);
}
