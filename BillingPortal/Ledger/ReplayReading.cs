using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>Reads back what operations had done, so that a repeat gets the same answer again.</summary>
internal static class ReplayReading
{
    private const string Transfers = $"""
        select {TransferReading.Columns} from unnest($1::uuid[], $2::text[], $3::bigint[]) with ordinality as asked (account_id, unit, seq, n)
        join transfers t on t.account_id = asked.account_id and t.unit = asked.unit and t.seq = asked.seq order by asked.n
        """;

    public static async Task<Dictionary<Guid, PostResult.Posted>> ReadAsync(NpgsqlConnection connection, IReadOnlyList<(RecordedOperation Operation, Guid? Hold)> repeats, CancellationToken ct)
    {
        var operations = repeats.Select(r => r.Operation).ToArray();
        var asked = operations.SelectMany(o => MovedText.Parse(o.Moved).Select(m => (o.AccountId, m.Unit, m.Seq))).ToArray();
        await using var batch = new NpgsqlBatch(connection);
        batch.Add(Transfers,
            new() { Value = Array.ConvertAll(asked, a => a.AccountId.Value), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
            new() { Value = Array.ConvertAll(asked, a => a.Unit), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
            new() { Value = Array.ConvertAll(asked, a => a.Seq), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        ChargeReading.AddCharges(batch, [.. operations.Where(o => o.Kind is "charge" or "capture" or "rerate").Select(o => (o.AccountId, o.Id))]);
        ChargeReading.AddRefundsById(batch, [.. operations.Where(o => o.Kind is "refund" or "rerate").Select(o => (o.AccountId, o.Id))]);
        HoldReading.AddChanges(batch, [.. repeats.Where(r => r.Hold is not null || r.Operation.Kind == "hold").Select(r => (r.Operation.AccountId, r.Hold ?? r.Operation.Id, r.Operation.Id))]);

        await using var reader = await batch.ExecuteReaderAsync(ct);
        var transfers = new List<Transfer>(asked.Length);
        while (await reader.ReadAsync(ct))
        {
            transfers.Add(TransferReading.Read(reader));
        }

        await reader.NextResultAsync(ct);
        var charges = (await ChargeReading.ReadChargesAsync(reader, ct)).ToDictionary(c => c.Id);
        await reader.NextResultAsync(ct);
        var refunds = (await ChargeReading.ReadRefundsAsync(reader, ct)).ToDictionary(r => r.Id);
        await reader.NextResultAsync(ct);
        var holds = (await HoldReading.ReadChangesAsync(reader, ct)).ToDictionary(c => c.OperationId);
        var byOperation = transfers.ToLookup(t => t.OperationId);
        return operations.ToDictionary(o => o.Id, o => new PostResult.Posted(o.Id, o.CreatedAt, [.. byOperation[o.Id]], Replayed: true)
        {
            Charge = charges.GetValueOrDefault(o.Id),
            Refund = refunds.GetValueOrDefault(o.Id),
            Hold = holds.GetValueOrDefault(o.Id),
        });
    }
}
