using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Ledger;

/// <summary>How charges and their refunds are read back.</summary>
internal static class ChargeReading
{
    public const string Columns = """
        c.account_id, c.id, c.created_at, c.occurred_at, c.action, c.meter, c.provider, c.model, c.tool, c.feature, c.member, c.agent, c.run, c.quantity,
        c.input_tokens, c.output_tokens, c.cached_input_tokens, c.outcome, c.enforcement, c.would_refuse, c.receipt, c.cache_write_tokens, c.reasoning_tokens, c.cost
        """;

    private const string ChargesById = $"""
        select {Columns} from unnest($1::uuid[], $2::uuid[]) as asked (account_id, id) join charges c on c.account_id = asked.account_id and c.id = asked.id
        """;

    private const string RefundColumns = "r.account_id, r.charge_id, r.id, r.units, r.amounts, r.created_at, r.price";

    private const string RefundsByCharge = $"""
        select {RefundColumns} from unnest($1::uuid[], $2::uuid[]) as asked (account_id, charge_id)
        join charge_refunds r on r.account_id = asked.account_id and r.charge_id = asked.charge_id order by r.created_at, r.id
        """;

    private const string RefundsById = $"""
        select {RefundColumns} from unnest($1::uuid[], $2::uuid[]) as asked (account_id, id) join charge_refunds r on r.account_id = asked.account_id and r.id = asked.id
        """;

    public static void AddCharges(NpgsqlBatch batch, (AccountId Account, Guid Id)[] asked) => Add(batch, ChargesById, asked);

    public static void AddRefundsById(NpgsqlBatch batch, (AccountId Account, Guid Id)[] asked) => Add(batch, RefundsById, asked);

    public static void AddRefundsByCharge(NpgsqlBatch batch, (AccountId Account, Guid Id)[] asked) => Add(batch, RefundsByCharge, asked);

    /// <summary>The charges that operations refund, what went back of them already, and the grants that they drew on.</summary>
    public static async Task<Dictionary<Guid, (Charge Charge, List<ChargeRefund> Refunds, List<Grant> Grants)>> ForRefundsAsync(
        NpgsqlConnection connection, IReadOnlyList<Operation> operations, CancellationToken ct)
    {
        (AccountId, Guid)[] asked = [.. operations.Where(o => o.ChargeToLoad is not null).Select(o => (o.Account, o.ChargeToLoad!.Value)).Distinct()];
        List<Charge> charges;
        List<ChargeRefund> refunds;
        await using (var batch = new NpgsqlBatch(connection))
        {
            AddCharges(batch, asked);
            AddRefundsByCharge(batch, asked);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            charges = await ReadChargesAsync(reader, ct);
            await reader.NextResultAsync(ct);
            refunds = await ReadRefundsAsync(reader, ct);
        }

        var loaded = new Dictionary<Guid, (Charge, List<ChargeRefund>, List<Grant>)>();
        foreach (var charge in charges)
        {
            Guid[] drawn = [.. StoredReceipt.Read(charge).Funding.SelectMany(f => f.Grants).Select(g => g.Grant.Value).Distinct()];
            var grants = drawn.Length == 0 ? [] : await BatchReading.GrantsAsync(connection, charge.AccountId, drawn, ct);
            loaded[charge.Id] = (charge, [.. refunds.Where(r => r.ChargeId == charge.Id)], grants);
        }

        return loaded;
    }

    public static async Task<List<Charge>> ReadChargesAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var charges = new List<Charge>();
        while (await reader.ReadAsync(ct))
        {
            charges.Add(ReadCharge(reader));
        }

        return charges;
    }

    public static async Task<List<ChargeRefund>> ReadRefundsAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        var refunds = new List<ChargeRefund>();
        while (await reader.ReadAsync(ct))
        {
            refunds.Add(new()
            {
                AccountId = new(reader.GetGuid(0)),
                ChargeId = reader.GetGuid(1),
                Id = reader.GetGuid(2),
                Units = reader.GetFieldValue<string[]>(3),
                Amounts = reader.GetFieldValue<decimal[]>(4),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(5),
                Price = reader.IsDBNull(6) ? null : Amount.Of(reader.GetDecimal(6)),
            });
        }

        return refunds;
    }

    private static void Add(NpgsqlBatch batch, string sql, (AccountId Account, Guid Id)[] asked) => batch.Add(sql,
        new() { Value = Array.ConvertAll(asked, a => a.Account.Value), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
        new() { Value = Array.ConvertAll(asked, a => a.Id), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });

    private static Charge ReadCharge(NpgsqlDataReader reader)
    {
        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        long? Number(int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);
        return new()
        {
            AccountId = new(reader.GetGuid(0)),
            Id = reader.GetGuid(1),
            CreatedAt = reader.GetFieldValue<DateTimeOffset>(2),
            OccurredAt = reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3),
            Action = Text(4),
            Meter = Text(5),
            Provider = Text(6),
            Model = Text(7),
            Tool = Text(8),
            Feature = Text(9),
            Member = Text(10),
            Agent = Text(11),
            Run = Text(12),
            Quantity = reader.GetDecimal(13),
            InputTokens = Number(14),
            OutputTokens = Number(15),
            CachedInputTokens = Number(16),
            Outcome = reader.GetString(17),
            Enforcement = Enum.Parse<EnforcementMode>(reader.GetString(18)),
            WouldRefuse = Text(19),
            ReceiptJson = reader.GetString(20),
            CacheWriteTokens = Number(21),
            ReasoningTokens = Number(22),
            Cost = reader.IsDBNull(23) ? null : Amount.Of(reader.GetDecimal(23)),
        };
    }
}
