using System.Globalization;
using System.Text.Json.Nodes;

namespace BillingPortal.Catalog;

/// <summary>One value that another catalog has otherwise.</summary>
/// <param name="Path">Where, with the ids of list entries: <c>plans[standard].prices[month usd].amount</c>.</param>
/// <param name="Before">Null: it was not there.</param>
/// <param name="After">Null: it is no more.</param>
public sealed record CatalogChange(string Path, JsonNode? Before, JsonNode? After)
{
    public override string ToString() => (Before, After) switch
    {
        (null, { } after) => $"+ {Path}: {Text(after)}",
        ({ } before, null) => $"- {Path}: {Text(before)}",
        _ => $"~ {Path}: {Text(Before)} → {Text(After)}",
    };

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "null";
}

/// <summary>What would change between two catalogs. Entries of a list are the same when they have the same id, wherever they stand.</summary>
public static class CatalogDiff
{
    /// <param name="before">Null: there was no catalog.</param>
    public static IReadOnlyList<CatalogChange> Between(CatalogDocument? before, CatalogDocument after)
    {
        var changes = new List<CatalogChange>();
        Compare("", before is null ? [] : CatalogJson.ToNode(before), CatalogJson.ToNode(after), changes);
        return changes;
    }

    private static void Compare(string path, JsonNode? before, JsonNode? after, List<CatalogChange> changes)
    {
        if (before is JsonObject beforeFields && after is JsonObject afterFields)
        {
            CompareByName(name => path.Length == 0 ? name : $"{path}.{name}", new(beforeFields), new(afterFields), changes);
        }
        else if (before is JsonArray beforeList && after is JsonArray afterList && beforeList.Concat(afterList).All(entry => entry is JsonObject))
        {
            CompareByName(name => $"{path}[{name}]", Entries(path, beforeList), Entries(path, afterList), changes);
        }
        else if (!JsonNode.DeepEquals(before, after))
        {
            changes.Add(new(path, before?.DeepClone(), after?.DeepClone()));
        }
    }

    private static void CompareByName(Func<string, string> at, Dictionary<string, JsonNode?> before, Dictionary<string, JsonNode?> after, List<CatalogChange> changes)
    {
        foreach (var name in before.Keys.Union(after.Keys))
        {
            Compare(at(name), before.GetValueOrDefault(name), after.GetValueOrDefault(name), changes);
        }
    }

    private static Dictionary<string, JsonNode?> Entries(string path, JsonArray list) =>
        list.Select((entry, index) => (Id: IdOf(path, entry!.AsObject(), index), entry)).ToDictionary(e => e.Id, e => (JsonNode?)e.entry);

    private static string IdOf(string path, JsonObject entry, int index)
    {
        string Field(string name) => entry[name]!.ToString();
        return path[(path.LastIndexOf('.') + 1)..] switch
        {
            "rate_cards" => $"{Field("id")} v{Field("version")}",
            "prices" => $"{Field("interval")} {Field("currency")}",
            "allowances" => Field("meter"),
            "meters" when entry.ContainsKey("meter") => Field("meter"),
            "models" when entry.ContainsKey("model") => $"{Field("provider")}/{Field("model")}",
            _ => entry.ContainsKey("id") ? Field("id") : index.ToString(CultureInfo.InvariantCulture),
        };
    }
}
