using BillingPortal.Primitives;

namespace BillingPortal.Catalog;

/// <summary>A version of a rate card that has begun stands for good: charges name it, and a receipt must mean tomorrow what it means today. Pure.</summary>
internal static class BegunVersions
{
    /// <returns>A 409 with the place of each value that would change in a version that began at or before <paramref name="now"/>; null: none would.</returns>
    public static Refusal? Check(CatalogDocument before, CatalogDocument after, DateTimeOffset now)
    {
        List<RateCard> begun = [.. before.RateCards.Where(card => card.EffectiveFrom <= now)];
        List<RateCard> kept = [.. begun.Select(card => after.RateCards.FirstOrDefault(c => c.Id == card.Id && c.Version == card.Version)).OfType<RateCard>()];
        // Of the catalogs, only these versions are compared.
        var changes = CatalogDiff.Between(before with { RateCards = begun }, before with { RateCards = kept });
        return changes.Count == 0 ? null : new(ErrorCode.Conflict,
            $"{changes[0].Path} cannot change: that version has begun, and charges may have been priced by it. Nothing was changed. Leave the version as it is and add another to its card, with the next number and a later effective_from; "
            + "past charges are changed by rating them again.")
        {
            Errors = changes.ToDictionary(c => c.Path, c => (string[])[Message(c)]),
        };
    }

    private static string Message(CatalogChange change) => (change.Before, change.After) switch
    {
        (null, { } after) => $"is not in the version that has begun: {after.ToJsonString()} needs a version of its own",
        (_, null) => "has begun and cannot be left out",
        ({ } before, { } after) => $"is {before.ToJsonString()} in the version that has begun and cannot become {after.ToJsonString()}",
    };
}
