using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace BillingPortal.Data;

/// <summary>Which migrations the database has, and which it lacks.</summary>
public sealed record SchemaStatus(IReadOnlyList<string> Applied, IReadOnlyList<string> Pending);

/// <summary>Makes and upgrades the database as its owner: <c>migrate</c>, <c>migrate --print</c>, <c>migrate --status</c>.</summary>
public sealed class Schema(DatabaseAddress address, IServiceProvider services)
{
    internal const string HistoryTable = "schema_migrations";

    // Any constant: migrations of one database exclude one another.
    private const long MigrationLock = 0x42_49_4C_4C;

    /// <summary>Makes the database when missing, applies what is pending, makes the application's login when missing, and mends policies and privileges. Repeating it changes nothing.</summary>
    /// <returns>The migrations that were applied.</returns>
    public async Task<IReadOnlyList<string>> MigrateAsync(CancellationToken ct = default)
    {
        var owner = await address.OwnerAsync(ct);
        await using (var db = Context(owner))
        {
            var creator = db.GetService<IRelationalDatabaseCreator>();
            if (!await creator.ExistsAsync(ct))
            {
                await creator.CreateAsync(ct);
            }
        }

        await using var guard = new NpgsqlConnection(Alone(owner));
        await guard.OpenAsync(ct);
        await ExecuteAsync(guard, $"select pg_advisory_lock({MigrationLock})", ct);
        await using var migrating = Context(owner);
        var pending = (await migrating.Database.GetPendingMigrationsAsync(ct)).ToList();
        if (pending.Count > 0)
        {
            await migrating.Database.MigrateAsync(ct);
        }

        var login = new NpgsqlConnectionStringBuilder(await address.AppAsync(ct));
        await ExecuteAsync(guard, "begin", ct);
        await ExecuteAsync(guard, RowSecurity.Policies, ct);
        await MakeLoginAsync(guard, login, ct);
        await ExecuteAsync(guard, RowSecurity.Privileges(login.Username!), ct);
        await ExecuteAsync(guard, "commit", ct);
        return pending;
    }

    /// <summary>The whole of <see cref="MigrateAsync"/> as SQL for a database administrator; safe to run again. The login and its password are left to them.</summary>
    public async Task<string> PrintAsync(CancellationToken ct = default)
    {
        await using var db = new BillingDbContext(BillingDbContext.Shared(services).UseNpgsql(b => b.MigrationsHistoryTable(HistoryTable)).Options);
        var script = db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent);
        var login = new NpgsqlConnectionStringBuilder(await address.AppAsync(ct)).Username!;
        return $"""
            -- Run as the owner of the database. The application's login must exist before the last block:
            --   create role "{login}" login noinherit password '…';

            {script.Replace("\r\n", "\n", StringComparison.Ordinal)}
            {RowSecurity.Policies}

            {RowSecurity.Privileges(login)}
            """;
    }

    /// <summary>Reads only: as the owner where that is known, else as the application's own login. A database that does not exist lacks everything.</summary>
    public async Task<SchemaStatus> StatusAsync(CancellationToken ct = default)
    {
        await using var db = Context(address.KnowsOwner ? await address.OwnerAsync(ct) : await address.AppAsync(ct));
        var exists = await db.GetService<IRelationalDatabaseCreator>().ExistsAsync(ct);
        List<string> applied = exists ? [.. await db.Database.GetAppliedMigrationsAsync(ct)] : [];
        return new(applied, [.. db.Database.GetMigrations().Except(applied)]);
    }

    // By text, not by a source of its own: EF Core keeps a model, for ever, for each source that it is given.
    private BillingDbContext Context(string connection) =>
        new(BillingDbContext.Shared(services).UseNpgsql(Alone(connection), b => b.MigrationsHistoryTable(HistoryTable)).Options);

    private static string Alone(string connection) => new NpgsqlConnectionStringBuilder(connection) { Pooling = false, Enlist = false }.ConnectionString;

    private static async Task MakeLoginAsync(NpgsqlConnection connection, NpgsqlConnectionStringBuilder login, CancellationToken ct)
    {
        await using var exists = new NpgsqlCommand("select exists (select from pg_roles where rolname = $1)", connection) { Parameters = { new() { Value = login.Username } } };
        if (await exists.ExecuteScalarAsync(ct) is true)
        {
            return;
        }

        // CREATE ROLE takes no parameters; format() quotes.
        await using var quote = new NpgsqlCommand("select format('create role %I login noinherit password %L', $1::text, $2::text)", connection)
        {
            Parameters = { new() { Value = login.Username }, new() { Value = login.Password ?? "" } },
        };
        await ExecuteAsync(connection, (string)(await quote.ExecuteScalarAsync(ct))!, ct);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }
}
