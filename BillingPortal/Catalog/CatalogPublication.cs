using System.Text.Json.Nodes;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Catalog;

/// <summary>Puts a new version of the catalog into force: for this instance at once, for others within a second.</summary>
public sealed class CatalogPublication(Tenants tenants, CatalogSnapshot snapshot, IEnumerable<ICatalogUse> uses, AuditTrail audit, TimeProvider time)
{
    /// <summary>Longest note, in characters.</summary>
    public const int MaxNote = 500;

    // One publication at a time, over all instances: each starts from the version before it.
    private const long Lock = 0x0CA7_A106;

    /// <param name="propose">Makes the new catalog of the one in force (null before the first), or refuses. Called under the lock.</param>
    /// <param name="actor">Who, as the audit log names them.</param>
    /// <param name="note">Why; at most <see cref="MaxNote"/> characters.</param>
    /// <param name="dryRun">True: only says what would change.</param>
    public async Task<PublicationResult> PublishAsync(Func<CatalogInForce?, Result<CatalogDocument>> propose, string actor, string? note, bool dryRun, CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock({Lock})", ct);
        var before = await CatalogSnapshot.ReadAsync(scope, ct);
        if (!propose(before).TryGet(out var document, out var refusal))
        {
            return new PublicationResult.Refused(refusal);
        }

        if (before is not null && await InUseAsync(scope, before.Document, document, ct) is { } inUse)
        {
            return new PublicationResult.Refused(inUse);
        }

        if (before is not null && BegunVersions.Check(before.Document, document, time.Now()) is { } begun && await HasChargedAsync(scope, ct))
        {
            return new PublicationResult.Refused(begun);
        }

        var changes = CatalogDiff.Between(before?.Document, document);
        if (dryRun || (before is not null && changes.Count == 0))
        {
            return new PublicationResult.Published(before?.Version ?? 0, changes);
        }

        var version = (before?.Version ?? 0) + 1;
        scope.Db.Add(new CatalogVersion { Version = version, Document = CatalogJson.Write(document), CreatedAt = time.Now(), CreatedBy = actor, Note = note });
        audit.Record(scope, actor, "catalog.published", $"catalog version {version}", ValuesOf(before, changes, c => c.Before), ValuesOf(before, changes, c => c.After), reason: note);
        await SnapshotVersion.BumpAsync(scope.Connection, scope.Transaction, ct);
        scope.OnCommitted(() => snapshot.Replace(document, version));
        await scope.CommitAsync(ct);
        return new PublicationResult.Published(version, changes);
    }

    private async Task<Refusal?> InUseAsync(TenantScope scope, CatalogDocument before, CatalogDocument after, CancellationToken ct)
    {
        List<string> plans = [.. before.Plans.Select(p => p.Id).Except(after.Plans.Select(p => p.Id))];
        List<string> meters = [.. before.Meters.Select(m => m.Id).Except(after.Meters.Select(m => m.Id))];
        if (plans.Count + meters.Count == 0)
        {
            return null;
        }

        var found = new List<CatalogUse>();
        foreach (var use in uses)
        {
            found.AddRange(await use.FindAsync(scope, plans, meters, ct));
        }

        return found.Count == 0 ? null : new(ErrorCode.Conflict, $"The new catalog leaves out what is in use: {string.Join("; ", found.Select(u => $"{u.Path}, {u.Message}"))}. Nothing was changed. Keep it, or move the accounts first.")
        {
            Errors = found.ToDictionary(u => u.Path, u => (string[])[u.Message]),
        };
    }

    // Before the first charge no version has priced anything: a catalog is still being set up, and may be corrected or exchanged whole.
    private async Task<bool> HasChargedAsync(TenantScope scope, CancellationToken ct)
    {
        foreach (var use in uses)
        {
            if (await use.HasChargedAsync(scope, ct))
            {
                return true;
            }
        }

        return false;
    }

    // The first catalog changes nothing; its version keeps it whole.
    private static Dictionary<string, JsonNode?>? ValuesOf(CatalogInForce? before, IReadOnlyList<CatalogChange> changes, Func<CatalogChange, JsonNode?> side) =>
        before is null ? null : changes.ToDictionary(c => c.Path, side);
}

/// <summary>The catalog in force and its number.</summary>
public sealed record CatalogInForce(CatalogDocument Document, int Version);

/// <summary>What became of a publication. Closed: published or refused.</summary>
public abstract record PublicationResult
{
    private PublicationResult()
    {
    }

    public T Match<T>(Func<Published, T> whenPublished, Func<Refusal, T> whenRefused) => this switch
    {
        Published published => whenPublished(published),
        Refused refused => whenRefused(refused.Refusal),
        _ => throw new InvalidOperationException("A publication is published or refused."),
    };

    /// <param name="Version">The version in force now; as before after a dry run and when nothing changed.</param>
    /// <param name="Changes">What it changed, or would; empty when it says what was in force already.</param>
    public sealed record Published(int Version, IReadOnlyList<CatalogChange> Changes) : PublicationResult;

    /// <summary>Nothing was changed.</summary>
    public sealed record Refused(Refusal Refusal) : PublicationResult;
}
