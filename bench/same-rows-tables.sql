-- pgbench draws numbers; this says which account each stands for.
create table bench_accounts (n int primary key, account_id uuid not null);
insert into bench_accounts select substr(external_id, 7)::int, account_id from accounts where external_id like 'bench-%';
grant select on bench_accounts to billing_writer;
analyze;
