using BillingPortal.Data;
using BillingPortal.Tests.Testing;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace BillingPortal.Tests.Data;

public class SchemaTests(PortalFixture portal) : IClassFixture<PortalFixture>
{
    private const string Shape =
        """
        select c.relname, c.relrowsecurity, c.relforcerowsecurity, coalesce(array_to_string(c.relacl::text[], ' '), ''),
            (select string_agg(polname::text, ' ' order by polname) from pg_policy where polrelid = c.oid), (select string_agg(tgname::text, ' ' order by tgname) from pg_trigger where tgrelid = c.oid and not tgisinternal),
            (select string_agg(attname::text || ' ' || atttypid::regtype, ', ' order by attname) from pg_attribute where attrelid = c.oid and attnum > 0)
        from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'i') order by 1
        """;

    private static async Task<List<string>> ShapeAsync(string connectionString)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(Shape);
        await using var reader = await command.ExecuteReaderAsync();
        var shape = new List<string>();
        while (await reader.ReadAsync())
        {
            var row = new object[reader.FieldCount];
            reader.GetValues(row);
            shape.Add(string.Join(" | ", row));
        }

        return shape;
    }

    [Fact]
    public async Task The_printed_sql_makes_the_same_database_and_can_be_run_again()
    {
        await portal.ExecuteAsync("create database printed owner billing_owner");
        var printed = new NpgsqlConnectionStringBuilder(portal.OwnerConnection) { Database = "printed", Pooling = false }.ConnectionString;
        var sql = await portal.Services.GetRequiredService<Schema>().PrintAsync();
        for (var run = 0; run < 2; run++)
        {
            await using var connection = new NpgsqlConnection(printed);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        Assert.Equal(await ShapeAsync(portal.OwnerConnection), await ShapeAsync(printed));
    }

    [Theory]
    [InlineData("billing_app", "on", null)]
    [InlineData("postgres", "on", "superuser")]
    [InlineData("billing_owner", "on", "owns tables")]
    [InlineData("billing_app", "off", "synchronous_commit is off")]
    public async Task Production_refuses_a_role_or_server_that_could_lose_or_leak_rows(string role, string synchronousCommit, string? reason)
    {
        // The cluster of the tests runs without fsync; what a server says of itself is taken from a role's settings here.
        var text = new NpgsqlConnectionStringBuilder(role switch { "postgres" => portal.SuperuserConnection, "billing_owner" => portal.OwnerConnection, _ => portal.AppConnection })
        {
            Options = $"-c synchronous_commit={synchronousCommit}",
        };
        await using var source = NpgsqlDataSource.Create(text.ConnectionString);
        var start = new DatabaseStart(
            portal.Services.GetRequiredService<Schema>(), portal.Services.GetRequiredService<DatabaseAddress>(), source, new Production(), new ConfigurationBuilder().Build(), NullLogger<DatabaseStart>.Instance);
        var refused = await Assert.ThrowsAsync<ConfigurationException>(() => start.StartAsync(default));
        Assert.Contains("fsync is off", refused.Message, StringComparison.Ordinal);
        Assert.Equal(reason is not null, reason is not null && refused.Message.Contains(reason, StringComparison.Ordinal));
        Assert.Equal(role == "postgres", refused.Message.Contains("superuser", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_missing_connection_string_outside_development_is_fatal_and_says_so()
    {
        await using var address = new DatabaseAddress(new ConfigurationBuilder().Build(), new Production());
        var refused = await Assert.ThrowsAsync<ConfigurationException>(async () => await address.AppAsync());
        Assert.Contains("ConnectionStrings__Billing is not set", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_production_owner_and_application_are_two_roles()
    {
        var same = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Billing"] = "Host=db;Username=one",
            ["ConnectionStrings:BillingOwner"] = "postgres://one@db/billing",
        }).Build();
        await using var address = new DatabaseAddress(same, new Production());
        await Assert.ThrowsAsync<ConfigurationException>(async () => await address.OwnerAsync());
    }

    private sealed class Production : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Production;
        public string ApplicationName { get; set; } = "BillingPortal";
        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
