using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Writes down each day where the chain of every wallet that moved since then ends.</summary>
/// <remarks>Looks every hour, so that a restart never skips a day. Run twice it writes nothing twice: what was anchored in the last 23 hours waits, and what has not moved needs no new anchor.</remarks>
internal sealed class AnchorLedgers(Tenants tenants, TimeProvider time) : RecurringJob
{
    private const int WalletsAtOnce = 1_000;
    private static readonly TimeSpan Rest = TimeSpan.FromHours(23);

    private const string Anchor = """
        with page as materialized (select account_id, unit, seq, balance, last_hash from wallets where (account_id, unit) > ($1, $2) order by account_id, unit limit $3),
        anchored as (
            insert into ledger_anchors (account_id, unit, seq, balance, hash, anchored_at)
            select w.account_id, w.unit, w.seq, w.balance, w.last_hash, $5 from page w
            left join lateral (select a.seq, a.anchored_at from ledger_anchors a where a.account_id = w.account_id and a.unit = w.unit order by a.seq desc limit 1) last on true
            where w.seq > coalesce(last.seq, 0) and (last.anchored_at is null or last.anchored_at <= $4)
            on conflict do nothing)
        select account_id, unit from page order by account_id desc, unit desc limit 1
        """;

    public override string Name => "anchor_ledgers";
    public override TimeSpan Every => TimeSpan.FromHours(1);

    public override async Task RunAsync(CancellationToken ct)
    {
        (Guid Account, string Unit)? last = (Guid.Empty, "");
        while (last is { } after)
        {
            last = await AnchorAfterAsync(after, ct);
        }
    }

    /// <returns>The last wallet of the page; null when there was none.</returns>
    private async Task<(Guid Account, string Unit)?> AnchorAfterAsync((Guid Account, string Unit) after, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // A plan born on an empty database would go on reading whole tables when they have grown.
        await using (var plan = scope.Command("set local enable_seqscan = off"))
        {
            await plan.ExecuteNonQueryAsync(ct);
        }

        (Guid, string)? end = null;
        await using (var command = scope.Command(Anchor))
        {
            var now = time.Now();
            command.Parameters.Add(new() { Value = after.Account });
            command.Parameters.Add(new() { Value = after.Unit });
            command.Parameters.Add(new() { Value = WalletsAtOnce });
            command.Parameters.Add(new() { Value = now - Rest });
            command.Parameters.Add(new() { Value = now });
            await using var reader = await command.ExecuteReaderAsync(ct);
            if (await reader.ReadAsync(ct))
            {
                end = (reader.GetGuid(0), reader.GetString(1));
            }
        }

        await scope.CommitAsync(ct);
        return end;
    }
}
