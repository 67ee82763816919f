using System.Globalization;

namespace BillingPortal.Tests.Gating;

/// <summary>One thing that happens to an account: what, and numbers that give it shape. Whatever stands around it, it means something.</summary>
internal sealed record NaiveStep(string What, int Size, int Pick, int Hours)
{
    // Weighted by how often they stand here.
    private static readonly string[] Kinds =
        [.. Enumerable.Repeat("charge", 12), .. Enumerable.Repeat("grant", 3), .. Enumerable.Repeat("refund", 4), "check", "check", "batch", "batch", "adjust", .. Enumerable.Repeat("hold", 4), .. Enumerable.Repeat("capture", 4), "release", "extend", "plan", "plan", "policy", "repeat", "repeat", "other"];

    public static List<NaiveStep> History(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, random.Next(5, 45)).Select(_ => new NaiveStep(Kinds[random.Next(Kinds.Length)], random.Next(1, 1_000), random.Next(0, 10_000), HoursOf(random)))];
    }

    private static int HoursOf(Random random) => random.Next(10) switch
    {
        < 6 => random.Next(0, 3),
        < 9 => random.Next(3, 300),
        _ => random.Next(300, 2_500), // over one border or several
    };

    /// <summary>Fields of a charge's body, and what they cost by <see cref="NaiveCatalog"/>.</summary>
    public (string Fields, Bill Bill) Subject()
    {
        var (outcome, share) = (Pick / 10 % 12) switch { 0 => (""","outcome":"provider_error" """, 0m), 1 => (""","outcome":"timeout" """, 0.5m), _ => ("", 1m) };
        var ownKey = Pick / 100 % 8 == 0;
        var byok = ownKey ? ""","byok":true""" : "";
        var few = (Size % 8) + 1;
        return (Pick % 10) switch
        {
            0 or 1 => ($""" "action":"render","quantity":{few}{outcome}{byok}""", new("credit", 2.5m * few * share, few, ownKey)),
            2 => ($""" "action":"report","quantity":{few}{outcome}""", new("usd", 0.25m * few * share, few)),
            3 or 4 => ($""" "meter":"messages","quantity":{few}{outcome}{byok}""", new("messages", few * share, few, ownKey)),
            5 => ($""" "meter":"tokens","quantity":{Size}{outcome}""", new("tokens", Size * share, Size)),
            6 => ($""" "meter":"calls","quantity":{few}{outcome}""", new("calls", few * share, few)),
            7 => ($$""" "provider":"acme","model":"small","tokens":{"input":{{Size}},"output":{{few * 100}},"cached_input":{{Size * 10}}}{{outcome}}{{byok}}""",
                new("credit", (Size + (few * 500) + Size) / 1000m * share, 1, ownKey)),
            8 => ($""" "unit":"credit","amount":{Money(Size)}{outcome}""", new("credit", Size / 100m * share, 1)),
            _ => Size % 9 == 0 ? ($""" "action":"look","quantity":{few}""", new("credit", 0, few)) : ($""" "unit":"usd","amount":{Money(Size)}{outcome}""", new("usd", Size / 100m * share, 1)),
        };
    }

    public static string Money(int hundredths) => (hundredths / 100m).ToString(CultureInfo.InvariantCulture);
}
