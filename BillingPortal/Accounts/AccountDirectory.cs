using System.Collections.Concurrent;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Primitives;
using NpgsqlTypes;

namespace BillingPortal.Accounts;

/// <summary>From the product's own id, or the shown one (<c>acc_…</c>), to the account. That never changes, so it is kept in memory.</summary>
/// <remarks>Handlers use the overloads that take the caller: what the caller may not reach is answered like what does not exist.</remarks>
public sealed class AccountDirectory(Tenants tenants, IConfiguration configuration, TimeProvider time)
{
    /// <summary>About 100 MB at most; beyond it the memory starts again empty.</summary>
    private const int Remembered = 500_000;

    private readonly ConcurrentDictionary<string, AccountId> known = new(StringComparer.Ordinal);
    private int count;

    private bool OpensAtFirstSight => configuration.GetValue("Billing:CreateAccountsOnFirstSight", true);

    /// <returns>Null: there is no such account, or the caller may not reach it.</returns>
    public async ValueTask<AccountId?> FindAsync(Caller caller, string? account, CancellationToken ct = default) =>
        await FindAsync(account, ct) is { } id && caller.MayReach(id) ? id : null;

    /// <returns>Null: there is no such account.</returns>
    public ValueTask<AccountId?> FindAsync(string? account, CancellationToken ct = default)
    {
        if (account is null || !ExternalId.IsValid(account))
        {
            return new((AccountId?)null);
        }

        return known.TryGetValue(account, out var id) ? new(id) : LookUpAsync(account, ct);
    }

    /// <summary>Finds the account or makes it, where <c>Billing:CreateAccountsOnFirstSight</c> allows. A caller bound to some accounts makes none.</summary>
    /// <returns>Null: there is none and none may be made, or the caller may not reach it.</returns>
    public async ValueTask<AccountId?> OpenAsync(Caller caller, string? account, CancellationToken ct = default) =>
        caller.Accounts is null ? await OpenAsync(account, ct) : await FindAsync(caller, account, ct);

    /// <inheritdoc cref="OpenAsync(Caller, string?, CancellationToken)"/>
    public async ValueTask<AccountId?> OpenAsync(string? account, CancellationToken ct = default)
    {
        if (await FindAsync(account, ct) is { } found)
        {
            return found;
        }

        return MayOpen(account) ? (await MakeAsync(account!, ct)).Id : null;
    }

    /// <summary>For each of them what <see cref="OpenAsync(Caller, string?, CancellationToken)"/> says; those that are not in memory are looked up, and made, in a few round trips for all of them.</summary>
    public async ValueTask<AccountId?[]> OpenAllAsync(Caller caller, IReadOnlyList<string> named, CancellationToken ct = default)
    {
        var found = new AccountId?[named.Count];
        var isComplete = true;
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = known.TryGetValue(named[i], out var id) && caller.MayReach(id) ? id : null;
            isComplete &= found[i] is not null;
        }

        if (!isComplete)
        {
            await RememberAllAsync(caller, named, ct);
            for (var i = 0; i < found.Length; i++)
            {
                found[i] ??= await OpenAsync(caller, named[i], ct);
            }
        }

        return found;
    }

    /// <summary>Looks these accounts up, and makes those that <see cref="OpenAsync(Caller, string?, CancellationToken)"/> would make, in a few round trips for all of them; asking for each of them afterwards is asking memory.</summary>
    public async Task RememberAllAsync(Caller caller, IEnumerable<string> named, CancellationToken ct = default)
    {
        string[] unknown = [.. named.Where(a => !known.ContainsKey(a) && ExternalId.IsValid(a) && !AccountId.TryParse(a, out _)).Distinct()];
        if (unknown.Length < 2)
        {
            return; // the asking itself is one round trip
        }

        await LookUpAsync(unknown, ct);
        string[] missing = caller.Accounts is null ? [.. unknown.Where(a => !known.ContainsKey(a) && MayOpen(a))] : [];
        if (missing.Length > 0)
        {
            await InsertAsync(missing, ct);
            await LookUpAsync(missing, ct);
        }
    }

    /// <summary>Whether an account that is not known yet would be made at first sight.</summary>
    public bool MayOpen(string? account) => OpensAtFirstSight && ExternalId.MayBeNew(account);

    /// <summary>What a caller is told about an account that does not exist or is not theirs; the two are not told apart.</summary>
    public static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such account. Nothing was done. Check the id, or make the account with PUT /accounts/{account}.");

    /// <summary>Makes the account unless it exists; whoever comes second finds the first one's.</summary>
    /// <param name="externalId">One that <see cref="ExternalId.MayBeNew"/> allows.</param>
    public async Task<(AccountId Id, bool Made)> MakeAsync(string externalId, CancellationToken ct)
    {
        var made = await InsertAsync([externalId], ct) == 1;
        // The scope's connection is back by now: if each of many newcomers kept one and asked for a second, the pool would run dry and nobody would go on.
        return (await FindAsync(externalId, ct) ?? throw new InvalidOperationException("An account that was just made is not there."), made);
    }

    /// <returns>How many of them there were not.</returns>
    private async Task<int> InsertAsync(string[] externalIds, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        // In one order everywhere, so that two requests never wait for each other crosswise.
        await using var insert = scope.Command("""
            insert into accounts (account_id, external_id, metadata, time_zone, created_at) select id, external_id, '{}', 'UTC', $3 from unnest($1, $2) as a (id, external_id) order by external_id
            on conflict (external_id) do nothing
            """);
        insert.Parameters.Add(new() { Value = Array.ConvertAll(externalIds, _ => AccountId.New().Value) });
        insert.Parameters.Add(new() { Value = externalIds });
        insert.Parameters.Add(new() { Value = time.Now() });
        var made = await insert.ExecuteNonQueryAsync(ct);
        await scope.CommitAsync(ct);
        return made;
    }

    private async ValueTask<AccountId?> LookUpAsync(string account, CancellationToken ct)
    {
        var isShownId = AccountId.TryParse(account, out var shown);
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var select = scope.Command(isShownId ? "select account_id from accounts where account_id = $1" : "select account_id from accounts where external_id = $1");
        select.Parameters.Add(isShownId ? new() { Value = shown.Value } : new() { Value = account, NpgsqlDbType = NpgsqlDbType.Text });
        return await select.ExecuteScalarAsync(ct) is Guid id ? Remember(account, new(id)) : null;
    }

    private async Task LookUpAsync(string[] named, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await using var select = scope.Command("select external_id, account_id from unnest($1) as asked (id) join accounts on external_id = asked.id");
        select.Parameters.Add(new() { Value = named });
        await using var reader = await select.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            Remember(reader.GetString(0), new(reader.GetGuid(1)));
        }
    }

    private AccountId Remember(string account, AccountId id)
    {
        if (known.TryAdd(account, id) && Interlocked.Increment(ref count) > Remembered)
        {
            known.Clear();
            Interlocked.Exchange(ref count, 0);
        }

        return id;
    }
}
