create table barest_wallet (id bigint primary key, balance bigint not null check (balance >= 0), version bigint not null default 0);
create table barest_transfer (id bigint generated always as identity primary key, wallet_id bigint not null, amount bigint not null, idem text not null,
    created_at timestamptz not null default now(), balance_after bigint not null);
create unique index on barest_transfer (wallet_id, idem);
insert into barest_wallet select g, 1000000000000, 0 from generate_series(1, 10000) g;
grant select, insert, update on barest_wallet, barest_transfer to billing_writer;
grant usage on all sequences in schema public to billing_writer;
