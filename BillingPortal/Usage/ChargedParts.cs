namespace BillingPortal.Usage;

/// <summary>
/// A charge as rows of a rollup: one for each wallet that paid, or one where none did. What a refund gave back is taken off price and payments in the hour of the use, which
/// stays; a charge that was rated again adds its price alone. The one place that says what of a charge is counted how.
/// </summary>
internal static class ChargedParts
{
    private const string Labels = "meter, action, provider, model, agent, member, unit, price_unit";
    private const string Sums = "quantity, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, price, cost, charges, events, paid";

    private const string LabelsOfCharge = """
        c.account_id, date_trunc('hour', coalesce(c.occurred_at, c.created_at), 'UTC') as hour,
        coalesce(c.meter, '') as meter, coalesce(c.action, '') as action, coalesce(c.provider, '') as provider, coalesce(c.model, '') as model,
        coalesce(c.agent, '') as agent, coalesce(c.member, '') as member, coalesce(f.unit, '') as unit, coalesce(c.receipt->'price'->0->>'unit', '') as price_unit
        """;

    /// <summary>The parts of the charges and refunds that <paramref name="charges"/> names, a relation with <c>account_id</c> and <c>charge_id</c>.</summary>
    public static string Of(string charges) => $"""
        select {LabelsOfCharge},
            case when f.is_use then c.quantity else 0 end as quantity,
            case when f.is_use then coalesce(c.input_tokens, 0) else 0 end as input_tokens,
            case when f.is_use then coalesce(c.output_tokens, 0) else 0 end as output_tokens,
            case when f.is_use then coalesce(c.cached_input_tokens, 0) else 0 end as cached_input_tokens,
            case when f.is_use then coalesce(c.cache_write_tokens, 0) else 0 end as cache_write_tokens,
            case when f.is_use then coalesce(c.reasoning_tokens, 0) else 0 end as reasoning_tokens,
            case when f.is_first then coalesce((c.receipt->'price'->0->>'amount')::numeric, 0) else 0 end as price,
            case when f.is_use then coalesce(c.cost, 0) else 0 end as cost,
            case when c.receipt->>'rerates' is null then 1 else 0 end as charges,
            case when f.is_use then coalesce((c.receipt->>'events')::integer, 1) else 0 end as events,
            f.paid
        from {charges} t
        join charges c on c.account_id = t.account_id and c.id = t.charge_id
        cross join lateral (
            select unit, paid, is_first, is_first and c.receipt->>'rerates' is null as is_use from (
                select p->>'unit' as unit, (p->>'amount')::numeric as paid, n = 1 as is_first from jsonb_array_elements(c.receipt->'funding') with ordinality f (p, n)
                union all
                select null, 0, true where coalesce(jsonb_array_length(c.receipt->'funding'), 0) = 0) p
        ) f
        union all
        select {LabelsOfCharge}, 0, 0, 0, 0, 0, 0, case when f.is_first then -coalesce(r.price, f.back_of_price, 0) else 0 end, 0, 0, 0, -f.back
        from {charges} t
        join charge_refunds r on r.account_id = t.account_id and r.id = t.charge_id
        join charges c on c.account_id = r.account_id and c.id = r.charge_id
        cross join lateral (
            select p->>'unit' as unit, n = 1 as is_first, coalesce((select sum(amount) from unnest(r.units, r.amounts) as back (unit, amount) where back.unit = p->>'unit'), 0) as back,
                (select sum(amount) from unnest(r.units, r.amounts) as back (unit, amount) where back.unit = c.receipt->'price'->0->>'unit') as back_of_price
            from jsonb_array_elements(c.receipt->'funding') with ordinality f (p, n)
            union all
            select null, true, 0, null where coalesce(jsonb_array_length(c.receipt->'funding'), 0) = 0
        ) f
        """;

    /// <summary>Adds parts to the rollups, in the order of their keys, so that two instances never wait for each other crosswise.</summary>
    public static string AddTo(string parts) => $"""
        insert into usage_rollups (account_id, hour, key, {Labels}, {Sums})
        select account_id, hour, substring(sha256(convert_to(jsonb_build_array({Labels})::text, 'UTF8')) for 16) as key, {Labels},
            sum(quantity), sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(price), sum(cost), sum(charges), sum(events), sum(paid)
        from {parts} group by account_id, hour, {Labels} order by 1, 2, 3
        on conflict (account_id, hour, key) do update set quantity = usage_rollups.quantity + excluded.quantity,
            input_tokens = usage_rollups.input_tokens + excluded.input_tokens, output_tokens = usage_rollups.output_tokens + excluded.output_tokens,
            cached_input_tokens = usage_rollups.cached_input_tokens + excluded.cached_input_tokens, cache_write_tokens = usage_rollups.cache_write_tokens + excluded.cache_write_tokens,
            reasoning_tokens = usage_rollups.reasoning_tokens + excluded.reasoning_tokens, price = usage_rollups.price + excluded.price, cost = usage_rollups.cost + excluded.cost,
            charges = usage_rollups.charges + excluded.charges, events = usage_rollups.events + excluded.events, paid = usage_rollups.paid + excluded.paid
        """;

    /// <summary>One account's rollups from hour $2 on and before $3, with what is not counted yet: right at every moment, because a charge is in one of the two.</summary>
    public static string Current => $"""
        select account_id, hour, {Labels}, {Sums} from usage_rollups where account_id = $1 and hour >= $2 and hour < $3
        union all
        select account_id, hour, {Labels}, {Sums} from ({Of("(select account_id, charge_id from uncounted_charges where account_id = $1)")}) fresh where hour >= $2 and hour < $3
        """;
}
