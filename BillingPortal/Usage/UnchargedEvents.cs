using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage;

/// <summary>How many events wait for their charge, and since when the oldest does.</summary>
public sealed record UnchargedCounts(long Waiting, long Parked, DateTimeOffset? Oldest);

/// <summary>Events that are not charged yet: those that wait their turn, and those that a person must look at.</summary>
public sealed class UnchargedEvents(Tenants tenants, AuditTrail audit)
{
    public const string Prefix = "usage_";
    /// <summary>Rows that are counted at most: beyond it the answer is as good.</summary>
    private const int MostCounted = 100_000;

    /// <summary>Parked ones first, then those that wait, oldest first; at most <paramref name="limit"/> of each.</summary>
    /// <param name="parked">Only those that cannot be charged; null: both.</param>
    public async Task<IReadOnlyList<UnchargedUsage>> ListAsync(bool? parked, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var rows = scope.Db.Set<UnchargedUsage>().AsNoTracking();
        List<UnchargedUsage> found = [];
        if (parked is not false)
        {
            found.AddRange(await rows.Where(u => u.Refusal != null).OrderBy(u => u.Time).Take(limit).ToListAsync(ct));
        }

        if (parked is not true)
        {
            found.AddRange(await rows.Where(u => u.Refusal == null).OrderBy(u => u.Time).Take(limit).ToListAsync(ct));
        }

        return found;
    }

    public async Task<UnchargedCounts> CountAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var command = scope.Command($"select count(*) filter (where refusal is null), count(*) filter (where refusal is not null), min(time) from (select refusal, time from uncharged_usage limit {MostCounted}) u");
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new(reader.GetInt64(0), reader.GetInt64(1), reader.IsDBNull(2) ? null : reader.GetFieldValue<DateTimeOffset>(2));
    }

    /// <summary>Puts a parked one back into the line: it is charged within a second, or parked again with the reason of then.</summary>
    /// <returns>Null when it is in the line; 404 for none that is parked.</returns>
    public async Task<Refusal?> RetryAsync(string actor, AccountId account, Guid id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command("update uncharged_usage set refusal = null where account_id = $1 and id = $2 and refusal is not null");
        command.Parameters.Add(new() { Value = account.Value });
        command.Parameters.Add(new() { Value = id });
        if (await command.ExecuteNonQueryAsync(ct) == 0)
        {
            return Unknown;
        }

        audit.Record(scope, actor, "uncharged_usage.retried", ShownId.Show(Prefix, account.Value, id), account: account);
        await scope.CommitAsync(ct);
        return null;
    }

    internal static Refusal Unknown { get; } = new(ErrorCode.NotFound, "No such usage is parked. Nothing was done.");
}
