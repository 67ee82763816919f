using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Usage.ReRatings;

/// <summary>Reads what one preview must know of a meter's use in the periods that it is about; kept for the account that it is at.</summary>
/// <param name="card">The rate card that is replayed.</param>
/// <param name="from">Where the replayed time begins.</param>
internal sealed class MeterHistory(CatalogDocument catalog, string card, DateTimeOffset from)
{
    /// <summary>Most charges of one account and meter whose order is followed.</summary>
    private const int Most = 500_000;

    // What happens is charged at once or later; by a clock that is ahead, five minutes before.
    private static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    private const string Standing = """
        select h.plan, h.overrides, h.period_anchor, h.period_start, h.period_end, a.time_zone from ledger_heads h join accounts a using (account_id) where h.account_id = $1
        """;

    // What another card or a customer's own price has charged counts as far as the meter's wallet has counted it.
    private const string Charges = """
        select c.id, (c.receipt->>'rerates')::uuid, c.created_at, c.quantity, c.outcome, starts_with(coalesce(c.receipt->>'rate_version', ''), $4), (c.receipt->>'tiers_from')::numeric,
            coalesce((select sum((p->>'amount')::numeric) from jsonb_array_elements(c.receipt->'funding') p where p->>'unit' = $2), 0), c.enforcement <> 'Off'
        from charges c where c.account_id = $1 and c.meter = $2 and c.created_at >= $3 limit $5
        """;

    // What the wallet has not counted is given back with the last of its price.
    private const string Refunds = """
        with given as (
            select r.charge_id, r.id, r.created_at, c.quantity, (c.receipt->'price'->0->>'amount')::numeric as price,
                coalesce((select sum(amount) from unnest(r.units, r.amounts) as back (unit, amount) where back.unit = $2), 0) as counted,
                exists (select from jsonb_array_elements(c.receipt->'funding') p where p->>'unit' = $2) as is_counted,
                sum(coalesce(r.price, (select sum(amount) from unnest(r.units, r.amounts) as back (unit, amount) where back.unit = c.receipt->'price'->0->>'unit'), 0)) over (partition by r.charge_id order by r.created_at, r.id) as so_far,
                row_number() over (partition by r.charge_id order by r.created_at desc, r.id desc) as from_last
            from charge_refunds r join charges c on c.account_id = r.account_id and c.id = r.charge_id
            where r.account_id = $1 and c.meter = $2 and c.created_at >= $3 and c.enforcement <> 'Off')
        select charge_id, created_at, case when is_counted then counted when from_last = 1 and so_far >= coalesce(price, 0) then quantity else 0 end from given
        """;

    private readonly Dictionary<string, Dictionary<Guid, Amount>?> byMeter = [];
    private AccountId account;

    /// <summary>Where the tiers of a charge of a meter begin.</summary>
    /// <returns>Null: there are too many charges to follow.</returns>
    public async Task<Amount?> StartAsync(TenantScope scope, AccountId of, string meter, Guid charge, CancellationToken ct)
    {
        if (of != account)
        {
            byMeter.Clear();
            account = of;
        }

        if (!byMeter.TryGetValue(meter, out var starts))
        {
            byMeter[meter] = starts = await ReadAsync(scope, meter, ct);
        }

        return starts is null ? null : starts.GetValueOrDefault(charge);
    }

    private async Task<Dictionary<Guid, Amount>?> ReadAsync(TenantScope scope, string meter, CancellationToken ct)
    {
        var periodOf = await PeriodsAsync(scope, ct);
        var since = periodOf(from - Ahead).Start;
        var charges = new List<MeterCharge>();
        await using (var command = scope.Command(Charges))
        {
            Name(command, meter, since);
            command.Parameters.Add(new() { Value = $"{card} v" });
            command.Parameters.Add(new() { Value = Most + 1 });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                charges.Add(Read(reader));
            }
        }

        return charges.Count > Most ? null : TierStarts.Of(charges, await RefundsAsync(scope, meter, since, ct), periodOf);
    }

    private MeterCharge Read(NpgsqlDataReader reader)
    {
        var counted = reader.GetDecimal(7);
        // What an outcome makes free was not used, and what was only recorded is not counted.
        var isUsed = reader.GetBoolean(8) && catalog.OutcomeShares.GetValueOrDefault(OutcomeNames.Find(reader.GetString(4)) ?? Outcome.Success, 1m) > 0m;
        var counts = reader.GetBoolean(5) ? (isUsed ? reader.GetDecimal(3) : 0m) : counted;
        return new(reader.GetGuid(0), reader.IsDBNull(1) ? null : reader.GetGuid(1), reader.GetFieldValue<DateTimeOffset>(2), Amount.Round(counts), reader.IsDBNull(6) ? null : Amount.Of(reader.GetDecimal(6)), counted > 0m);
    }

    private async Task<List<MeterRefund>> RefundsAsync(TenantScope scope, string meter, DateTimeOffset since, CancellationToken ct)
    {
        await using var command = scope.Command(Refunds);
        Name(command, meter, since);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var refunds = new List<MeterRefund>();
        while (await reader.ReadAsync(ct))
        {
            refunds.Add(new(reader.GetGuid(0), reader.GetFieldValue<DateTimeOffset>(1), Amount.Round(reader.GetDecimal(2))));
        }

        return refunds;
    }

    /// <summary>The account's periods: the present one as it stands, those before by its present rule.</summary>
    private async Task<Func<DateTimeOffset, Period>> PeriodsAsync(TenantScope scope, CancellationToken ct)
    {
        await using var command = scope.Command(Standing);
        command.Parameters.Add(new() { Value = account.Value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var plan = catalog.PlanFor(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1));
        var anchor = reader.GetFieldValue<DateTimeOffset>(2);
        var present = new Period(reader.GetFieldValue<DateTimeOffset>(3), reader.GetFieldValue<DateTimeOffset>(4));
        var zone = Zones.Find(reader.GetString(5));
        return instant =>
        {
            if (instant >= present.Start)
            {
                return present;
            }

            var period = plan.Period == PeriodRule.Calendar ? Zones.Month(instant, zone) : Period.Monthly(anchor, instant);
            return period.End > present.Start ? period with { End = present.Start } : period;
        };
    }

    private void Name(NpgsqlCommand command, string meter, DateTimeOffset since)
    {
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = meter });
        command.Parameters.Add(new() { Value = since });
    }
}
