using System.Text.Json;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Usage.ReRatings;

/// <summary>Before and after of one unit.</summary>
/// <param name="Difference">After less before: what customers pay more.</param>
/// <param name="Posted">What of the difference is posted.</param>
public sealed record ReRatingDifference(Unit Unit, decimal Before, decimal After, decimal Difference, decimal Posted);

/// <summary>One customer's part, in one unit.</summary>
/// <param name="Account">The product's own id.</param>
public sealed record ReRatingOfCustomer(string Account, string? Name, long Charges, Unit Unit, decimal Before, decimal After, decimal Difference, decimal Posted);

/// <summary>Charges that were not rated again, and why.</summary>
public sealed record ReRatingLeftOut(string Reason, int Charges);

/// <summary>A re-rating with its sums.</summary>
/// <param name="Customers">Those with the greatest differences first, at most <see cref="ReRatings.MostCustomers"/>.</param>
/// <param name="LeftOut">Of the preview, and of the posting.</param>
public sealed record ReRatingSums(ReRating ReRating, IReadOnlyList<ReRatingDifference> Differences, IReadOnlyList<ReRatingOfCustomer> Customers, IReadOnlyList<ReRatingLeftOut> LeftOut);

/// <summary>Re-ratings as staff see, approve and cancel them. Approved once, on the audit record in the same transaction; cancelled without a trace.</summary>
public sealed class ReRatings
{
    public const int MostCustomers = 1_000;
    public const int LongestReason = 400;

    private const string Sums = """
        select u.unit, sum(u.before), sum(u.after), sum(u.after - u.before), coalesce(sum(u.after - u.before) filter (where i.state = 'Posted'), 0)
        from re_rating_items i cross join lateral (values (i.unit_before, i.before, 0::numeric), (i.unit_after, 0::numeric, i.after)) u (unit, before, after)
        where i.re_rating_id = $1 and u.unit is not null group by 1 order by 1
        """;

    private static readonly string ByCustomer = $"""
        select a.external_id, coalesce(a.name, a.email), count(distinct i.charge_id), u.unit, sum(u.before), sum(u.after), sum(u.after - u.before), coalesce(sum(u.after - u.before) filter (where i.state = 'Posted'), 0)
        from re_rating_items i join accounts a on a.account_id = i.account_id
        cross join lateral (values (i.unit_before, i.before, 0::numeric), (i.unit_after, 0::numeric, i.after)) u (unit, before, after)
        where i.re_rating_id = $1 and u.unit is not null group by a.external_id, 2, u.unit order by abs(sum(u.after - u.before)) desc, 1, 4 limit {MostCustomers}
        """;

    private readonly Tenants tenants;
    private readonly AuditTrail audit;
    private readonly PostReRatings posting;
    private readonly TimeProvider time;

    internal ReRatings(Tenants tenants, AuditTrail audit, PostReRatings posting, TimeProvider time) => (this.tenants, this.audit, this.posting, this.time) = (tenants, audit, posting, time);

    /// <summary>One page, newest first.</summary>
    public async Task<IReadOnlyList<ReRating>> ListAsync(int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<ReRating>().AsNoTracking().Where(r => r.Status != ReRatingStatus.Working).OrderByDescending(r => r.Id).Take(limit).ToListAsync(ct);
    }

    /// <returns>Null: there is no such re-rating.</returns>
    public async Task<ReRatingSums?> FindAsync(Guid id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var found = await scope.Db.Set<ReRating>().AsNoTracking().FirstOrDefaultAsync(r => r.Id == id && r.Status != ReRatingStatus.Working, ct);
        return found is null ? null : new(found, await DifferencesAsync(scope, id, ct), await CustomersAsync(scope, id, ct), await LeftOutAsync(scope, found, ct));
    }

    /// <summary>Wants what a preview showed, and posts it. A second approval, of whoever, finds it approved and changes nothing.</summary>
    /// <param name="reason">Mandatory; people see it with each entry.</param>
    public async Task<Refusal?> ApproveAsync(string actor, Guid id, string? reason, CancellationToken ct = default)
    {
        if (!PlainText.IsValid(reason, LongestReason))
        {
            return Refusal.Invalid("reason", $"Is required: at most {LongestReason} characters without line breaks. Nothing was posted.");
        }

        await using (var scope = await tenants.ForWriterAsync(ct))
        {
            // Two people at once: the second waits here, and finds it approved.
            await scope.Db.Database.ExecuteSqlAsync($"select 1 from re_ratings where id = {id} for update", ct);
            var found = await scope.Db.Set<ReRating>().FirstOrDefaultAsync(r => r.Id == id && r.Status != ReRatingStatus.Working, ct);
            if (found is null)
            {
                return Unknown;
            }

            if (found.Status == ReRatingStatus.Preview)
            {
                (found.Status, found.ApprovedAt, found.ApprovedBy, found.Reason) = (ReRatingStatus.Approved, time.Now(), actor, reason);
                var differences = await DifferencesAsync(scope, id, ct);
                audit.Record(scope, actor, "re_rating.approved", found.ShownId, null,
                    new { from = found.StartsAt, to = found.EndsAt, rate_card = found.RateCard, version = found.Version, charges = found.Charges, differences }, reason: reason);
                await scope.CommitAsync(ct);
            }
        }

        // Whoever stops waiting stops nothing: the job goes on.
        await posting.RunAsync(ct);
        return null;
    }

    /// <summary>Forgets a preview: nothing of it remains.</summary>
    /// <returns>Null when it is gone; a conflict once it was approved.</returns>
    public async Task<Refusal?> CancelAsync(Guid id, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command("""
            with gone as (delete from re_ratings where id = $1 and status = 'Preview' returning id), items as (delete from re_rating_items where re_rating_id in (select id from gone))
            select (select count(*) from gone), (select count(*) from re_ratings where id = $1 and status <> 'Working')
            """);
        command.Parameters.Add(new() { Value = id });
        long gone, known;
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            await reader.ReadAsync(ct);
            (gone, known) = (reader.GetInt64(0), reader.GetInt64(1));
        }

        await scope.CommitAsync(ct);
        return gone > 0 ? null : known > 0 ? new(ErrorCode.Conflict, "It is approved: what was posted stands. To undo it, rate the period again by the version before.") : Unknown;
    }

    internal static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such re-rating. Nothing was done.");

    private static async Task<IReadOnlyList<ReRatingDifference>> DifferencesAsync(TenantScope scope, Guid id, CancellationToken ct)
    {
        await using var command = scope.Command(Sums);
        command.Parameters.Add(new() { Value = id });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var differences = new List<ReRatingDifference>();
        while (await reader.ReadAsync(ct))
        {
            differences.Add(new(Unit.Of(reader.GetString(0)), Shortest(reader.GetDecimal(1)), Shortest(reader.GetDecimal(2)), Shortest(reader.GetDecimal(3)), Shortest(reader.GetDecimal(4))));
        }

        return differences;
    }

    private static async Task<IReadOnlyList<ReRatingOfCustomer>> CustomersAsync(TenantScope scope, Guid id, CancellationToken ct)
    {
        await using var command = scope.Command(ByCustomer);
        command.Parameters.Add(new() { Value = id });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var customers = new List<ReRatingOfCustomer>();
        while (await reader.ReadAsync(ct))
        {
            customers.Add(new(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.GetInt64(2), Unit.Of(reader.GetString(3)),
                Shortest(reader.GetDecimal(4)), Shortest(reader.GetDecimal(5)), Shortest(reader.GetDecimal(6)), Shortest(reader.GetDecimal(7))));
        }

        return customers;
    }

    private static async Task<IReadOnlyList<ReRatingLeftOut>> LeftOutAsync(TenantScope scope, ReRating of, CancellationToken ct)
    {
        var leftOut = JsonSerializer.Deserialize<Dictionary<string, int>>(of.LeftOut)!.Select(l => new ReRatingLeftOut(l.Key, l.Value)).ToList();
        await using var command = scope.Command("select coalesce(detail, ''), count(*)::integer from re_rating_items where re_rating_id = $1 and state = 'LeftOut' group by 1 order by 1");
        command.Parameters.Add(new() { Value = of.Id });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            leftOut.Add(new(reader.GetString(0), reader.GetInt32(1)));
        }

        return leftOut;
    }

    // 12.000000 as 12, as people and programs expect it.
    private static decimal Shortest(decimal value) => value / 1.000000000000000000000000000000m;
}
