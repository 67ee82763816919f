using System.Text.Json;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Ledger;

/// <summary>How a ledger row is read back, whole, as it was hashed.</summary>
internal static class TransferReading
{
    public const string Columns = "t.account_id, t.unit, t.seq, t.id, t.is_credit, t.amount, t.balance_after, t.kind, t.book, t.operation_id, t.charge_id, t.grant_ids, t.grant_amounts, t.created_at, t.details_digest, t.hash";

    public static Transfer Read(NpgsqlDataReader reader) => new()
    {
        AccountId = new(reader.GetGuid(0)),
        Unit = Unit.Of(reader.GetString(1)),
        Seq = reader.GetInt64(2),
        Id = new(reader.GetGuid(3)),
        IsCredit = reader.GetBoolean(4),
        Amount = Amount.Of(reader.GetDecimal(5)),
        BalanceAfter = Amount.Of(reader.GetDecimal(6)),
        Kind = Enum.Parse<TransferKind>(reader.GetString(7)),
        Book = Enum.Parse<Book>(reader.GetString(8)),
        OperationId = reader.GetGuid(9),
        ChargeId = reader.IsDBNull(10) ? null : reader.GetGuid(10),
        GrantIds = reader.GetFieldValue<Guid[]>(11),
        GrantAmounts = reader.GetFieldValue<decimal[]>(12),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(13),
        DetailsDigest = reader.IsDBNull(14) ? null : reader.GetFieldValue<byte[]>(14),
        Hash = reader.GetFieldValue<byte[]>(15),
    };

    /// <summary>A row as people see it; the operation's details stand in the column after the row's own.</summary>
    public static TransferView ReadView(NpgsqlDataReader reader)
    {
        var row = Read(reader);
        return new(row.AccountId, row.Id, row.Unit, row.Seq, row.Kind, row.Signed, row.BalanceAfter, row.Book, reader.IsDBNull(16) ? null : ReasonOf(reader.GetString(16)),
            row.ChargeId is { } charge ? new ChargeId(row.AccountId, charge) : null, row.OperationId, row.CreatedAt, Convert.ToHexStringLower(row.Hash));
    }

    private static string? ReasonOf(string details)
    {
        using var json = JsonDocument.Parse(details);
        return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("reason", out var reason) ? reason.GetString() : null;
    }
}
