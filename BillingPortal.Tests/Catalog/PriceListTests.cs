using System.Text;
using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Catalog;

/// <summary>What model providers charge can be brought up to date without touching what is sold (A7).</summary>
public class PriceListTests
{
    private static PriceList Shipped => CatalogJson.ReadPriceList(CatalogFiles.Bytes("price-list")).List ?? throw new InvalidOperationException("The shipped price list is wrong.");

    [Fact]
    public void The_shipped_list_names_source_and_day_of_every_cost_for_all_six_providers()
    {
        Assert.Equal(["anthropic", "deepseek", "groq", "openai", "qwen", "together"], Shipped.Models.Select(m => m.Provider).Distinct().Order());
        Assert.All(Shipped.Models, m => Assert.True(m is { Cost: not null, Source: not null, AsOf: not null }, m.Id));
        Assert.All(Shipped.Models, m => Assert.True(m.Cost!.Input > 0m && m.Cost.Output >= m.Cost.Input && (m.Cost.CachedInput ?? 0m) <= m.Cost.Input, m.Id));
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("chat-tiers")]
    [InlineData("metered-plans")]
    [InlineData("prepaid-reserve")]
    public void Applied_to_a_catalog_it_changes_costs_and_adds_models_and_nothing_else(string name)
    {
        var before = CatalogFiles.Read(name);
        Assert.True(Shipped.ApplyTo(before).TryGet(out var after, out _));

        var again = CatalogJson.Read(Encoding.UTF8.GetBytes(CatalogJson.Write(after))).Match(read => read, errors => throw new InvalidOperationException(string.Join("\n", errors)));
        Assert.Equal(5m, again.FindModel("claude-opus-4-6")!.Cost!.Input);
        Assert.All(CatalogDiff.Between(before, again), change => Assert.True(change.Path.StartsWith("models[", StringComparison.Ordinal) || change.Path.StartsWith("providers[", StringComparison.Ordinal), change.Path));
        Assert.True(Shipped.ApplyTo(again).TryGet(out var twice, out _));
        Assert.Empty(CatalogDiff.Between(again, twice));
    }

    [Fact]
    public void A_list_in_another_currency_is_refused()
    {
        Assert.False((Shipped with { Currency = Unit.Of("eur") }).ApplyTo(CatalogFiles.Read("demo")).TryGet(out _, out var refusal));
        Assert.Equal("INVALID_REQUEST", refusal.Code.Name);
    }

    [Theory]
    [InlineData("""{"currency":"usd"}""", "models: is missing")]
    [InlineData("""{"currency":"usd","models":[{"id":"m","name":"M","provider":"p","cost":{"input":-1,"output":1}}]}""", "models[0].cost.input: must be at least 0, not -1")]
    [InlineData("""{"currency":"usd","models":[{"id":"m","name":"M","provider":"p","as_of":"yesterday"}]}""", "models[0].as_of: 'yesterday' is not a day such as 2026-01-31")]
    [InlineData("""{"currency":"usd","models":[{"id":"m","name":"M","provider":"p","source":"javascript:alert(1)"}]}""", "models[0].source: 'javascript:alert(1)' is not the address of a page")]
    public void A_wrong_list_is_told_by_its_place(string json, string message) => Assert.Equal(message, CatalogJson.ReadPriceList(Encoding.UTF8.GetBytes(json)).Errors[0].ToString());
}
