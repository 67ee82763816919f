namespace BillingPortal.Data.Migrations;

/// <summary>The tables of raw events, which are partitioned and therefore made by hand, and the functions that make and drop their months.</summary>
internal static class UsageTables
{
    /// <summary>The application's role owns nothing and makes no tables: it asks these functions, which run as the owner and do nothing else.</summary>
    public const string Sql = """
        create table usage_events (
            account_id uuid not null,
            time timestamptz not null,
            digest bytea not null constraint ck_usage_events_digest check (octet_length(digest) = 16),
            source text not null,
            id text not null,
            received_at timestamptz not null,
            usage_id uuid not null,
            meter text,
            quantity numeric(20,6),
            value numeric(20,6),
            provider text,
            model text,
            tool text,
            member text,
            agent text,
            run text,
            byok boolean not null,
            input_tokens bigint,
            output_tokens bigint,
            cached_input_tokens bigint,
            cache_write_tokens bigint,
            reasoning_tokens bigint,
            properties text,
            primary key (account_id, time, digest)
        ) partition by range (time);
        create index ix_usage_events_run on usage_events (account_id, run, time) where run is not null;

        create table usage_keys (
            account_id uuid not null,
            digest bytea not null constraint ck_usage_keys_digest check (octet_length(digest) = 16),
            content bytea not null constraint ck_usage_keys_content check (octet_length(content) = 16),
            received_at timestamptz not null,
            primary key (account_id, digest)
        ) partition by hash (account_id);
        create index ix_usage_keys_received on usage_keys using brin (received_at);

        do $keys$
        begin
            for i in 0..7 loop
                execute format('create table usage_keys_%s partition of usage_keys for values with (modulus 8, remainder %s)', i, i);
            end loop;
        end
        $keys$;

        create function make_usage_partitions(since timestamptz, until timestamptz) returns integer language plpgsql security definer as $make$
        declare
            month timestamp := date_trunc('month', since at time zone 'UTC');
            name text;
            made integer := 0;
        begin
            if until > since + interval '400 days' then
                raise exception 'At most 400 days at once.';
            end if;
            perform pg_advisory_xact_lock(1112099925);
            while month <= until at time zone 'UTC' loop
                name := 'usage_events_' || to_char(month, 'YYYY_MM');
                if to_regclass(name) is null then
                    -- Attached, not made as a partition: events go on being taken meanwhile.
                    execute format('create table %I (like usage_events including all)', name);
                    execute format('alter table %I enable row level security, force row level security', name);
                    execute format('alter table usage_events attach partition %I for values from (%L) to (%L)', name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
                    made := made + 1;
                end if;
                month := month + interval '1 month';
            end loop;
            return made;
        end
        $make$;

        create function drop_usage_partitions(before timestamptz) returns integer language plpgsql security definer as $drop$
        declare
            t record;
            dropped integer := 0;
        begin
            perform pg_advisory_xact_lock(1112099925);
            for t in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'usage_events'::regclass loop
                if (to_date(right(t.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= before then
                    execute format('drop table %I', t.relname);
                    dropped := dropped + 1;
                end if;
            end loop;
            return dropped;
        end
        $drop$;

        do $shut$
        begin
            execute format('alter function make_usage_partitions(timestamptz, timestamptz) set search_path = %I, pg_temp', current_schema());
            execute format('alter function drop_usage_partitions(timestamptz) set search_path = %I, pg_temp', current_schema());
            revoke all on function make_usage_partitions(timestamptz, timestamptz), drop_usage_partitions(timestamptz) from public;
            grant execute on function make_usage_partitions(timestamptz, timestamptz), drop_usage_partitions(timestamptz) to billing_writer;
            perform make_usage_partitions(now() - interval '36 days', now() + interval '40 days');
        end
        $shut$;

        insert into uncounted_charges (account_id, charge_id) select account_id, id from charges;
        """;

    public const string DropSql = """
        drop function make_usage_partitions(timestamptz, timestamptz);
        drop function drop_usage_partitions(timestamptz);
        drop table usage_events;
        drop table usage_keys;
        """;
}
