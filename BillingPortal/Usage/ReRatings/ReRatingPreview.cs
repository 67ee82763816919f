using System.Text.Json;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Npgsql;
using NpgsqlTypes;

namespace BillingPortal.Usage.ReRatings;

/// <summary>What to replay.</summary>
/// <param name="To">Exclusive.</param>
/// <param name="Version">Null: for each charge the version in force at its instant.</param>
/// <param name="Accounts">Empty: all.</param>
public sealed record ReRatingWish(DateTimeOffset From, DateTimeOffset To, string RateCard, int? Version, IReadOnlyList<AccountId> Accounts);

/// <summary>Works out what past charges come to by another version of their rate card. Nothing is posted. Reads in pages, each in a short transaction of its own.</summary>
public sealed class ReRatingPreview(Tenants tenants, CatalogSnapshot catalog, TimeProvider time)
{
    /// <summary>Most charges that one re-rating may change.</summary>
    public const int Most = 200_000;
    public static readonly TimeSpan Longest = TimeSpan.FromDays(366);
    private const int ChargesAtOnce = 2_000;

    private const string PageEnd = """
        select account_id, id from charges where (account_id, id) > ($1, $2) and (account_id, id) <= ($3, $4) order by account_id, id offset $5 limit 1
        """;

    private const string Meant = $"""
        select {ChargeReading.Columns} from charges c where (c.account_id, c.id) > ($1, $2) and (c.account_id, c.id) <= ($3, $4)
            and coalesce(c.occurred_at, c.created_at) >= $5 and coalesce(c.occurred_at, c.created_at) < $6 and starts_with(c.receipt->>'rate_version', $7) order by c.account_id, c.id
        """;

    private const string AddItems = """
        insert into re_rating_items (account_id, re_rating_id, charge_id, unit_before, before, unit_after, after, rating, state)
        select account_id, $2, charge_id, unit_before, before, unit_after, after, rating::jsonb, 'Waiting'
        from unnest($1::uuid[], $3::uuid[], $4::text[], $5::numeric[], $6::text[], $7::numeric[], $8::text[]) as i (account_id, charge_id, unit_before, before, unit_after, after, rating)
        """;

    /// <returns>The preview; a refusal for a period, card or version that makes no sense, or for more than <see cref="Most"/> charges.</returns>
    public async Task<Result<ReRating>> MakeAsync(string actor, ReRatingWish wish, CancellationToken ct = default)
    {
        if (Check(wish, catalog.Current) is { } refusal)
        {
            return refusal;
        }

        var made = new ReRating
        {
            Id = Guid.CreateVersion7(),
            Status = ReRatingStatus.Working,
            StartsAt = wish.From,
            EndsAt = wish.To,
            RateCard = wish.RateCard,
            Version = wish.Version,
            Accounts = [.. wish.Accounts.Select(a => a.Value)],
            CreatedAt = time.Now(),
            CreatedBy = actor,
        };
        await BeginAsync(made, ct);
        var history = new MeterHistory(catalog.Current, wish.RateCard, wish.From);
        var leftOut = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (from, until) in wish.Accounts.Count == 0 ? [(Guid.Empty, Guid.AllBitsSet)] : wish.Accounts.Distinct().Order().Select(a => (a.Value, a.Value)))
        {
            var last = (Account: from, Id: Guid.Empty);
            while (last.Account.CompareTo(until) < 0 || last.Id != Guid.AllBitsSet)
            {
                (last, var items) = await PageAsync(wish, last, until, history, leftOut, ct);
                made.Charges += items.Count;
                if (made.Charges > Most)
                {
                    await ForgetAsync(made.Id, ct);
                    return new Refusal(ErrorCode.InvalidRequest, $"More than {Most:#,0} charges would change: name a shorter period or fewer customers. Nothing was kept.");
                }

                await AddAsync(made.Id, items, ct);
            }
        }

        (made.Status, made.LeftOut) = (ReRatingStatus.Preview, JsonSerializer.Serialize(leftOut));
        await FinishAsync(made, ct);
        return made;
    }

    /// <summary>What is wrong with a wish; null: nothing.</summary>
    private static Refusal? Check(ReRatingWish wish, CatalogDocument catalog) =>
        wish.To <= wish.From || wish.To - wish.From > Longest ? Refusal.Invalid("to", $"Must be after from, by at most {Longest.Days} days.")
        : catalog.RateCards.All(c => c.Id != wish.RateCard) ? Refusal.Invalid("rate_card", "The catalog has no such rate card.")
        : wish.Version is { } version && catalog.RateCards.All(c => c.Id != wish.RateCard || c.Version != version) ? Refusal.Invalid("version", "The rate card has no such version.")
        : null;

    private async Task<((Guid Account, Guid Id) Last, List<(Charge Charge, Rerating.Different Change)> Items)> PageAsync(
        ReRatingWish wish, (Guid Account, Guid Id) after, Guid until, MeterHistory history, SortedDictionary<string, int> leftOut, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var end = await EndOfPageAsync(scope, after, until, ct);
        await using var command = scope.Command(Meant);
        AddStretch(command, after, end);
        command.Parameters.Add(new() { Value = wish.From });
        command.Parameters.Add(new() { Value = wish.To });
        command.Parameters.Add(new() { Value = $"{wish.RateCard} v" });
        List<Charge> charges;
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            charges = await ChargeReading.ReadChargesAsync(reader, ct);
        }

        var refunds = (await RefundsAsync(scope, charges, ct)).ToLookup(r => r.ChargeId);
        var items = new List<(Charge, Rerating.Different)>();
        foreach (var charge in charges)
        {
            var card = catalog.Current.FindRateCard(wish.RateCard, wish.Version, charge.OccurredAt ?? charge.CreatedAt);
            var start = card is not null && charge.Meter is { } meter && Rerating.HasPeriodTiers(card, meter) ? await history.StartAsync(scope, charge.AccountId, meter, charge.Id, ct) : null;
            if (Rerating.Of(catalog.Current, card, charge, [.. refunds[charge.Id]], start).Match(other => other, () => (Rerating?)null, why => why) is { } found)
            {
                if (found is Rerating.Different other)
                {
                    items.Add((charge, other));
                }
                else if (found is Rerating.LeftOut { Why: var why })
                {
                    leftOut[why] = leftOut.GetValueOrDefault(why) + 1;
                }
            }
        }

        return (end, items);
    }

    private static async Task<(Guid Account, Guid Id)> EndOfPageAsync(TenantScope scope, (Guid Account, Guid Id) after, Guid until, CancellationToken ct)
    {
        await using (var settings = scope.Command("select set_config('enable_seqscan', 'off', true)"))
        {
            await settings.ExecuteNonQueryAsync(ct);
        }

        await using var command = scope.Command(PageEnd);
        AddStretch(command, after, (until, Guid.AllBitsSet));
        command.Parameters.Add(new() { Value = ChargesAtOnce - 1 });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetGuid(0), reader.GetGuid(1)) : (until, Guid.AllBitsSet);
    }

    private static async Task<List<ChargeRefund>> RefundsAsync(TenantScope scope, List<Charge> charges, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(scope.Connection, scope.Transaction);
        ChargeReading.AddRefundsByCharge(batch, [.. charges.Select(c => (c.AccountId, c.Id))]);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        return await ChargeReading.ReadRefundsAsync(reader, ct);
    }

    private static void AddStretch(NpgsqlCommand command, (Guid Account, Guid Id) after, (Guid Account, Guid Id) until)
    {
        command.Parameters.Add(new() { Value = after.Account });
        command.Parameters.Add(new() { Value = after.Id });
        command.Parameters.Add(new() { Value = until.Account });
        command.Parameters.Add(new() { Value = until.Id });
    }

    private async Task BeginAsync(ReRating made, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // What a process that died left half worked out.
        await using (var forget = scope.Command("""
            with old as (delete from re_ratings where status = 'Working' and created_at < $1 returning id)
            delete from re_rating_items where re_rating_id in (select id from old)
            """))
        {
            forget.Parameters.Add(new() { Value = time.Now().AddDays(-1) });
            await forget.ExecuteNonQueryAsync(ct);
        }

        scope.Db.Add(made);
        await scope.CommitAsync(ct);
    }

    private async Task AddAsync(Guid id, List<(Charge Charge, Rerating.Different Change)> items, CancellationToken ct)
    {
        if (items.Count == 0)
        {
            return;
        }

        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command(AddItems);
        command.Parameters.Add(Column(items, i => i.Charge.AccountId.Value, NpgsqlDbType.Uuid));
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(Column(items, i => i.Charge.Id, NpgsqlDbType.Uuid));
        command.Parameters.Add(Column(items, i => i.Change.Before?.Unit.Code, NpgsqlDbType.Text));
        command.Parameters.Add(Column(items, i => i.Change.Before?.Amount.Value ?? 0m, NpgsqlDbType.Numeric));
        command.Parameters.Add(Column(items, i => i.Change.Rating.Price?.Unit.Code, NpgsqlDbType.Text));
        command.Parameters.Add(Column(items, i => i.Change.Rating.Price?.Amount.Value ?? 0m, NpgsqlDbType.Numeric));
        command.Parameters.Add(Column(items, i => JsonSerializer.Serialize(i.Change.Rating, Json.Options), NpgsqlDbType.Text));
        await command.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
    }

    private async Task FinishAsync(ReRating made, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        scope.Db.Update(made);
        await scope.CommitAsync(ct);
    }

    private async Task ForgetAsync(Guid id, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        await using var command = scope.Command("with gone as (delete from re_rating_items where re_rating_id = $1) delete from re_ratings where id = $1");
        command.Parameters.Add(new() { Value = id });
        await command.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
    }

    private static NpgsqlParameter<T[]> Column<TItem, T>(List<TItem> items, Func<TItem, T> value, NpgsqlDbType type) => new() { TypedValue = items.ConvertAll(i => value(i)).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
