using System.Globalization;
using BillingPortal.Data;
using BillingPortal.Identity.Users;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Components.Shared;

/// <summary>What people call those who acted: a user by name, else e-mail; keys, jobs and commands by the name that they have. Read once for all rows of a page, and kept while the page is.</summary>
public sealed class ActorNames(Tenants tenants)
{
    private const string Prefix = "user:";
    private readonly Dictionary<string, string> known = [];

    /// <summary>The actor's name; before <see cref="LearnAsync"/>, and of a user who is gone, as the record has it.</summary>
    public string this[string actor] => known.GetValueOrDefault(actor) ?? actor;

    /// <summary>Reads in one round trip what is not known yet of these.</summary>
    public async Task LearnAsync(IEnumerable<string?> actors, CancellationToken ct = default)
    {
        List<Guid> unknown = [.. actors.OfType<string>().Distinct().Where(a => a.StartsWith(Prefix, StringComparison.Ordinal) && !known.ContainsKey(a)).Select(a => Guid.TryParse(a.AsSpan(Prefix.Length), CultureInfo.InvariantCulture, out var id) ? id : Guid.Empty)];
        if (unknown.Count == 0)
        {
            return;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        foreach (var found in await scope.Db.Set<User>().AsNoTracking().Where(u => unknown.Contains(u.Id)).Select(u => new { u.Id, u.Name, u.Email }).ToListAsync(ct))
        {
            if ((found.Name ?? found.Email) is { } name)
            {
                known[$"{Prefix}{found.Id:N}"] = name;
            }
        }
    }
}
