using System.Text.Json;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Usage.ReRatings;

/// <summary>Posts what was approved, each charge under a key of its own: a crash between the posting and the mark only means that the same key is tried again.</summary>
internal sealed class PostReRatings(Tenants tenants, Ledger.Ledger ledger, TimeProvider time) : RecurringJob
{
    private const int AtOnce = 500;

    private const string Waiting = """
        select i.account_id, i.re_rating_id, i.charge_id, i.unit_before, i.before, i.rating::text, r.reason from re_rating_items i join re_ratings r on r.id = i.re_rating_id
        where r.status = 'Approved' and i.state = 'Waiting' limit $1 for update of i skip locked
        """;

    private const string Mark = """
        update re_rating_items i set state = m.state, detail = m.detail from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) as m (account_id, re_rating_id, charge_id, state, detail)
        where i.account_id = m.account_id and i.re_rating_id = m.re_rating_id and i.charge_id = m.charge_id
        """;

    private const string Finish = """
        update re_ratings r set status = 'Posted', posted_at = $1
        where status = 'Approved' and not exists (select from re_rating_items i where i.re_rating_id = r.id and i.state = 'Waiting')
        """;

    public override string Name => "post_re_ratings";
    public override TimeSpan Every => TimeSpan.FromSeconds(5);

    public override async Task RunAsync(CancellationToken ct)
    {
        while (await PostSomeAsync(ct))
        {
        }

        await using var scope = await tenants.ForWriterAsync(ct);
        await using var finish = scope.Command(Finish);
        finish.Parameters.Add(new() { Value = time.Now() });
        await finish.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
    }

    /// <returns>Whether there may be more.</returns>
    private async Task<bool> PostSomeAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // Another instance passes these by; were they posted twice all the same, the key would say so.
        var items = await TakeAsync(scope, ct);
        var results = await ledger.PostAllAsync(items.ConvertAll(i => i.Operation()), ct);
        var marks = new List<(Item Item, ReRatingItemState State, string? Detail)>(items.Count);
        for (var i = 0; i < results.Length; i++)
        {
            var refusal = results[i].Match(_ => (Refusal?)null, refused => refused);
            if (refusal is null)
            {
                marks.Add((items[i], ReRatingItemState.Posted, null));
            }
            else if (refusal.Code != ErrorCode.Overloaded && refusal.Code != ErrorCode.DatabaseUnavailable)
            {
                marks.Add((items[i], ReRatingItemState.LeftOut, refusal.Detail.Length > 500 ? refusal.Detail[..500] : refusal.Detail));
            }
        }

        await MarkAsync(scope, marks, ct);
        await scope.CommitAsync(ct);
        return marks.Count == AtOnce;
    }

    private static async Task<List<Item>> TakeAsync(TenantScope scope, CancellationToken ct)
    {
        await using var command = scope.Command(Waiting);
        command.Parameters.Add(new() { Value = AtOnce });
        await using var reader = await command.ExecuteReaderAsync(ct);
        var items = new List<Item>();
        while (await reader.ReadAsync(ct))
        {
            items.Add(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.IsDBNull(3) ? null : new(Unit.Of(reader.GetString(3)), Amount.Of(reader.GetDecimal(4))),
                JsonSerializer.Deserialize<NewRating>(reader.GetString(5), Json.Options)!, reader.GetString(6)));
        }

        return items;
    }

    private static async Task MarkAsync(TenantScope scope, List<(Item Item, ReRatingItemState State, string? Detail)> marks, CancellationToken ct)
    {
        if (marks.Count == 0)
        {
            return;
        }

        await using var command = scope.Command(Mark);
        command.Parameters.Add(new() { Value = marks.Select(m => m.Item.Account).ToArray() });
        command.Parameters.Add(new() { Value = marks.Select(m => m.Item.ReRating).ToArray() });
        command.Parameters.Add(new() { Value = marks.Select(m => m.Item.Charge).ToArray() });
        command.Parameters.Add(new() { Value = marks.Select(m => m.State.ToString()).ToArray() });
        command.Parameters.Add(new() { Value = marks.Select(m => m.Detail).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await command.ExecuteNonQueryAsync(ct);
    }

    private sealed record Item(Guid Account, Guid ReRating, Guid Charge, UnitAmount? Before, NewRating Rating, string Reason)
    {
        public RerateOperation Operation() => new(new(new(Account), Charge), $"rerate:{ReRating:N}:{Charge:N}", Before, Rating, $"Rated again by {Rating.RateVersion}: {Reason}");
    }
}
