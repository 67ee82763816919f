using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using BillingPortal.Access;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>
/// The live keys in memory, reloaded whole when the snapshot version moves, so that a revoked one is dead within a second on every instance.
/// A key is proven by Argon2id once in a process's life; from then on it is known by a digest keyed with random bytes that never leave the process.
/// </summary>
public sealed class ApiKeyRing(Tenants tenants, IConfiguration configuration, TimeProvider time) : ISnapshotPart, IDisposable
{
    private const int RememberedFailures = 10_000;

    private readonly byte[] processKey = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<Guid, Guid> proven = new();
    private readonly ConcurrentDictionary<Guid, Guid> failed = new();
    // Argon2 takes 19 MiB each: guesses at a known lookup part must not take the machine.
    private readonly SemaphoreSlim proofs = new(Math.Max(1, Environment.ProcessorCount / 2));
    private volatile Loaded loaded = Loaded.Nothing;

    /// <summary>A Stripe key of the real world is configured: test keys no longer work (DESIGN §7.16).</summary>
    public bool HasLiveStripe => configuration["Stripe:SecretKey"]?.Trim() is { } key
        && (key.StartsWith("sk_live_", StringComparison.Ordinal) || key.StartsWith("rk_live_", StringComparison.Ordinal));

    public async Task LoadAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var keys = await scope.Db.Set<ApiKey>().AsNoTracking().Where(k => k.RevokedAt == null).ToListAsync(ct);
        var before = loaded.ById;
        var entries = keys.ConvertAll(key => new Entry(key, CallerOf(key), before.GetValueOrDefault(key.Id)?.LastUsedAt ?? 0));
        loaded = new(entries.ToFrozenDictionary(e => e.Key.Id), entries.ToFrozenDictionary(e => e.Key.Lookup, StringComparer.Ordinal));
        failed.Clear();
        foreach (var (digest, id) in proven)
        {
            if (!loaded.ById.ContainsKey(id))
            {
                proven.TryRemove(digest, out _);
            }
        }
    }

    public void Dispose() => proofs.Dispose();

    /// <returns>Who the key stands for; null when it is unknown, revoked, or a test key beside a live Stripe.</returns>
    public ValueTask<Caller?> FindAsync(string secret, CancellationToken ct)
    {
        if (!ApiKeySecret.TryRead(secret, out var isLive, out var lookup) || (!isLive && HasLiveStripe))
        {
            return default;
        }

        var now = loaded;
        if (!now.ByLookup.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(lookup, out var entry))
        {
            return default;
        }

        if (entry.EndsAt <= time.GetUtcNow().UtcTicks)
        {
            return default;
        }

        var digest = Digest(secret);
        return proven.TryGetValue(digest, out var id) && id == entry.Key.Id ? new(Use(entry)) : ProveAsync(secret, digest, entry, ct);
    }

    /// <summary>Whether a key still lives; an account token dies with the key that made it.</summary>
    public bool IsLive(Guid key) => loaded.ById.TryGetValue(key, out var entry) && entry.EndsAt > time.GetUtcNow().UtcTicks;

    /// <summary>The keys used since they were last asked for, with when.</summary>
    internal IReadOnlyList<(Guid Id, DateTimeOffset UsedAt)> TakeUses()
    {
        List<(Guid, DateTimeOffset)> uses = [];
        foreach (var entry in loaded.ById.Values)
        {
            if (entry.LastUsedAt != entry.WrittenAt)
            {
                entry.WrittenAt = entry.LastUsedAt;
                uses.Add((entry.Key.Id, new(entry.LastUsedAt, TimeSpan.Zero)));
            }
        }

        return uses;
    }

    private async ValueTask<Caller?> ProveAsync(string secret, Guid digest, Entry entry, CancellationToken ct)
    {
        if (failed.TryGetValue(digest, out var refused) && refused == entry.Key.Id)
        {
            return null;
        }

        await proofs.WaitAsync(ct);
        try
        {
            // Another request may have proven it while this one waited.
            if (!proven.ContainsKey(digest) && !ApiKeySecret.Proves(secret, entry.Key))
            {
                if (failed.Count > RememberedFailures)
                {
                    failed.Clear();
                }

                failed[digest] = entry.Key.Id;
                return null;
            }

            proven[digest] = entry.Key.Id;
            // What was revoked meanwhile must not come back to life.
            return loaded.ById.ContainsKey(entry.Key.Id) ? Use(entry) : null;
        }
        finally
        {
            proofs.Release();
        }
    }

    private Caller Use(Entry entry)
    {
        var now = time.GetUtcNow().UtcTicks;
        if (now - entry.LastUsedAt > TimeSpan.TicksPerSecond)
        {
            entry.LastUsedAt = now;
        }

        return entry.Caller;
    }

    private Guid Digest(string secret)
    {
        Span<byte> text = stackalloc byte[256], mac = stackalloc byte[32];
        var length = Encoding.ASCII.GetBytes(secret, text);
        HMACSHA256.HashData(processKey, text[..length], mac);
        return new(mac[..16]);
    }

    private static Caller CallerOf(ApiKey key) => new()
    {
        Kind = CallerKind.ApiKey,
        Actor = $"key:{key.Name}",
        CredentialId = key.Id,
        Scopes = key.ScopeSet,
        Accounts = key.BoundAccounts is null ? null : [.. key.BoundAccounts.Select(id => new AccountId(id))],
    };

    private sealed class Entry(ApiKey key, Caller caller, long lastUsedAt)
    {
        public ApiKey Key { get; } = key;
        public Caller Caller { get; } = caller;
        public long EndsAt { get; } = key.ExpiresAt?.UtcTicks ?? long.MaxValue;
        /// <summary>UTC ticks; torn reads do not happen on 64 bits, and a lost update costs a second.</summary>
        public long LastUsedAt { get; set; } = lastUsedAt;
        public long WrittenAt { get; set; } = lastUsedAt;
    }

    private sealed record Loaded(FrozenDictionary<Guid, Entry> ById, FrozenDictionary<string, Entry> ByLookup)
    {
        public static readonly Loaded Nothing = new(FrozenDictionary<Guid, Entry>.Empty, Array.Empty<Entry>().ToFrozenDictionary(e => e.Key.Lookup, StringComparer.Ordinal));
    }
}
