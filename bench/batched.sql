-- The rows of 500 charges on 500 accounts in one transaction and two statements, decided by the server itself: what the ledger's batches cost the database, and nothing else.
\set s random(1, :accounts)
\set r random(1, 9000000000000000)
begin;
select h.account_id from bench_accounts b join ledger_heads h on h.account_id = b.account_id where b.n in (select 1 + (:s + i * 19) % :accounts from generate_series(1, 500) i) order by h.account_id for no key update of h;
with picked as materialized (
    select b.account_id, gen_random_uuid() as id, 'b' || :r || '-' || b.n as key, h.total_uses + 1 as uses, w.seq + 1 as seq, w.balance - 20 as balance, w.last_hash, g.id as grant_id, g.remaining - 20 as remaining
    from bench_accounts b join ledger_heads h on h.account_id = b.account_id join wallets w on w.account_id = b.account_id and w.unit = 'credit' join grants g on g.account_id = w.account_id and g.unit = w.unit and g.is_open
    where b.n in (select 1 + (:s + i * 19) % :accounts from generate_series(1, 500) i)),
operated as (
    insert into operations (account_id, origin, key, id, kind, body_hash, moved, created_at)
    select account_id, 'Api', key, id, 'charge', sha256(convert_to('charge' || key, 'UTF8')), 'credit ' || seq, clock_timestamp() from picked),
charged as (
    insert into charges (account_id, id, created_at, action, quantity, outcome, enforcement, receipt)
    select account_id, id, clock_timestamp(), 'profile_my_data', 1, 'success', 'Enforce', ('{"lines":[{"what":"profile_my_data","quantity":1,"price":20,"per":1,"amount":20,"unit":"credit"}],"price":[{"unit":"credit","amount":20}],"funding":[{"unit":"credit","amount":20,"balance_after":' || balance || ',"seq":' || seq || ',"grants":[{"grant":"grant_' || grant_id || '","amount":20}]}]}')::jsonb from picked),
moved as (
    insert into transfers (account_id, unit, seq, id, is_credit, amount, balance_after, kind, book, operation_id, charge_id, grant_ids, grant_amounts, created_at, hash)
    select account_id, 'credit', seq, gen_random_uuid(), false, 20, balance, 'Charge', 'Revenue', id, id, array[grant_id], array[20::numeric], clock_timestamp(), sha256(last_hash || convert_to(id::text || seq || balance, 'UTF8')) from picked
    returning account_id, hash),
drawn as (update grants g set remaining = p.remaining from picked p where g.account_id = p.account_id and g.id = p.grant_id),
paid as (update wallets w set balance = p.balance, seq = p.seq, last_hash = m.hash from picked p join moved m on m.account_id = p.account_id where w.account_id = p.account_id and w.unit = 'credit')
update ledger_heads h set advanced_at = clock_timestamp(), total_uses = p.uses from picked p where h.account_id = p.account_id;
commit;
