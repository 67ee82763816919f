namespace BillingPortal.Data;

/// <summary>The SQL that makes the database sure of who sees what. Idempotent: it mends what is missing and leaves the rest, so every <c>migrate</c> ends with it.</summary>
public static class RowSecurity
{
    private static string List(IEnumerable<string> names) => "array[" + string.Join(", ", names.Select(n => $"'{n}'")) + "]::text[]";

    /// <summary>Roles; forced row-level security on every table that has an account_id; triggers on append-only tables.</summary>
    public static string Policies =>
        $$"""
        do $security$
        declare
            t record;
            r text;
        begin
            foreach r in array array['{{DatabaseRoles.Writer}}', '{{DatabaseRoles.Staff}}'] loop
                begin
                    if not exists (select from pg_roles where rolname = r) then
                        execute format('create role %I nologin', r);
                    end if;
                exception when duplicate_object or unique_violation then
                    null; -- another database of the cluster was migrated at the same moment
                end;
            end loop;

            create or replace function refuse_change() returns trigger language plpgsql as $refuse$
            begin
                raise exception 'Rows of % are never changed or deleted.', tg_table_name using errcode = 'insufficient_privilege';
            end
            $refuse$;

            for t in
                select c.oid, c.relname, c.relispartition, c.relrowsecurity and c.relforcerowsecurity as forced
                from pg_class c
                join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped
                where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
            loop
                if not t.forced then
                    execute format('alter table %I enable row level security, force row level security', t.relname);
                end if;
                -- A partition is reached through its parent, by the parent's policies and privileges; by itself it is shut to everybody.
                continue when t.relispartition;
                if not exists (select from pg_policy where polrelid = t.oid and polname = 'tenant') then
                    execute format('create policy tenant on %I using (account_id = (select nullif(current_setting(''app.account_id'', true), '''')::uuid))', t.relname);
                end if;
                foreach r in array array['{{DatabaseRoles.Writer}}', '{{DatabaseRoles.Staff}}'] loop
                    if not exists (select from pg_policy where polrelid = t.oid and polname = r) then
                        execute format('create policy %I on %I to %I using (true) with check (true)', r, t.relname, r);
                    end if;
                end loop;
            end loop;

            for t in
                select c.oid, c.relname from pg_class c
                where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and c.relname = any ({{List(DatabaseRoles.AppendOnly)}})
            loop
                if not exists (select from pg_trigger where tgrelid = t.oid and tgname = 'append_only') then
                    execute format('create trigger append_only before update or delete or truncate on %I for each statement execute function refuse_change()', t.relname);
                end if;
            end loop;
        end
        $security$;
        """;

    /// <summary>What the application's login, the writer and staff may do with each table. The login inherits nothing from the roles it may take on.</summary>
    /// <param name="login">The role that the application connects as; it exists already.</param>
    public static string Privileges(string login) =>
        $$"""
        do $privileges$
        declare
            t record;
            login text := '{{login.Replace("'", "''", StringComparison.Ordinal)}}';
            changes text;
        begin
            if exists (select from pg_roles where rolname = login and rolinherit and not rolsuper) then
                execute format('alter role %I noinherit', login);
            end if;
            if not (select rolsuper from pg_roles where rolname = login) then
                execute format('grant {{DatabaseRoles.Writer}}, {{DatabaseRoles.Staff}} to %I', login);
            end if;
            execute format('grant usage on schema %I to %I, {{DatabaseRoles.Writer}}, {{DatabaseRoles.Staff}}', current_schema(), login);
            execute format('grant usage, select on all sequences in schema %I to %I, {{DatabaseRoles.Writer}}, {{DatabaseRoles.Staff}}', current_schema(), login);

            for t in
                select c.relname, c.relowner::regrole::text = quote_ident(login) as owned,
                    exists (select from pg_trigger where tgrelid = c.oid and tgname = 'append_only') as append_only,
                    c.relname = any ({{List(DatabaseRoles.WrittenByWriterOnly)}}) as writer_only,
                    c.relname = '{{Schema.HistoryTable}}' as history
                from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            loop
                changes := case when t.history then '' when t.append_only then ', insert' else ', insert, update, delete' end;
                execute format('revoke all on %I from public, {{DatabaseRoles.Writer}}, {{DatabaseRoles.Staff}}', t.relname);
                execute format('grant select%s on %I to {{DatabaseRoles.Writer}}', changes, t.relname);
                changes := case when t.writer_only then '' else changes end;
                execute format('grant select%s on %I to {{DatabaseRoles.Staff}}', changes, t.relname);
                if not t.owned then
                    execute format('revoke all on %I from %I', t.relname, login);
                    execute format('grant select%s on %I to %I', changes, t.relname, login);
                end if;
            end loop;
        end
        $privileges$;
        """;
}
