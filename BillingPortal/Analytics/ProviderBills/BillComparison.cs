namespace BillingPortal.Analytics.ProviderBills;

/// <summary>What our records say of one day and model.</summary>
/// <param name="Tokens">By kind, in the order of <see cref="ProviderBillCsv.TokenKinds"/>.</param>
internal sealed record RecordedTokens(DateOnly Day, string Provider, string Model, IReadOnlyList<decimal> Tokens, decimal Cost);

/// <summary>A bill beside our records, summed up. Pure.</summary>
internal static class BillComparison
{
    /// <returns>Greatest difference of costs first.</returns>
    public static IReadOnlyList<ComparedBill> Of(IReadOnlyList<ProviderBillLine> billed, IReadOnlyList<RecordedTokens> recorded, BillGrouping by)
    {
        var ours = recorded.ToLookup(r => KeyOf(r.Day, r.Provider, r.Model, by));
        var theirs = billed.ToLookup(l => KeyOf(l.Day, l.Provider, l.Model, by));
        return [.. theirs.Select(g => g.Key).Union(ours.Select(g => g.Key)).Select(key => Compare(key, theirs[key], ours[key]))
            .OrderByDescending(row => Math.Abs(row.Difference)).ThenBy(row => row.Day).ThenBy(row => row.Model, StringComparer.Ordinal)];
    }

    private static (DateOnly? Day, string? Provider, string? Model) KeyOf(DateOnly day, string provider, string model, BillGrouping by) => by switch
    {
        BillGrouping.Day => (day, null, null),
        BillGrouping.Model => (null, provider, model),
        BillGrouping.ModelAndDay => (day, provider, model),
    };

    private static ComparedBill Compare((DateOnly? Day, string? Provider, string? Model) key, IEnumerable<ProviderBillLine> billed, IEnumerable<RecordedTokens> recorded)
    {
        var (theirs, ours) = (billed.ToList(), recorded.ToList());
        var tokens = new List<ComparedTokens>();
        for (var i = 0; i < ProviderBillCsv.TokenKinds.Count; i++)
        {
            var kind = ProviderBillCsv.TokenKinds[i];
            var (there, here) = (theirs.Where(l => l.TokenKind == kind).Sum(l => l.Tokens), ours.Sum(r => i < r.Tokens.Count ? r.Tokens[i] : 0m));
            if (there != 0 || here != 0m)
            {
                tokens.Add(new(kind, there, Shortest(here)));
            }
        }

        var (cost, known) = (theirs.Sum(l => l.Cost), ours.Sum(r => r.Cost));
        return new(key.Day, key.Provider, key.Model, tokens, Shortest(cost), Shortest(known), Shortest(cost - known));
    }

    // 12.000000 as 12, as people and programs expect it.
    private static decimal Shortest(decimal value) => value / 1.000000000000000000000000000000m;
}
