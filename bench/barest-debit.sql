-- The least that can be called a debit: lock, update, one insert. No idempotency check, no grants, no rating, no chain.
\set w random(1, :accounts)
\set r random(1, 9000000000000000)
begin;
select balance from barest_wallet where id = :w for update;
update barest_wallet set balance = balance - 1, version = version + 1 where id = :w;
insert into barest_transfer (wallet_id, amount, idem, balance_after) select :w, 1, 'k' || :r, balance from barest_wallet where id = :w;
commit;
