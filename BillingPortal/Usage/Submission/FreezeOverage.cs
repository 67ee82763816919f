using System.Data;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Usage.Submission;

/// <summary>Turns overage into reports: each is numbered and frozen, in the transaction that moves the standing, before Stripe hears of it.</summary>
internal sealed class FreezeOverage(Tenants tenants, CatalogSnapshot catalog, TimeProvider time)
{
    private const int AccountsAtOnce = 200;

    private const string Take = """
        delete from overage_marks where (account_id, id) in (
            select account_id, id from overage_marks where account_id in (select distinct account_id from (select account_id from overage_marks order by account_id limit $1) m) for update skip locked)
        returning account_id
        """;

    private const string Lock = """
        insert into meter_standings (account_id, meter, settled_seq, settled, reported, number)
        select account_id, unit, 0, 0, 0, 0 from wallets where account_id = any($1) and unit = any($2) order by 1, 2
        on conflict do nothing
        """;

    // One statement: a stretch that is closed meanwhile is seen open or closed, never as both.
    private const string Read = """
        select s.account_id, s.meter, s.settled_seq, s.settled, s.reported, s.number, w.debt, h.plan, h.overrides, h.period_end, h.period_start, s.open_until,
            o.seq, o.amount, o.plan, o.price, o.per, o.currency, o.closed_at, o."end"
        from meter_standings s
        join wallets w on w.account_id = s.account_id and w.unit = s.meter
        join ledger_heads h on h.account_id = s.account_id
        left join overages o on o.account_id = s.account_id and o.meter = s.meter and o.seq > s.settled_seq
        where s.account_id = any($1) and s.meter = any($2) order by 1, 2, o.seq
        """;

    /// <summary>Remembers, in the transaction that counted their charges, which accounts have overage now.</summary>
    public async Task MarkAsync(TenantScope scope, Guid[] accounts, CancellationToken ct)
    {
        if (accounts.Length == 0 || Meters is not { Length: > 0 } meters)
        {
            return;
        }

        // One a minute is enough; whoever takes it away has read what stood before.
        await using var command = scope.Command("""
            insert into overage_marks (account_id, id)
            select account_id, md5(date_trunc('minute', now())::text)::uuid from (
                select distinct account_id from wallets where account_id = any($1) and unit = any($2) and debt > 0 order by account_id) w
            on conflict do nothing
            """);
        command.Parameters.Add(new() { Value = accounts });
        command.Parameters.Add(new() { Value = meters });
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Freezes all that is due.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        await MarkEndedAsync(ct);
        while (await FreezeSomeAsync(ct))
        {
        }
    }

    /// <summary>Periods that ended after something was reported of them: nobody else looks again where refunds left no debt to close.</summary>
    private async Task MarkEndedAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"insert into overage_marks (account_id, id) select account_id, gen_random_uuid() from (select distinct account_id from meter_standings where open_until <= {time.Now()}) s", ct);
        await scope.CommitAsync(ct);
    }

    private string[] Meters => catalog.IsLoaded ? [.. catalog.Current.Meters.Select(m => m.Id)] : [];

    /// <returns>Whether there may be more.</returns>
    private async Task<bool> FreezeSomeAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        var accounts = await TakeAsync(scope, ct);
        if (accounts.Length == 0)
        {
            return false;
        }

        var rows = await ReadAsync(scope, accounts, ct);
        var ids = Array.ConvertAll(accounts, a => new AccountId(a));
        var customers = (await scope.Db.Set<CustomerLink>().AsNoTracking().Where(l => ids.Contains(l.AccountId) && l.CustomerId != null).Select(l => l.AccountId).ToListAsync(ct)).ToHashSet();
        var subscriptions = (await scope.Db.Set<Subscription>().AsNoTracking().Where(s => ids.Contains(s.AccountId)).ToListAsync(ct)).ToLookup(s => s.AccountId);
        var now = time.Now();
        foreach (var row in rows)
        {
            var open = customers.Contains(row.Account) ? OpenOf(row, CurrentSubscription.Of(subscriptions[row.Account]), now) : null;
            var isOver = row.Standing.OpenUntil <= row.PeriodStart;
            var over = isOver ? await LastAsync(scope, row.Standing, ct) : null;
            row.Standing.OpenUntil = isOver ? null : row.Standing.OpenUntil;
            foreach (var due in OverageDue.Of(row.Standing.Settled, row.Standing.Reported, row.Closed, over, open, now))
            {
                row.Standing.OpenUntil = due.End == StretchEnd.Open ? row.PeriodEnd : row.Standing.OpenUntil;
                row.Standing.Number++;
                row.Standing.Reported += due.Value;
                scope.Db.Add(MeterReport.Of(row.Account, row.Standing.Meter, row.Standing.Number, due, now));
            }

            row.Standing.Settled += row.Closed.Sum(o => o.Amount.Value);
            row.Standing.SettledSeq = row.Closed.Count > 0 ? row.Closed[^1].Seq : row.Standing.SettledSeq;
            scope.Db.Update(row.Standing);
        }

        await scope.CommitAsync(ct);
        return true;
    }

    /// <summary>Within the period only what a meter will count: items wait for its end, so that a bill has one and not hundreds.</summary>
    private OpenOverage? OpenOf(Row row, Subscription? current, DateTimeOffset now)
    {
        var plan = catalog.Current.PlanFor(row.Plan, row.Overrides);
        return row.Debt > 0 && plan.AllowanceOf(row.Standing.Meter.Code)?.Overage is { } terms
            && Route.Of(1, row.Standing.Meter.Code, terms, now < row.PeriodEnd ? now : row.PeriodEnd.AddSeconds(-1), StretchEnd.Open, current, now) == ReportWay.MeterEvent
            ? new(Amount.Of(row.Debt), terms, plan.Id, row.PeriodEnd)
            : null;
    }

    /// <summary>On whose terms the period was reported that is over.</summary>
    private static async Task<OpenOverage> LastAsync(TenantScope scope, MeterStanding standing, CancellationToken ct)
    {
        var last = await scope.Db.Set<MeterReport>().AsNoTracking().SingleAsync(r => r.AccountId == standing.AccountId && r.Meter == standing.Meter && r.Number == standing.Number, ct);
        return new(Amount.Zero, last.Terms, last.Plan, standing.OpenUntil!.Value);
    }

    private static async Task<Guid[]> TakeAsync(TenantScope scope, CancellationToken ct)
    {
        await using var command = scope.Command(Take);
        command.Parameters.Add(new() { Value = AccountsAtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var accounts = new HashSet<Guid>();
        while (await reader.ReadAsync(ct))
        {
            accounts.Add(reader.GetGuid(0));
        }

        return [.. accounts];
    }

    private async Task<List<Row>> ReadAsync(TenantScope scope, Guid[] accounts, CancellationToken ct)
    {
        var meters = Meters;
        NpgsqlCommand On(string sql) => new(sql, scope.Connection, scope.Transaction) { Parameters = { new() { Value = accounts }, new() { Value = meters } } };
        await using (var make = On(Lock))
        {
            await make.ExecuteNonQueryAsync(ct);
        }

        await using (var held = On("select 1 from meter_standings where account_id = any($1) and meter = any($2) order by account_id, meter for update"))
        {
            await held.ExecuteNonQueryAsync(ct);
        }

        await using var command = On(Read);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<Row>();
        while (await reader.ReadAsync(ct))
        {
            var (account, meter) = (new AccountId(reader.GetGuid(0)), Unit.Of(reader.GetString(1)));
            if (rows.Count == 0 || rows[^1].Account != account || rows[^1].Standing.Meter != meter)
            {
                rows.Add(new(account,
                    new() { AccountId = account, Meter = meter, SettledSeq = reader.GetInt64(2), Settled = reader.GetDecimal(3), Reported = reader.GetInt64(4), Number = reader.GetInt32(5), OpenUntil = reader.IsDBNull(11) ? null : reader.GetFieldValue<DateTimeOffset>(11) },
                    reader.GetDecimal(6), reader.GetString(7), reader.IsDBNull(8) ? null : reader.GetString(8), reader.GetFieldValue<DateTimeOffset>(9), reader.GetFieldValue<DateTimeOffset>(10), []));
            }

            if (!reader.IsDBNull(12))
            {
                rows[^1].Closed.Add(new()
                {
                    AccountId = account,
                    Meter = meter,
                    Seq = reader.GetInt64(12),
                    Amount = Amount.Of(reader.GetDecimal(13)),
                    Plan = reader.GetString(14),
                    Price = reader.GetDecimal(15),
                    Per = reader.GetInt32(16),
                    Currency = Unit.Of(reader.GetString(17)),
                    ClosedAt = reader.GetFieldValue<DateTimeOffset>(18),
                    End = Enum.Parse<OverageEnd>(reader.GetString(19)),
                });
            }
        }

        return rows;
    }

    private sealed record Row(AccountId Account, MeterStanding Standing, decimal Debt, string Plan, string? Overrides, DateTimeOffset PeriodEnd, DateTimeOffset PeriodStart, List<Overage> Closed);
}
