using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Catalog;

public class CatalogFileTests
{
    public static TheoryData<string> Files => [.. CatalogFiles.Names];

    [Fact]
    public void There_are_the_five_example_catalogs_and_the_demo() =>
        Assert.Equal(["agent-credits", "chat-tiers", "credit-gate", "demo", "metered-plans", "prepaid-reserve"], CatalogFiles.Names);

    [Theory, MemberData(nameof(Files))]
    public void A_written_catalog_reads_back_as_the_same(string name)
    {
        var catalog = CatalogFiles.Read(name);
        var written = CatalogJson.Write(catalog);
        var again = CatalogJson.Read(Encoding.UTF8.GetBytes(written)).Match(read => read, errors => throw new InvalidOperationException(string.Join("\n", errors)));
        Assert.Equal(written, CatalogJson.Write(again));
        Assert.Empty(CatalogDiff.Between(catalog, again));
    }

    [Theory, MemberData(nameof(Files))]
    public void What_is_written_says_no_more_than_the_file(string name) =>
        Assert.Empty(MoreThan(JsonNode.Parse(CatalogJson.Write(CatalogFiles.Read(name)))!, JsonNode.Parse(CatalogFiles.Bytes(name))!, ""));

    [Theory, MemberData(nameof(Files))]
    public void A_longer_subscription_is_never_dearer(string name)
    {
        foreach (var plan in CatalogFiles.Read(name).Plans)
        {
            foreach (var year in plan.Prices.Where(p => p.Interval == BillingInterval.Year))
            {
                var month = plan.Prices.Single(p => p.Interval == BillingInterval.Month && p.Currency == year.Currency);
                Assert.True(year.Amount.Value < 12m * month.Amount.Value, $"{plan.Id} {year.Currency}");
            }
        }
    }

    [Fact]
    public void Fields_left_out_mean_what_the_schema_says_they_mean()
    {
        // A catalog with one bare entry of everything; then the same with each default of the schema written in.
        var bare = JsonNode.Parse("""
            {"name":"x","currency":"usd","default_plan":"p","plans":[{"id":"p","name":"p","prices":[{"interval":"month","amount":0,"currency":"usd"}],
            "allowances":[{"meter":"clicks","included":1}],"funding":{"clicks":[{"wallet":"clicks"}]}}],"meters":[{"id":"clicks","name":"c"}],
            "features":[{"id":"f","name":"f"}],"tools":[{"id":"t","name":"t"}],"providers":[{"id":"o","name":"o"}],"models":[{"id":"m","name":"m","provider":"o","cost":{"input":1,"output":1}}],
            "credit_packs":[{"id":"k","name":"k","price":1,"currency":"usd","credits":1}],"actions":[{"id":"a","name":"a","price":1}],
            "rate_cards":[{"id":"r","version":1,"effective_from":"2026-01-01T00:00:00Z","unit":"usd","meters":[{"meter":"clicks","price":1}]}],"reserve_top_up":{"minimum":1,"maximum":2}}
            """)!;
        var full = bare.DeepClone();
        var filled = Fill(CatalogSchema.Root, full);
        Assert.True(filled > 40, $"only {filled} defaults were found");

        Assert.Equal(CatalogJson.Write(Read(bare)), CatalogJson.Write(Read(full)));
        Assert.Empty(CatalogDiff.Between(Read(bare), Read(full)));
    }

    [Fact]
    public void Every_field_of_the_records_is_a_field_of_the_schema()
    {
        var full = JsonSerializer.SerializeToElement(CatalogJson.ToNode(CatalogFiles.Read("demo")));
        var errors = new CatalogErrors();
        CatalogSchema.Check(full, errors);
        Assert.Empty(errors.List);
    }

    [Fact]
    public void The_schema_uses_only_keywords_that_the_portal_obeys()
    {
        string[] known = ["$schema", "$id", "$ref", "$defs", "title", "description", "default", "type", "enum", "required", "properties", "additionalProperties", "propertyNames",
            "items", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum"];
        Assert.Empty(Keywords(CatalogSchema.Root).Except(known));
    }

    private static IEnumerable<string> Keywords(JsonElement schema)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            yield return keyword.Name;
            var inner = keyword.Name switch
            {
                "properties" or "$defs" => keyword.Value.EnumerateObject().Select(p => p.Value),
                "items" or "propertyNames" or "additionalProperties" when keyword.Value.ValueKind == JsonValueKind.Object => [keyword.Value],
                _ => Enumerable.Empty<JsonElement>(),
            };
            foreach (var word in inner.SelectMany(Keywords))
            {
                yield return word;
            }
        }
    }

    private static int Fill(JsonElement schema, JsonNode? node)
    {
        schema = CatalogSchema.Resolve(schema);
        if (node is JsonArray array)
        {
            return array.Sum(item => Fill(schema.GetProperty("items"), item));
        }

        if (node is not JsonObject value || !schema.TryGetProperty("properties", out var properties))
        {
            return node is JsonObject map ? map.Sum(entry => Fill(schema.GetProperty("additionalProperties"), entry.Value)) : 0;
        }

        var filled = 0;
        foreach (var property in properties.EnumerateObject())
        {
            if (value.ContainsKey(property.Name))
            {
                filled += Fill(property.Value, value[property.Name]);
            }
            else if (property.Value.TryGetProperty("default", out var standard))
            {
                value[property.Name] = JsonNode.Parse(standard.GetRawText());
                filled++;
            }
        }

        return filled;
    }

    // Fields that hold their default may be written out in a file; nothing else may differ.
    private static IEnumerable<string> MoreThan(JsonNode? written, JsonNode? file, string path) => (written, file) switch
    {
        (JsonObject a, JsonObject b) => a.SelectMany(field => field.Key == "$schema" ? [] : b.ContainsKey(field.Key) ? MoreThan(field.Value, b[field.Key], $"{path}.{field.Key}") : [$"{path}.{field.Key}"]),
        (JsonArray a, JsonArray b) when a.Count == b.Count => a.Zip(b).SelectMany((pair, i) => MoreThan(pair.First, pair.Second, $"{path}[{i}]")),
        (JsonValue a, JsonValue b) when path.EndsWith("effective_from", StringComparison.Ordinal) => (DateTimeOffset)a == (DateTimeOffset)b ? [] : [path],
        _ => JsonNode.DeepEquals(written, file) ? [] : [$"{path}: {written} {file}"],
    };

    private static CatalogDocument Read(JsonNode node) =>
        CatalogJson.Read(Encoding.UTF8.GetBytes(node.ToJsonString())).Match(read => read, errors => throw new InvalidOperationException(string.Join("\n", errors)));
}
