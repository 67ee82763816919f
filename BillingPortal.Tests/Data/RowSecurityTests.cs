using BillingPortal.Data;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace BillingPortal.Tests.Data;

public class RowSecurityTests(PortalFixture portal) : IClassFixture<PortalFixture>
{
    private async Task<IReadOnlyList<string>> TenantTablesAsync() => [.. from row in await portal.RowsAsync(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by 1")
        select (string)row[0]!];

    private async Task<string?> SqlStateAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(portal.AppConnection);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = new NpgsqlCommand(sql, connection, transaction);
        try
        {
            await command.ExecuteNonQueryAsync();
            return null;
        }
        catch (PostgresException e)
        {
            return e.SqlState;
        }
    }

    private Task<int> SeedAsync(AccountId account) => portal.ExecuteAsync(
        "insert into wallets (account_id, unit, balance, held, debt, seq, last_hash) values ($1, 'credit', 5, 0, 0, 0, decode(repeat('00', 32), 'hex'))", account.Value);

    [Fact]
    public async Task Every_tenant_table_is_forced_under_row_security()
    {
        var unforced = await portal.RowsAsync(
            "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'account_id' where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and not (c.relrowsecurity and c.relforcerowsecurity)");
        Assert.Empty(unforced);
        Assert.NotEmpty(await TenantTablesAsync());
    }

    [Fact]
    public async Task A_partition_is_shut_to_who_does_not_come_through_its_parent()
    {
        var partitions = await portal.RowsAsync("select relname from pg_class where relispartition and relkind = 'r' and relnamespace = 'public'::regnamespace");
        Assert.NotEmpty(partitions);
        foreach (var partition in partitions)
        {
            foreach (var role in new[] { "billing_app", DatabaseRoles.Writer, DatabaseRoles.Staff })
            {
                Assert.Equal((partition[0], PostgresErrorCodes.InsufficientPrivilege), (partition[0], await SqlStateAsync($"set local role {role}; select from {partition[0]}")));
            }
        }
    }

    [Fact]
    public async Task Without_a_scope_no_tenant_table_shows_a_row()
    {
        await SeedAsync(AccountId.New());
        await using var connection = new NpgsqlConnection(portal.AppConnection);
        await connection.OpenAsync();
        foreach (var table in await TenantTablesAsync())
        {
            await using var command = new NpgsqlCommand($"select count(*) from {table}", connection);
            Assert.Equal((table, 0L), (table, (long)(await command.ExecuteScalarAsync())!));
        }
    }

    [Fact]
    public async Task A_scope_shows_its_account_and_staff_sees_all()
    {
        var (mine, other) = (AccountId.New(), AccountId.New());
        await SeedAsync(mine);
        await SeedAsync(other);
        var tenants = portal.Services.GetRequiredService<Tenants>();

        await using var account = await tenants.ForAccountAsync(mine);
        await using var seen = account.Command("select array_agg(account_id) from wallets");
        Assert.Equal([mine.Value], (Guid[])(await seen.ExecuteScalarAsync())!);

        await using var staff = await tenants.ForStaffAsync();
        await using var all = staff.Command("select count(*) from wallets where account_id = any ($1)");
        all.Parameters.Add(new() { Value = new[] { mine.Value, other.Value } });
        Assert.Equal(2L, await all.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_scope_ends_with_its_transaction()
    {
        var account = AccountId.New();
        await SeedAsync(account);
        var tenants = portal.Services.GetRequiredService<Tenants>();
        await using (var scope = await tenants.ForAccountAsync(account))
        {
            await scope.CommitAsync();
        }

        await using var connection = await portal.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync();
        await using var command = new NpgsqlCommand("select count(*) from wallets", connection);
        Assert.Equal(0L, await command.ExecuteScalarAsync());
    }

    [Theory]
    [InlineData("billing_app")]
    [InlineData(DatabaseRoles.Staff)]
    public async Task The_ledger_is_for_reading_only(string role)
    {
        foreach (var table in new[] { "transfers", "wallets", "grants", "ledger_heads" })
        {
            foreach (var sql in new[] { $"update {table} set account_id = account_id", $"delete from {table}", $"truncate {table}", $"insert into {table} select * from {table}" })
            {
                Assert.Equal((sql, PostgresErrorCodes.InsufficientPrivilege), (sql, await SqlStateAsync($"set local role {role}; {sql}")));
            }
        }
    }

    [Fact]
    public async Task Nobody_changes_what_is_append_only_not_even_the_owner()
    {
        foreach (var row in await portal.RowsAsync("select relname, (select attname::text from pg_attribute where attrelid = c.oid and attnum = 1) from pg_class c join pg_trigger t on t.tgrelid = c.oid where tgname = 'append_only'"))
        {
            foreach (var sql in new[] { $"update {row[0]} set {row[1]} = {row[1]}", $"delete from {row[0]}", $"truncate {row[0]}" })
            {
                Assert.Equal((sql, PostgresErrorCodes.InsufficientPrivilege), (sql, await SqlStateAsync($"set local role {DatabaseRoles.Writer}; {sql}")));
                var refused = await Assert.ThrowsAsync<PostgresException>(() => portal.ExecuteAsync(sql));
                Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
            }
        }
    }

    [Fact]
    public async Task Migrating_again_changes_nothing()
    {
        var schema = portal.Services.GetRequiredService<Schema>();
        Assert.Empty(await schema.MigrateAsync());
        Assert.Empty((await schema.StatusAsync()).Pending);
    }
}
