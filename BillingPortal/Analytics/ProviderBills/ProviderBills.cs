using System.Security.Cryptography;
using System.Text;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Analytics.ProviderBills;

/// <summary>Tokens of one kind, as billed and as recorded.</summary>
public sealed record ComparedTokens(string Kind, decimal Billed, decimal Recorded);

/// <summary>One model or day of a bill beside our records.</summary>
/// <param name="Day">Null where it is summed up by model.</param>
/// <param name="Provider">Null where it is summed up by day.</param>
/// <param name="RecordedCost">What our records say that it cost, at the costs of the catalog at the time.</param>
/// <param name="Difference">Billed less recorded.</param>
public sealed record ComparedBill(DateOnly? Day, string? Provider, string? Model, IReadOnlyList<ComparedTokens> Tokens, decimal BilledCost, decimal RecordedCost, decimal Difference);

/// <summary>What a comparison is summed up by.</summary>
public enum BillGrouping { Model, Day, ModelAndDay }

/// <summary>Bills of providers: imported whole or not at all, compared with the rollups of the same days and providers, removed.</summary>
public sealed class ProviderBills(Tenants tenants, CatalogSnapshot catalog, AuditTrail audit, TimeProvider time)
{
    public const int LongestName = 100;

    /// <param name="name">How people call it, at most <see cref="LongestName"/> characters.</param>
    /// <param name="csv">As <see cref="ProviderBillCsv"/> reads it.</param>
    /// <returns>The bill; a refusal naming line and reason, or a conflict for a file that is imported already. Then nothing was imported.</returns>
    public async Task<Result<ProviderBill>> ImportAsync(string actor, string name, string csv, CancellationToken ct = default)
    {
        if (!PlainText.IsValid(name, LongestName))
        {
            return Refusal.Invalid("name", $"Is required: at most {LongestName} characters. Nothing was imported.");
        }

        if (!ProviderBillCsv.Read(csv).TryGet(out var lines, out var refusal))
        {
            return refusal;
        }

        var bill = new ProviderBill
        {
            Id = Guid.CreateVersion7(),
            Name = name,
            FirstDay = lines.Min(l => l.Day),
            LastDay = lines.Max(l => l.Day),
            Lines = lines.Count,
            Cost = lines.Sum(l => l.Cost),
            Digest = SHA256.HashData(Encoding.UTF8.GetBytes(csv)),
            ImportedAt = time.Now(),
            ImportedBy = actor,
        };
        if (bill.LastDay.DayNumber - bill.FirstDay.DayNumber > 366)
        {
            return Refusal.Invalid("day", "The bill spans more than a year: import it in parts. Nothing was imported.");
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        scope.Db.Add(bill);
        scope.Db.AddRange(lines.GroupBy(l => (l.Day, l.Provider, l.Model, l.TokenKind)).Select(g => new ProviderBillLine
        {
            BillId = bill.Id,
            Day = g.Key.Day,
            Provider = g.Key.Provider,
            Model = g.Key.Model,
            TokenKind = g.Key.TokenKind,
            Tokens = g.Sum(l => l.Tokens),
            Cost = g.Sum(l => l.Cost),
        }));
        audit.Record(scope, actor, "provider_bill.imported", bill.ShownId, null, new { bill.Name, bill.FirstDay, bill.LastDay, bill.Lines, bill.Cost });
        try
        {
            await scope.CommitAsync(ct);
            return bill;
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return new Refusal(ErrorCode.Conflict, "This very file is imported already. Nothing was imported.");
        }
    }

    /// <summary>Newest first, at most 200.</summary>
    public async Task<IReadOnlyList<ProviderBill>> ListAsync(CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<ProviderBill>().AsNoTracking().OrderByDescending(b => b.Id).Take(200).ToListAsync(ct);
    }

    /// <returns>The bill beside the records of its days and providers, greatest difference of costs first; null: there is no such bill.</returns>
    public async Task<(ProviderBill Bill, IReadOnlyList<ComparedBill> Rows)?> CompareAsync(Guid id, BillGrouping by, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await scope.Db.Set<ProviderBill>().AsNoTracking().FirstOrDefaultAsync(b => b.Id == id, ct) is not { } bill)
        {
            return null;
        }

        var billed = await scope.Db.Set<ProviderBillLine>().AsNoTracking().Where(l => l.BillId == id).ToListAsync(ct);
        var recorded = await RecordedAsync(scope, bill, [.. billed.Select(l => l.Provider)], ct);
        return (bill, BillComparison.Of(billed, recorded, by));
    }

    /// <returns>Null when it is gone; 404 for none.</returns>
    public async Task<Refusal?> RemoveAsync(string actor, Guid id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        if (await scope.Db.Set<ProviderBill>().FirstOrDefaultAsync(b => b.Id == id, ct) is not { } bill)
        {
            return Unknown;
        }

        scope.Db.Remove(bill);
        audit.Record(scope, actor, "provider_bill.removed", bill.ShownId, new { bill.Name, bill.FirstDay, bill.LastDay, bill.Lines, bill.Cost });
        await scope.CommitAsync(ct);
        return null;
    }

    internal static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such bill. Nothing was done.");

    private async Task<List<RecordedTokens>> RecordedAsync(TenantScope scope, ProviderBill bill, HashSet<string> providers, CancellationToken ct)
    {
        await using var command = scope.Command("""
            select (hour at time zone 'UTC')::date, provider, model, sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(cost)
            from usage_rollups where hour >= $1 and hour < $2 and model <> '' group by 1, 2, 3
            """);
        command.Parameters.Add(new() { Value = Start(bill.FirstDay) });
        command.Parameters.Add(new() { Value = Start(bill.LastDay.AddDays(1)) });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var recorded = new List<RecordedTokens>();
        while (await reader.ReadAsync(ct))
        {
            var (provider, model) = (reader.GetString(1), reader.GetString(2));
            // A charge may name its model alone: the catalog knows whose it is.
            var row = new RecordedTokens(reader.GetFieldValue<DateOnly>(0), provider.Length > 0 ? provider : catalog.Current.FindModel(model)?.Provider ?? "", model,
                [.. Enumerable.Range(3, 5).Select(reader.GetDecimal)], reader.GetDecimal(8));
            if (providers.Contains(row.Provider))
            {
                recorded.Add(row);
            }
        }

        return recorded;
    }

    private static DateTimeOffset Start(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
}
