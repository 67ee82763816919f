using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BillingPortal.Catalog;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Catalog;

/// <summary>The catalog over HTTP: what everybody sees, and how it is changed.</summary>
public class CatalogApiTests(PortalFixture portal) : IClassFixture<PortalFixture>
{
    [Theory]
    [InlineData("plans", "free")]
    [InlineData("credit-packs", "pack_500")]
    [InlineData("rate-cards", "credits")]
    [InlineData("providers", "anthropic")]
    [InlineData("models", "claude-haiku")]
    public async Task What_is_sold_can_be_read_by_everyone(string list, string first)
    {
        var page = await GetAsync(list);
        Assert.Equal(first, page["data"]![0]!["id"]!.ToString());
        Assert.True(page.AsObject().ContainsKey("next_cursor"));
    }

    [Fact]
    public async Task A_plan_says_its_prices_and_allowances()
    {
        var standard = (await GetAsync("plans"))["data"]!.AsArray().Single(p => p!["id"]!.ToString() == "standard")!;
        Assert.Equal("Standard", standard["name"]!.ToString());
        Assert.Contains(standard["prices"]!.AsArray(), p => p!.ToJsonString() == """{"interval":"month","amount":19,"currency":"usd"}""");
        var messages = standard["allowances"]![0]!;
        Assert.Equal((1000m, false, "hard"), ((decimal)messages["included"]!, (bool)messages["unlimited"]!, messages["cap"]!.ToString()));
        var unlimited = (await GetAsync("plans"))["data"]!.AsArray().Single(p => p!["id"]!.ToString() == "enterprise")!["allowances"]![0]!;
        Assert.True((bool)unlimited["unlimited"]! && unlimited.AsObject().ContainsKey("included") && unlimited["included"] is null);
    }

    [Fact]
    public async Task Models_say_price_availability_and_whose_key()
    {
        var models = (await GetAsync("models?provider=anthropic"))["data"]!.AsArray();
        Assert.Equal(["claude-haiku", "claude-sonnet", "claude-opus"], models.Select(m => m!["id"]!.ToString()));
        var haiku = models[0]!;
        Assert.True((bool)haiku["available"]!);
        Assert.Equal(["ours", "yours"], haiku["keys"]!.AsArray().Select(k => k!.ToString()));
        Assert.Equal(("credit", 150m, 750m, 15m, 1_000_000), (haiku["price"]!["unit"]!.ToString(), (decimal)haiku["price"]!["input"]!, (decimal)haiku["price"]!["output"]!, (decimal)haiku["price"]!["cached_input"]!, (int)haiku["price"]!["per"]!));
        Assert.Equal(("usd", 1m, 5m, 0.1m), (haiku["provider_price"]!["unit"]!.ToString(), (decimal)haiku["provider_price"]!["input"]!, (decimal)haiku["provider_price"]!["output"]!, (decimal)haiku["provider_price"]!["cached_input"]!));
        Assert.Equal(["free", "standard", "pro", "enterprise"], haiku["plans"]!.AsArray().Select(p => p!.ToString()));
        Assert.Equal("usd", (await GetAsync("models?provider=anthropic&plan=enterprise"))["data"]![0]!["price"]!["unit"]!.ToString());
        Assert.Empty((await GetAsync("models?provider=nobody"))["data"]!.AsArray());
    }

    [Fact]
    public async Task A_list_is_read_page_by_page()
    {
        var seen = new List<string>();
        for (var cursor = ""; ;)
        {
            var page = await GetAsync($"models?limit=4{cursor}");
            seen.AddRange(page["data"]!.AsArray().Select(m => m!["id"]!.ToString()));
            if (page["next_cursor"] is not { } next)
            {
                break;
            }

            cursor = $"&cursor={Uri.EscapeDataString(next.ToString())}";
        }

        Assert.Equal(CatalogFiles.Read("demo").Models.Select(m => m.Id), seen);
    }

    [Theory]
    [InlineData("models?limit=0")]
    [InlineData("models?limit=201")]
    [InlineData("models?limit=many")]
    [InlineData("plans?cursor=nowhere")]
    [InlineData("models?plan=nothing")]
    public async Task A_wrong_parameter_is_named(string path)
    {
        var answer = await portal.Client().GetAsync("/api/v1/" + path);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = (await answer.Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.Equal("INVALID_REQUEST", problem["error_code"]!.ToString());
    }

    [Fact]
    public async Task A_catalog_that_was_read_can_be_put_back_and_changes_nothing()
    {
        var api = portal.Api();
        var read = await api.GetAsync("admin/catalog");
        var put = await PutAsync(api, await read.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        var answer = (await put.Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.Empty(answer["changes"]!.AsArray());
        Assert.Equal(read.Headers.ETag!.Tag, $"\"{answer["version"]}\"");
    }

    [Fact]
    public async Task A_dry_run_says_what_would_change_and_changes_nothing()
    {
        var api = portal.Api();
        var before = await api.GetStringAsync("admin/catalog");
        var changed = JsonNode.Parse(before)!;
        changed["plans"]![1]!["prices"]![0]!["amount"] = 25;
        var answer = (await (await PutAsync(api, changed.ToJsonString(), "?dry_run=true")).Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.True((bool)answer["dry_run"]!);
        Assert.Equal("""[{"path":"plans[standard].prices[month usd].amount","before":19,"after":25}]""", answer["changes"]!.ToJsonString());
        Assert.Equal(before, await api.GetStringAsync("admin/catalog"));
    }

    [Fact]
    public async Task A_change_is_a_new_version_and_on_record()
    {
        var api = portal.Api();
        var changed = JsonNode.Parse(await api.GetStringAsync("admin/catalog"))!;
        changed["payment_grace_days"] = 10;
        var versions = await portal.ScalarAsync<long>("select count(*) from catalog_versions");

        var answer = (await (await PutAsync(api, changed.ToJsonString(), "?note=longer%20grace")).Content.ReadFromJsonAsync<JsonObject>())!;

        Assert.Equal(versions + 1, await portal.ScalarAsync<long>("select count(*) from catalog_versions"));
        Assert.Equal(10, portal.Services.GetRequiredService<CatalogSnapshot>().Current.PaymentGraceDays);
        Assert.Equal((int)answer["version"]!, portal.Services.GetRequiredService<CatalogSnapshot>().Version);
        var entry = Assert.Single(await portal.RowsAsync("select action, reason, before::text, after::text from audit_entries where subject = $1", $"catalog version {answer["version"]}"));
        Assert.Equal(["catalog.published", "longer grace", """{"payment_grace_days": 7}""", """{"payment_grace_days": 10}"""], entry);
    }

    [Fact]
    public async Task A_wrong_catalog_is_refused_whole_with_the_place_of_each_error()
    {
        var api = portal.Api();
        var before = await api.GetStringAsync("admin/catalog");
        var wrong = JsonNode.Parse(before)!;
        wrong["plans"]![1]!["allowances"]![0]!["meter"] = "mesages";
        wrong["payment_grace_days"] = 3;
        var answer = await PutAsync(api, wrong.ToJsonString());
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = (await answer.Content.ReadFromJsonAsync<JsonObject>())!;
        Assert.Equal("INVALID_REQUEST", problem["error_code"]!.ToString());
        Assert.Equal("no such meter 'mesages' (did you mean 'messages'?)", problem["errors"]!["plans[1].allowances[0].meter"]![0]!.ToString());
        Assert.Equal(before, await api.GetStringAsync("admin/catalog"));
    }

    [Fact]
    public async Task A_change_of_an_older_version_is_a_conflict()
    {
        var request = new HttpRequestMessage(HttpMethod.Put, "admin/catalog") { Content = Json(await portal.Api().GetStringAsync("admin/catalog")) };
        request.Headers.IfMatch.Add(new EntityTagHeaderValue("\"0\""));
        Assert.Equal(HttpStatusCode.Conflict, (await portal.Api().SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Bytes_that_are_no_catalog_are_refused_and_not_a_crash()
    {
        foreach (var body in new[] { "", "{", "[]", "null", "{\"name\":\"\\ud800\"}", "{\"name\":\"\\u0000\"}", new string('[', 10_000) })
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(portal.Api(), body)).StatusCode);
        }

        var text = await portal.Api().PutAsync("admin/catalog", new StringContent("{}", Encoding.UTF8, "text/plain"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, text.StatusCode);
    }

    [Fact]
    public async Task An_action_costs_its_new_price_at_once_and_seeding_keeps_it()
    {
        var api = portal.Api();
        var edited = await api.PutAsJsonAsync("admin/action-costs/review_code", new { price = 17.5 });
        Assert.Equal(HttpStatusCode.OK, edited.StatusCode);
        Assert.Equal(17.5m, await PriceAsync("review_code"));

        for (var time = 0; time < 2; time++)
        {
            var seeded = (await (await api.PostAsync("admin/action-costs/seed", null)).Content.ReadFromJsonAsync<JsonObject>())!;
            Assert.Equal((0, 8), ((int)seeded["added"]!, (int)seeded["kept"]!));
        }

        Assert.Equal(17.5m, await PriceAsync("review_code"));
    }

    [Fact]
    public async Task An_action_may_be_added_and_taken_off_sale()
    {
        var api = portal.Api();
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsJsonAsync("admin/action-costs/paint_house", new { price = 3, name = "Paint the house" })).StatusCode);
        Assert.Equal(3m, await PriceAsync("paint_house"));
        Assert.Equal(HttpStatusCode.OK, (await api.PutAsJsonAsync("admin/action-costs/paint_house", new { active = false })).StatusCode);
        Assert.False((bool)(await ActionAsync("paint_house"))["active"]!);
    }

    [Theory]
    [InlineData("review_code", """{"price":-1}""", "INVALID_AMOUNT")]
    [InlineData("review_code", """{"price":0.1234567}""", "INVALID_AMOUNT")]
    [InlineData("review_code", """{"price":1e12}""", "INVALID_AMOUNT")]
    [InlineData("review_code", """{"price":"1"}""", "INVALID_REQUEST")]
    [InlineData("review_code", """{"price":1,"unit":"clicks"}""", "INVALID_REQUEST")]
    [InlineData("review_code", """{"price":1,"unit":"seats"}""", "INVALID_REQUEST")]
    [InlineData("review_code", """{"name":""}""", "INVALID_REQUEST")]
    [InlineData("review_code", """{"name":"a\u0000"}""", "INVALID_REQUEST")]
    [InlineData("new_thing", """{"name":"New"}""", "INVALID_REQUEST")]
    [InlineData("New%20Thing", """{"price":1}""", "INVALID_REQUEST")]
    public async Task A_wrong_cost_is_refused(string action, string body, string code)
    {
        var before = await portal.ScalarAsync<long>("select count(*) from catalog_versions");
        var answer = await portal.Api().PutAsync($"admin/action-costs/{action}", Json(body));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonObject>())!["error_code"]!.ToString());
        Assert.Equal(before, await portal.ScalarAsync<long>("select count(*) from catalog_versions"));
    }

    [Fact]
    public async Task Twenty_edits_at_once_are_all_kept()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => portal.Api().PutAsJsonAsync($"admin/action-costs/at_once_{i}", new { price = i })));
        var found = (await GetAsync("action-costs?limit=200"))["data"]!.AsArray().Select(a => a!["action"]!.ToString());
        Assert.Empty(Enumerable.Range(0, 20).Select(i => $"at_once_{i}").Except(found));
    }

    private async Task<JsonNode> ActionAsync(string action) => (await GetAsync("action-costs?limit=200"))["data"]!.AsArray().Single(a => a!["action"]!.ToString() == action)!;

    private async Task<decimal> PriceAsync(string action) => (decimal)(await ActionAsync(action))["price"]!;

    private async Task<JsonNode> GetAsync(string path) => (await portal.Client().GetFromJsonAsync<JsonNode>("/api/v1/" + path))!;

    private static Task<HttpResponseMessage> PutAsync(HttpClient api, string body, string query = "") => api.PutAsync("admin/catalog" + query, Json(body));

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
