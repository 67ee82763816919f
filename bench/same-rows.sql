-- The rows that one charge writes, in one transaction, the way an application without a batching writer does it:
-- lock the head, read, then insert operation, charge and transfer, then update grant, wallet and head. Ten round trips.
\set n random(1, :accounts)
\set r random(1, 9000000000000000)
begin;
select h.account_id, h.total_uses + 1 as uses from bench_accounts b join ledger_heads h on h.account_id = b.account_id where b.n = :n for no key update of h \gset
select w.seq + 1 as seq, w.balance - 20 as balance, w.last_hash, g.id as grant_id, g.remaining - 20 as remaining from wallets w join grants g on g.account_id = w.account_id and g.unit = w.unit and g.is_open where w.account_id = :account_id::uuid and w.unit = 'credit' order by g.priority, g.expires_at, g.created_at limit 1 \gset
insert into operations (account_id, origin, key, id, kind, body_hash, moved, created_at) values (:account_id::uuid, 'Api', 'k' || :client_id || '-' || :r, gen_random_uuid(), 'charge', sha256(convert_to('charge' || :r, 'UTF8')), 'credit ' || :seq, clock_timestamp()) returning id as operation_id \gset
insert into charges (account_id, id, created_at, action, quantity, outcome, enforcement, receipt) values (:account_id::uuid, :operation_id::uuid, clock_timestamp(), 'profile_my_data', 1, 'success', 'Enforce', ('{"lines":[{"what":"profile_my_data","quantity":1,"price":20,"per":1,"amount":20,"unit":"credit"}],"price":[{"unit":"credit","amount":20}],"funding":[{"unit":"credit","amount":20,"balance_after":' || :balance || ',"seq":' || :seq || ',"grants":[{"grant":"grant_' || :grant_id || '","amount":20}]}]}')::jsonb);
insert into transfers (account_id, unit, seq, id, is_credit, amount, balance_after, kind, book, operation_id, charge_id, grant_ids, grant_amounts, created_at, hash) values (:account_id::uuid, 'credit', :seq::bigint, gen_random_uuid(), false, 20, :balance::numeric, 'Charge', 'Revenue', :operation_id::uuid, :operation_id::uuid, array[:grant_id::uuid], array[20::numeric], clock_timestamp(), sha256(:last_hash::bytea || convert_to(:operation_id || :seq || :balance, 'UTF8'))) returning hash \gset
update grants set remaining = :remaining::numeric where account_id = :account_id::uuid and id = :grant_id::uuid;
update wallets set balance = :balance::numeric, seq = :seq::bigint, last_hash = :hash::bytea where account_id = :account_id::uuid and unit = 'credit';
update ledger_heads set advanced_at = clock_timestamp(), total_uses = :uses::bigint where account_id = :account_id::uuid;
commit;
