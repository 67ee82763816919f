using System.Text;
using System.Text.Json.Nodes;
using BillingPortal.Catalog;

namespace BillingPortal.Tests.Catalog;

/// <summary>A wrong file gives the place of the wrong value and what is wrong with it.</summary>
public class BrokenCatalogTests
{
    /// <summary>Where in metered-plans.json, what is put there (as JSON; nothing: it is taken away), and the first message.</summary>
    public static TheoryData<string, string?, string> Broken => new()
    {
        { "plans[2].allowances[0].meter", "\"lm_tokens\"", "plans[2].allowances[0].meter: no such meter 'lm_tokens' (did you mean 'llm_tokens'?)" },
        { "plans[0].allowances[0].meter", "\"api_calls\"", "plans[0].allowances[2].meter: 'api_calls' is there twice" },
        { "name", null, "name: is missing" },
        { "name", "\"\"", "name: must not be empty" },
        { "name", "\"a\\u0000b\"", "name: 'a\0b' is not a line of text" },
        { "colour", "\"blue\"", "colour: no such field" },
        { "plans[1].pirces", "[]", "plans[1].pirces: no such field (did you mean 'prices'?)" },
        { "plans", "{}", "plans: must be an array, not an object" },
        { "plans", "[]", "plans: must have at least 1 entry" },
        { "plans[1].id", "\"Standard Plan\"", "plans[1].id: 'Standard Plan' is not an id of lower case letters, digits, '-' and '_' that starts with a letter" },
        { "plans[1].id", "\"free\"", "plans[1].id: 'free' is there twice" },
        { "plans[1].id", "\"free\\n\"", "plans[1].id: 'free\n' is not an id of lower case letters, digits, '-' and '_' that starts with a letter" },
        { "plans[1].rank", "1.5", "plans[1].rank: must be a whole number, not 1.5" },
        { "plans[1].rank", "-1", "plans[1].rank: must be at least 0, not -1" },
        { "plans[1].prices[0].amount", "\"99\"", "plans[1].prices[0].amount: must be a number, not '99'" },
        { "plans[1].prices[0].amount", "-1", "plans[1].prices[0].amount: must be at least 0, not -1" },
        { "plans[1].prices[0].amount", "1e400", "plans[1].prices[0].amount: 1e400 is too large" },
        { "plans[1].prices[0].amount", "1.2345678", "plans[1].prices[0].amount: An amount is a number with at most six decimals." },
        { "plans[1].prices[0].interval", "\"week\"", "plans[1].prices[0].interval: must be one of month, year, not 'week'" },
        { "plans[1].prices[1].interval", "\"month\"", "plans[1].prices[1].interval: 'usd by the month' is there twice" },
        { "plans[1].prices[0].stripe_price", "\"prod_1\"", "plans[1].prices[0].stripe_price: 'prod_1' is not an id of a Stripe price: price_…" },
        { "plans[1].allowances[0].cap", "\"hard\"", "plans[1].allowances[0].overage: a hard cap refuses at the limit, so there is no overage to sell; set cap to soft" },
        { "plans[1].allowances[0].included", "null", "plans[1].allowances[0].overage: an unlimited allowance has no overage" },
        { "plans[1].allowances[3].rollover_percent", "50", "plans[1].allowances[3].rollover_percent: 'storage_gb' stands at a level, of which nothing is left over" },
        { "plans[1].features", "[\"audit_lgo\"]", "plans[1].features[0]: no such feature 'audit_lgo' (did you mean 'audit_log'?)" },
        { "plans[1].features", "[\"sso\", \"sso\"]", "plans[1].features[1]: 'sso' is there twice" },
        { "plans[1].models", "[\"gpt-5\"]", "plans[1].models[0]: no such model 'gpt-5' (did you mean 'gpt-4'?)" },
        { "plans[1].rate_card", "\"gold\"", "plans[1].rate_card: no such rate card 'gold'" },
        { "plans[1].funding", "{\"llm_tokens\": [{\"wallet\": \"storage_gb\"}]}", "plans[1].funding.llm_tokens[0].wallet: 'storage_gb' stands at a level: nothing can be paid with it" },
        { "plans[1].funding", "{\"llm_tokens\": [{\"wallet\": \"eur\"}]}", "plans[1].funding.llm_tokens[0].wallet: 'eur' is not the catalog's currency 'usd'" },
        { "plans[1].funding", "{\"credit\": [{\"wallet\": \"free_use\"}]}", "plans[1].funding.credit[0].per_use: free uses pay whole uses: must be true" },
        { "plans[1].funding", "{\"credit\": []}", "plans[1].funding.credit: must have at least 1 entry" },
        { "plans[1].funding", "{\"Credit\": []}", "plans[1].funding.Credit: 'Credit' is not a unit: credit, free_use, a currency code or a meter's id" },
        { "default_plan", "\"freee\"", "default_plan: no such plan 'freee' (did you mean 'free'?)" },
        { "default_plan", "\"standard\"", "default_plan: 'standard' costs money; a new account stands on the default plan at once, so it must be free" },
        { "meters[0].id", "\"credit\"", "meters[0].id: 'credit' is not a meter's id: 2 to 40 lower case letters, digits and '_', starting with a letter, and not credit, free_use or three letters, which are reserved for units of value" },
        { "meters[0].id", "\"usd\"", "meters[0].id: 'usd' is not a meter's id: 2 to 40 lower case letters, digits and '_', starting with a letter, and not credit, free_use or three letters, which are reserved for units of value" },
        { "models[0].provider", "\"anthropc\"", "models[0].provider: no such provider 'anthropc' (did you mean 'anthropic'?)" },
        { "actions", "[{\"id\": \"a\", \"name\": \"A\", \"price\": 1, \"unit\": \"clicks\"}]", "actions[0].unit: no such unit 'clicks'" },
        { "rate_cards[0].effective_from", "\"yesterday\"", "rate_cards[0].effective_from: 'yesterday' is not an instant such as 2026-01-31T00:00:00Z" },
        { "rate_cards[0].meters", "[{\"meter\": \"seats\", \"price\": 1}]", "rate_cards[0].meters[0].meter: 'seats' stands at a level: it is priced by a plan's overage" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\"}]", "rate_cards[0].meters[0].price: is missing: a rate has a price or tiers" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"price\": 1, \"tiers\": [{\"price\": 1}]}]", "rate_cards[0].meters[0].price: a rate has a price or tiers, not both" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"price\": -1}]", "rate_cards[0].meters[0].price: must be at least 0, not -1" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"tiers\": [{\"up_to\": 5, \"price\": 1}]}]", "rate_cards[0].meters[0].tiers[0].up_to: the last tier has no end, or quantities above 5 have no price" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"tiers\": [{\"price\": 1}, {\"price\": 2}]}]", "rate_cards[0].meters[0].tiers[0].up_to: is missing: only the last tier has no end, and the next one overlaps it" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"tiers\": [{\"up_to\": 5, \"price\": 1}, {\"up_to\": 5, \"price\": 2}, {\"price\": 3}]}]", "rate_cards[0].meters[0].tiers[1].up_to: must be above 5, where the tier before it ends" },
        { "rate_cards[0].meters", "[{\"meter\": \"api_calls\", \"tiers\": [{\"up_to\": 5, \"price\": -2}, {\"price\": 3}]}]", "rate_cards[0].meters[0].tiers[0].price: must be at least 0, not -2" },
        { "rate_cards[0].models", "[{\"provider\": \"*\", \"model\": \"*\"}]", "rate_cards[0].models[0].prices: is missing: a rate has prices or a markup_percent" },
        { "rate_cards[0].models", "[{\"provider\": \"*\", \"model\": \"*\", \"markup_percent\": 5, \"prices\": {\"input\": 1, \"output\": 1}}]", "rate_cards[0].models[0].prices: a rate has prices or a markup_percent, not both" },
        { "rate_cards", "[{\"id\": \"r\", \"version\": 1, \"effective_from\": \"2026-02-01T00:00:00Z\", \"unit\": \"usd\"}, {\"id\": \"r\", \"version\": 2, \"effective_from\": \"2026-01-01T00:00:00Z\", \"unit\": \"usd\"}]", "rate_cards[1].effective_from: version 2 of 'r' takes effect before version 1, which it follows" },
        { "rate_cards", "[{\"id\": \"r\", \"version\": 1, \"effective_from\": \"2026-02-01T00:00:00Z\", \"unit\": \"usd\"}, {\"id\": \"r\", \"version\": 2, \"effective_from\": \"2026-02-01T00:00:00Z\", \"unit\": \"usd\"}]", "rate_cards[1].effective_from: 'r from 2026-02-01 00:00:00Z' is there twice" },
        { "unpriced_model", "\"fallback\"", "rate_cards[0].fallback: is missing: the catalog prices models without a rate by it" },
        { "outcome_shares", "{\"failure\": 0}", "outcome_shares.failure: must be one of success, provider_error, client_abort, timeout, filtered, not 'failure'" },
        { "outcome_shares", "{\"timeout\": 2}", "outcome_shares.timeout: must be at most 1, not 2" },
        { "reserve_top_up", "{\"minimum\": 10, \"maximum\": 5}", "reserve_top_up.maximum: is below the minimum" },
        { "credit_packs", "[{\"id\": \"k\", \"name\": \"K\", \"price\": 0, \"currency\": \"usd\", \"credits\": 1}]", "credit_packs[0].price: must be more than 0, not 0" },
    };

    [Theory, MemberData(nameof(Broken))]
    public void A_wrong_value_is_named_by_its_place(string place, string? value, string message) =>
        Assert.Equal(message, First(Encoding.UTF8.GetBytes(Changed(place, value))));

    public static TheoryData<string, string> Unreadable => new()
    {
        { "", "this is no usable JSON" },
        { "{", "this is no usable JSON" },
        { "[]", "must be an object, not an array" },
        { "null", "must be an object, not null" },
        { "{\"name\": \"a\", \"name\": \"b\"}", "this is no usable JSON" },
        { "{\"name\": \"\\ud800\", \"currency\": \"usd\"}", "currency" },
        { new string('[', 5_000), "this is no usable JSON" },
    };

    [Theory, MemberData(nameof(Unreadable))]
    public void What_cannot_be_read_is_refused_and_not_a_crash(string text, string message)
    {
        var first = First(Encoding.UTF8.GetBytes(text));
        Assert.True(first.StartsWith(message, StringComparison.Ordinal) || first.Contains("Unicode", StringComparison.Ordinal) || first.EndsWith("is missing", StringComparison.Ordinal), first);
    }

    [Fact]
    public void Every_error_of_a_file_is_told_at_once()
    {
        var errors = CatalogJson.Read("""{"name":"","currency":"dollars","plans":[{"id":"P"}]}"""u8.ToArray()).Match(_ => [], errors => errors);
        Assert.Equal(["default_plan", "name", "currency", "plans[0].name", "plans[0].id"], errors.Select(e => e.Path));
    }

    private static string First(byte[] file) => CatalogJson.Read(file).Match(_ => "it was taken", errors => errors[0].ToString());

    private static string Changed(string place, string? value)
    {
        var root = JsonNode.Parse(CatalogFiles.Bytes("metered-plans"))!;
        JsonNode node = root;
        var steps = place.Replace("[", ".").Replace("]", "").Split('.');
        foreach (var step in steps[..^1])
        {
            node = int.TryParse(step, out var index) ? node[index]! : node[step]!;
        }

        node.AsObject().Remove(steps[^1]);
        if (value is not null)
        {
            node[steps[^1]] = "@@";
        }

        // The value goes in as text: some of them are numbers that no number type holds.
        return root.ToJsonString().Replace("\"@@\"", value, StringComparison.Ordinal);
    }
}
