using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Data;

/// <summary>
/// A transaction that sees one account, or what a role sees. Nothing else in the application sets a scope, and without one row-level security shows no row.
/// Disposing without <see cref="CommitAsync"/> rolls back.
/// </summary>
public sealed class TenantScope : IAsyncDisposable
{
    private readonly IServiceProvider services;
    private List<Action>? committed;
    private BillingDbContext? db;

    internal TenantScope(NpgsqlConnection connection, NpgsqlTransaction transaction, IServiceProvider services)
    {
        Connection = connection;
        Transaction = transaction;
        this.services = services;
    }

    public NpgsqlConnection Connection { get; }
    public NpgsqlTransaction Transaction { get; }

    /// <summary>EF Core on the same transaction, made when first asked for.</summary>
    public BillingDbContext Db
    {
        get
        {
            if (db is null)
            {
                db = new BillingDbContext(BillingDbContext.Shared(services).UseNpgsql(Connection).Options);
                db.Database.UseTransaction(Transaction);
            }

            return db;
        }
    }

    /// <summary>A command on this transaction.</summary>
    public NpgsqlCommand Command(string sql) => new(sql, Connection, Transaction);

    /// <summary>Runs once the transaction has committed, never otherwise; for telling others what is now true.</summary>
    public void OnCommitted(Action action) => (committed ??= []).Add(action);

    /// <summary>Saves what <see cref="Db"/> tracks and commits.</summary>
    public async Task CommitAsync(CancellationToken ct = default)
    {
        if (db is not null && db.ChangeTracker.HasChanges())
        {
            await db.SaveChangesAsync(ct);
        }

        await Transaction.CommitAsync(ct);
        committed?.ForEach(action => action());
        committed = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (db is not null)
        {
            await db.DisposeAsync();
        }

        await Transaction.DisposeAsync();
        await Connection.DisposeAsync();
    }
}

/// <summary>Opens <see cref="TenantScope"/>s. Account: that account's rows only. Staff: every row, the ledger for reading only. Writer: every row, for the ledger's writer and jobs.</summary>
public sealed class Tenants(NpgsqlDataSource source, [FromKeyedServices(DataSlice.Writer)] NpgsqlDataSource writer, IServiceProvider services)
{
    public Task<TenantScope> ForAccountAsync(AccountId account, CancellationToken ct = default) =>
        OpenAsync(source, "select set_config('app.account_id', $1, true)", account.Value.ToString("D"), ct);

    public Task<TenantScope> ForStaffAsync(CancellationToken ct = default) => OpenAsync(source, $"set local role {DatabaseRoles.Staff}", null, ct);

    public Task<TenantScope> ForWriterAsync(CancellationToken ct = default) => OpenAsync(source, $"set local role {DatabaseRoles.Writer}", null, ct);

    /// <summary>As <see cref="ForWriterAsync"/>, on the connections of the ledger's writer, whose statements stay prepared and scan nothing: for what runs many times a second. Waits for no lock longer than 2 s.</summary>
    public Task<TenantScope> ForBusyWriterAsync(CancellationToken ct = default) => OpenAsync(writer, $"set local role {DatabaseRoles.Writer}", null, ct);

    private async Task<TenantScope> OpenAsync(NpgsqlDataSource source, string sql, string? parameter, CancellationToken ct)
    {
        // Outside of the try: who waited in vain for a free connection does not wait again.
        var connection = await source.OpenConnectionAsync(ct);
        try
        {
            return await BeginAsync(connection, sql, parameter, ct);
        }
        catch (NpgsqlException e) when (e is not PostgresException || e.SqlState is "57P01")
        {
            // A pooled connection that the server closed meanwhile tells so at its first command only. Nothing was done yet: once more, on a new one.
            source.Clear();
            return await BeginAsync(await source.OpenConnectionAsync(ct), sql, parameter, ct);
        }
    }

    private async Task<TenantScope> BeginAsync(NpgsqlConnection connection, string sql, string? parameter, CancellationToken ct)
    {
        try
        {
            // BEGIN travels with the first command: one round trip opens the scope.
            var transaction = await connection.BeginTransactionAsync(ct);
            await using var command = new NpgsqlCommand(sql, connection, transaction);
            if (parameter is not null)
            {
                command.Parameters.Add(new() { Value = parameter });
            }

            await command.ExecuteNonQueryAsync(ct);
            return new(connection, transaction, services);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
