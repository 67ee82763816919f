using BillingPortal.Access;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>A key that was just made, with its secret: the only time that it is shown.</summary>
public sealed record NewApiKey(ApiKey Key, string Secret);

/// <summary>What a new key may do.</summary>
/// <param name="Name">1 to 100 characters, for people.</param>
/// <param name="IsLive">False: <c>bp_test_</c>.</param>
/// <param name="Scopes">At least one.</param>
/// <param name="BoundAccounts">The only accounts it reaches; null: all.</param>
public sealed record ApiKeyTerms(string Name, bool IsLive, IReadOnlyList<Scope> Scopes, IReadOnlyList<AccountId>? BoundAccounts);

/// <summary>Makes, rotates and revokes keys. Each change is audited and bumps the snapshot version in the same transaction, so that every instance follows within a second.</summary>
public sealed class ApiKeys(Tenants tenants, ApiKeyRing ring, AuditTrail audit, TimeProvider time)
{
    public const int LongestName = 100;
    public static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(7);

    public async Task<NewApiKey> MakeAsync(string actor, ApiKeyTerms terms, CancellationToken ct)
    {
        var secret = ApiKeySecret.New(terms.IsLive);
        var key = ApiKeySecret.Seal(secret, terms.Name, terms.Scopes.Select(ScopeSet.NameOf), terms.BoundAccounts?.Select(a => a.Value).ToArray(), actor, time.Now());
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            scope.Db.Add(key);
            audit.Record(scope, actor, "api_key.made", key.ShownId, before: null, after: Seen(key));
            await SaveAsync(scope, ct);
        }

        await ring.LoadAsync(ct);
        return new(key, secret);
    }

    /// <summary>A new secret with the old terms. The old key dies at once, or after the overlap.</summary>
    /// <returns>Null: no such key lives.</returns>
    public async Task<NewApiKey?> RotateAsync(string actor, Guid id, TimeSpan overlap, CancellationToken ct)
    {
        NewApiKey made;
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            if (await LivingAsync(scope, id, ct) is not { } old)
            {
                return null;
            }

            var now = time.Now();
            var secret = ApiKeySecret.New(old.IsLive);
            made = new(ApiKeySecret.Seal(secret, old.Name, old.Scopes, old.BoundAccounts, actor, now, old.Id), secret);
            if (overlap > TimeSpan.Zero)
            {
                old.ExpiresAt = (now + overlap).ToMicroseconds();
            }
            else
            {
                old.RevokedAt = now;
            }

            scope.Db.Add(made.Key);
            audit.Record(scope, actor, "api_key.rotated", old.ShownId, before: Seen(old), after: Seen(made.Key));
            await SaveAsync(scope, ct);
        }

        await ring.LoadAsync(ct);
        return made;
    }

    /// <returns>False: no such key lives.</returns>
    public async Task<bool> RevokeAsync(string actor, Guid id, CancellationToken ct)
    {
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            if (await LivingAsync(scope, id, ct) is not { } key)
            {
                return false;
            }

            key.RevokedAt = time.Now();
            audit.Record(scope, actor, "api_key.revoked", key.ShownId, before: Seen(key), after: null);
            await SaveAsync(scope, ct);
        }

        await ring.LoadAsync(ct);
        return true;
    }

    /// <summary>Newest first; revoked ones only when asked for.</summary>
    public async Task<IReadOnlyList<ApiKey>> ListAsync(bool withRevoked, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        return await scope.Db.Set<ApiKey>().AsNoTracking().Where(k => withRevoked || k.RevokedAt == null).OrderByDescending(k => k.Id).Take(1000).ToListAsync(ct);
    }

    /// <summary>Makes the key that the configuration names, with every scope, unless one with its lookup part exists.</summary>
    internal async Task EnsureAsync(string secret, string name, CancellationToken ct)
    {
        if (!ApiKeySecret.TryRead(secret, out _, out var lookup))
        {
            throw new ConfigurationException("Bootstrap:ApiKey must be bp_live_ or bp_test_ and 32 to 128 letters and digits.");
        }

        var known = lookup.ToString();
        await using (var scope = await tenants.ForStaffAsync(ct))
        {
            if (await scope.Db.Set<ApiKey>().AnyAsync(k => k.Lookup == known, ct))
            {
                return;
            }

            var key = ApiKeySecret.Seal(secret, name, [ScopeSet.NameOf(Scope.Admin)], null, "bootstrap", time.Now());
            scope.Db.Add(key);
            audit.Record(scope, "bootstrap", "api_key.made", key.ShownId, before: null, after: Seen(key));
            await SaveAsync(scope, ct);
        }

        await ring.LoadAsync(ct);
    }

    private static Task<ApiKey?> LivingAsync(TenantScope scope, Guid id, CancellationToken ct) =>
        scope.Db.Set<ApiKey>().SingleOrDefaultAsync(k => k.Id == id && k.RevokedAt == null, ct);

    private static async Task SaveAsync(TenantScope scope, CancellationToken ct)
    {
        await SnapshotVersion.BumpAsync(scope.Connection, scope.Transaction, ct);
        await scope.CommitAsync(ct);
    }

    // What the audit log shows of a key: no hash, no salt.
    private static object Seen(ApiKey key) => new { key.Name, Key = key.Hint, key.Scopes, key.BoundAccounts, key.CreatedAt };
}
