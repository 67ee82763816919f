using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Access;

/// <summary>QUALITY S1: every route × ids in path, query and body × foreign, missing, list, made from the route table. A route that this matrix does not know fails it.</summary>
public class TenantMatrixTests(TenantMatrixTests.TwoTenants portal) : IClassFixture<TenantMatrixTests.TwoTenants>
{
    /// <summary>API routes that anybody may read.</summary>
    private static readonly HashSet<string> OpenApi =
    [
        "GET /api/v1/plans", "GET /api/v1/credit-packs", "GET /api/v1/action-costs", "GET /api/v1/rate-cards", "GET /api/v1/providers", "GET /api/v1/models",
    ];

    /// <summary>Pages and files that anybody may open; below them nothing of a customer is shown to who is not signed in.</summary>
    private static readonly string[] OpenPages =
    [
        "/", "/pricing", "/signin", "/register", "/forgot", "/reset", "/signout", "/signin/link/{token}", "/not-found", "/not-allowed", "/theme/{choice}", "/docs", "/openapi/{documentName}.json",
        "/health", "/health/live", "/health/ready", "/webhooks/stripe", "/dev/mail",
    ];

    /// <summary>Bodies of the routes that name the account there; <c>ACCOUNT</c> stands for it.</summary>
    private static readonly Dictionary<string, string> Bodies = new()
    {
        ["POST /api/v1/check"] = """{"account":"ACCOUNT","unit":"credit","amount":1,"reason":"x"}""",
        ["POST /api/v1/charges"] = """{"account":"ACCOUNT","unit":"credit","amount":1,"reason":"x"}""",
        ["POST /api/v1/holds"] = """{"account":"ACCOUNT","unit":"credit","amount":1,"reason":"x"}""",
        ["POST /api/v1/charges/batch"] = """{"charges":[{"account":"ACCOUNT","unit":"credit","amount":1,"reason":"x","idempotency_key":"k"}]}""",
        ["POST /api/v1/usage/events"] = """{"events":[{"id":"1","source":"matrix","account":"ACCOUNT","meter":"messages","quantity":1}]}""",
        ["POST /api/v1/estimates"] = """{"account":"ACCOUNT","unit":"credit","amount":1,"reason":"x"}""",
    };

    /// <summary>Routes that reach no single customer by an id: each with the reason why nothing of another's can come out.</summary>
    private static readonly Dictionary<string, string> WithoutAccount = new()
    {
        ["GET /api/v1/me"] = "says what the caller knows",
        ["GET /api/v1/accounts"] = "a list of the caller's own, tried below",
        ["GET /api/v1/gateway/authorize"] = "names the account in a header, tried below",
        ["POST /api/v1/gateway/authorize"] = "names the account in a header, tried below",
    };

    [Fact]
    public void Every_route_has_a_row()
    {
        var unknown = Route.AllOf(portal).Where(r => !HasRow(r)).Select(r => r.ToString());
        Assert.Empty(unknown);
    }

    private static bool HasRow(Route route)
    {
        if (!route.IsApi)
        {
            return OpenPages.Contains(route.Pattern) || route.Pattern.StartsWith("/stripe-simulator/", StringComparison.Ordinal)
                || (route.IsShut && (route.Pattern == "/portal" || route.Pattern == "/admin" || route.Pattern.StartsWith("/portal/", StringComparison.Ordinal) || route.Pattern.StartsWith("/admin/", StringComparison.Ordinal)));
        }

        return OpenApi.Contains(route.ToString())
            || (route.Scopes is { Count: > 0 } scopes
                && (scopes is [Scope.Admin] || Bodies.ContainsKey(route.ToString()) || WithoutAccount.ContainsKey(route.ToString())
                    || route.Pattern.Contains("/accounts/{account}", StringComparison.Ordinal) || route.Pattern.StartsWith("/api/v1/charges/{id}", StringComparison.Ordinal)
                    || route.Pattern.StartsWith("/api/v1/holds/{id}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Without_a_credential_no_route_of_the_api_answers() =>
        await EachAsync(r => r.IsApi && !OpenApi.Contains(r.ToString()), portal.Client(), name => "own", _ => HttpStatusCode.Unauthorized);

    [Fact]
    public async Task A_key_without_the_scope_is_refused_by_every_route() =>
        await EachAsync(r => r is { IsApi: true, Scopes: not null } && !r.Scopes.Contains(Scope.Checkout), portal.Api(portal.CheckoutKey), name => "own", _ => HttpStatusCode.Forbidden);

    [Theory]
    [InlineData("foreign")]
    [InlineData("FOREIGN_ID")]
    [InlineData("missing")]
    [InlineData("acc_00000000000000000000000000000000")]
    public async Task A_bound_key_finds_no_other_account_in_any_path(string account) =>
        await EachAsync(
            r => r is { IsApi: true } && r.Parameters.Contains("account") && r.Scopes is not [Scope.Admin], portal.Api(portal.BoundKey),
            name => name == "account" ? account == "FOREIGN_ID" ? portal.ForeignId : account : portal.ForeignCharge, _ => HttpStatusCode.NotFound);

    [Fact]
    public async Task A_bound_key_finds_no_charge_of_another_account() =>
        await EachAsync(
            r => r is { IsApi: true } && r.Pattern.StartsWith("/api/v1/charges/{id}", StringComparison.Ordinal), portal.Api(portal.BoundKey), _ => portal.ForeignCharge, _ => HttpStatusCode.NotFound);

    [Fact]
    public async Task A_bound_key_finds_no_hold_of_another_account() =>
        await EachAsync(
            r => r is { IsApi: true } && r.Pattern.StartsWith("/api/v1/holds/{id}", StringComparison.Ordinal), portal.Api(portal.BoundKey), _ => portal.ForeignHold, _ => HttpStatusCode.NotFound);

    [Theory]
    [InlineData("foreign")]
    [InlineData("FOREIGN_ID")]
    [InlineData("missing-in-body")]
    public async Task A_bound_key_reaches_no_other_account_by_a_body(string account)
    {
        var before = await portal.FingerprintAsync();
        var named = account == "FOREIGN_ID" ? portal.ForeignId : account;
        foreach (var (route, body) in Bodies)
        {
            using var request = Request(route.Split(' ')[0], route.Split(' ')[1], body.Replace("ACCOUNT", named, StringComparison.Ordinal));
            using var answer = await portal.Api(portal.BoundKey).SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound || text.Contains("\"status\":404", StringComparison.Ordinal) || text.Contains("\"error_code\":\"NOT_FOUND\"", StringComparison.Ordinal), $"{route}: {answer.StatusCode} {text}");
        }

        Assert.Equal(before, await portal.FingerprintAsync());
    }

    [Fact]
    public async Task A_bound_key_reaches_no_other_account_by_a_header()
    {
        var action = (await portal.Api().GetFromJsonAsync<JsonElement>("action-costs")).GetProperty("data")[0].GetProperty("action").GetString()!;
        var before = await portal.FingerprintAsync();
        foreach (var account in (string[])["foreign", portal.ForeignId, "missing-in-header"])
        {
            foreach (var mode in (string[])["check", "charge"])
            {
                using var request = Request("GET", "/api/v1/gateway/authorize", "");
                request.Headers.Add("X-Billing-Account", account);
                request.Headers.Add("X-Billing-Action", action);
                request.Headers.Add("X-Billing-Charge", mode);
                Assert.Equal((account, mode, HttpStatusCode.NotFound), (account, mode, (await portal.Api(portal.BoundKey).SendAsync(request)).StatusCode));
            }
        }

        Assert.Equal(before, await portal.FingerprintAsync());
    }

    [Fact]
    public async Task Lists_show_a_bound_key_its_own_account_only()
    {
        foreach (var query in (string[])["", "?query=foreign", $"?query={portal.ForeignId}", "?query=f", "?account=foreign"])
        {
            var list = await portal.Api(portal.BoundKey).GetStringAsync($"accounts{query}");
            Assert.DoesNotContain("secret-of-foreign", list, StringComparison.Ordinal);
            Assert.DoesNotContain(portal.ForeignId, list, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Pages_are_shut_to_who_is_not_signed_in_and_staff_pages_to_customers()
    {
        using var stranger = new Visitor(portal.Url);
        using var customer = new Visitor(portal.Url);
        await customer.RegisterAsync("matrix@example.com");
        var before = await portal.FingerprintAsync();
        foreach (var route in Route.AllOf(portal).Where(r => r is { IsApi: false, IsShut: true, Method: "GET" }))
        {
            var path = route.With(_ => portal.ForeignId);
            Assert.True((await stranger.Client.GetAsync(path)).StatusCode is HttpStatusCode.Redirect or HttpStatusCode.Found or HttpStatusCode.NotFound, $"{route} opens to strangers");
            if (route.Pattern.StartsWith("/admin", StringComparison.Ordinal))
            {
                Assert.False((await customer.Client.GetAsync(path)).IsSuccessStatusCode, $"{route} opens to a customer");
            }
        }

        Assert.Equal(before, await portal.FingerprintAsync());
    }

    [Fact]
    public async Task A_customer_sees_nothing_of_another_account_whatever_id_they_put_into_an_address()
    {
        using var customer = new Visitor(portal.Url);
        await customer.RegisterAsync("nosy@example.com");
        foreach (var route in Route.AllOf(portal).Where(r => r is { IsApi: false, IsShut: true, Method: "GET" } && r.Pattern.StartsWith("/portal", StringComparison.Ordinal)))
        {
            foreach (var query in (string[])["", $"?account={portal.ForeignId}", "?account=foreign", $"?account_id={portal.ForeignId}", $"?charge={portal.ForeignCharge}", $"?receipt={portal.ForeignCharge}"])
            {
                var answer = await customer.Client.GetAsync(route.With(_ => portal.ForeignCharge) + query);
                var text = await answer.Content.ReadAsStringAsync();
                Assert.DoesNotContain("secret-of-foreign", text, StringComparison.Ordinal);
                Assert.True((int)answer.StatusCode < 500, $"{route}{query}: {answer.StatusCode}");
            }
        }
    }

    private async Task EachAsync(Func<Route, bool> which, HttpClient client, Func<string, string> id, Func<Route, HttpStatusCode> expected)
    {
        var before = await portal.FingerprintAsync();
        var wrong = new List<string>();
        var tried = 0;
        foreach (var route in Route.AllOf(portal).Where(which))
        {
            tried++;
            using var request = Request(route.Method, route.With(id), Bodies.TryGetValue(route.ToString(), out var body) ? body.Replace("ACCOUNT", "foreign", StringComparison.Ordinal) : "{}");
            using var answer = await client.SendAsync(request);
            if (answer.StatusCode != expected(route))
            {
                wrong.Add($"{route}: {(int)answer.StatusCode} instead of {(int)expected(route)}");
            }
        }

        Assert.Empty(wrong);
        Assert.NotEqual(0, tried);
        Assert.Equal(before, await portal.FingerprintAsync());
    }

    private static HttpRequestMessage Request(string method, string path, string body)
    {
        var request = new HttpRequestMessage(new(method), path);
        if (method is not ("GET" or "DELETE"))
        {
            request.Content = new StringContent(body, Encoding.UTF8, path.EndsWith("/provider-bills", StringComparison.Ordinal) ? "text/csv" : "application/json");
        }

        request.Headers.Add("Idempotency-Key", $"matrix-{Guid.NewGuid():N}");
        return request;
    }

    /// <summary>Two customers; a key bound to the one, and a charge, a hold, a grant and a reason of the other.</summary>
    public sealed class TwoTenants : PortalFixture
    {
        // What changes by itself while nothing is done: jobs, records of checks, when a key was last seen, who is signed in.
        private static readonly HashSet<string> Restless = ["job_runs", "checks", "sessions", "api_keys", "protection_keys", "users", "outbox_messages", "snapshot_version", "reconciliation_state", "uncounted_charges", "overage_marks", "usage_rollups", "alerts", "reconciliation_differences", "ledger_anchors"];

        public string BoundKey { get; private set; } = "";
        public string CheckoutKey { get; private set; } = "";
        public string ForeignId { get; private set; } = "";
        public string ForeignCharge { get; private set; } = "";
        public string ForeignHold { get; private set; } = "";

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            var root = Api();
            await root.PutAsJsonAsync("accounts/own", new { name = "Own" });
            ForeignId = await IdAsync(await root.PutAsJsonAsync("accounts/foreign", new { name = "secret-of-foreign", email = "secret-of-foreign@example.com" }));
            BoundKey = await SecretAsync(new { name = "bound", scopes = (string[])["gate", "usage", "accounts", "read", "checkout"], accounts = (string[])["own"] });
            CheckoutKey = await SecretAsync(new { name = "checkout only", scopes = (string[])["checkout"] });
            await PostAsync("admin/grants", """{"account":"foreign","amount":100,"reason":"secret-of-foreign"}""");
            await PostAsync("admin/grants", """{"account":"own","amount":100,"reason":"own"}""");
            ForeignHold = await IdAsync(await PostAsync("holds", """{"account":"foreign","unit":"credit","amount":1,"reason":"secret-of-foreign","expires_in":86400}"""));
            ForeignCharge = await IdAsync(await PostAsync("charges", """{"account":"foreign","unit":"credit","amount":1,"reason":"secret-of-foreign"}"""));
        }

        /// <summary>A digest over every row of every table that only changes when something is done.</summary>
        public async Task<string> FingerprintAsync()
        {
            var parts = new List<string>();
            foreach (var row in await RowsAsync("select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1"))
            {
                var table = (string)row[0]!;
                if (!Restless.Contains(table))
                {
                    parts.Add($"{table} {await ScalarAsync<string>($"select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from {table} t")}");
                }
            }

            return string.Join('\n', parts);
        }

        private async Task<HttpResponseMessage> PostAsync(string path, string body)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "Idempotency-Key", Guid.NewGuid().ToString("N") } } };
            var answer = await Api().SendAsync(request);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            return answer;
        }

        private async Task<string> SecretAsync(object body) =>
            (await (await Api().PostAsJsonAsync("admin/api-keys", body)).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("secret").GetString()!;

        private static async Task<string> IdAsync(HttpResponseMessage answer) => (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }
}
