using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BillingPortal.Tests.Access;

/// <summary>Rows of "Nobody gets in" that no other class tries: S6, S7, S11, S12, S13, S14.</summary>
public sealed class NobodyGetsInTests(NobodyGetsInTests.Watched portal) : IClassFixture<NobodyGetsInTests.Watched>
{
    private const string Smuggled = "\"account_id\":\"00000000-0000-0000-0000-000000000001\",\"balance\":1000000,\"price\":0,\"role\":\"admin\",\"staff\":\"admin\",\"plan\":\"enterprise\",\"status\":\"suspended\"";

    [Fact]
    public async Task Extra_fields_of_a_body_change_nothing()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100);
        (HttpMethod Method, string Path, string Body)[] calls =
        [
            (HttpMethod.Put, $"accounts/{account}", $$"""{"name":"A",{{Smuggled}}}"""),
            (HttpMethod.Patch, $"accounts/{account}", $$"""{"name":"B",{{Smuggled}}}"""),
            (HttpMethod.Post, "charges", $$"""{"account":"{{account}}","unit":"credit","amount":1,{{Smuggled}}}"""),
            (HttpMethod.Post, "check", $$"""{"account":"{{account}}","unit":"credit","amount":1,{{Smuggled}}}"""),
            (HttpMethod.Post, "admin/grants", $$"""{"account":"{{account}}","amount":1,"reason":"x",{{Smuggled}}}"""),
            (HttpMethod.Post, $"accounts/{account}/tokens", $$"""{"scopes":["read"],"account":"another",{{Smuggled}}}"""),
            (HttpMethod.Post, $"accounts/{account}/portal-sessions", $$"""{"page":"/portal",{{Smuggled}}}"""),
            (HttpMethod.Post, $"accounts/{account}/checkout-sessions", $$"""{"kind":"credits","pack":"pack_500","amount":0.01,"success_url":"{{portal.Url}}/portal","cancel_url":"{{portal.Url}}/portal",{{Smuggled}}}"""),
        ];

        foreach (var (method, path, body) in calls)
        {
            var answer = await api.SendAsync(method, path, body, Gating.Api.NewKey());
            Assert.True((int)answer.Status < 500, $"{path}: {answer.Text}");
            // Only what a grant or charge of 1 moves may have moved.
            var balance = await portal.BalanceAsync(account);
            Assert.True(balance is 99 or 100 or 101, $"{path} made the balance {balance}");
            var standing = (await api.GetReplyAsync($"accounts/{account}")).Json;
            Assert.Equal((path, "free", "active"), (path, standing.GetProperty("plan").GetString(), standing.GetProperty("status").GetString()));
        }

        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from orders o join accounts a using (account_id) where a.external_id = $1 and o.price < 1", account));
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from accounts where account_id = '00000000-0000-0000-0000-000000000001'"));
    }

    [Fact]
    public async Task Extra_fields_of_a_registration_make_nobody_staff()
    {
        using var visitor = new Visitor(portal.Url);
        await visitor.PostFormAsync("/register", "register",
            [new("Input.Name", "Eve"), new("Input.Email", "eve@example.com"), new("Input.Password", "correct horse battery"), new("Input.Staff", "Admin"), new("Input.Role", "Admin"), new("Staff", "Admin"), new("staff", "admin")]);
        Assert.Equal(1, await portal.ScalarAsync<long>("select count(*) from users where email = 'eve@example.com' and staff is null"));
        Assert.NotEqual(HttpStatusCode.OK, (await visitor.Client.GetAsync("/admin")).StatusCode);
    }

    [Fact]
    public async Task The_page_that_a_checkout_returns_to_grants_nothing()
    {
        var page = await portal.CheckoutAsync("unpaid", new { kind = "credits", pack = "pack_500" });
        var session = page.Segments[^1];
        var link = JsonElement.Parse((await portal.Api().PostAsync("accounts/unpaid/portal-sessions", "{}")).Text).GetProperty("url").GetString()!;
        using var customer = new Visitor(portal.Url);
        await customer.Client.GetAsync(link);
        var success = await portal.ScalarAsync<string>("select success_url from orders where session_id = $1", session);

        foreach (var url in (string[])[success!, success!.Replace("{CHECKOUT_SESSION_ID}", session, StringComparison.Ordinal), $"/portal/checkout/done?session_id={session}"])
        {
            using var answer = await customer.Client.GetAsync(url);
            Assert.True((int)answer.StatusCode < 500);
        }

        Assert.Equal(0, await portal.BalanceAsync("unpaid", "credit"));
        Assert.Equal("Open", await portal.ScalarAsync<string>("select status from orders where session_id = $1", session));
    }

    [Fact]
    public async Task Cookies_are_shut_to_scripts_and_other_sites_and_over_HTTPS_to_plain_HTTP()
    {
        using var visitor = new Visitor(portal.Url);
        visitor.Client.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");
        var answer = await visitor.SignInAsync("admin@example.com", "Correct-horse-battery-1");
        var cookies = answer.Headers.TryGetValues("Set-Cookie", out var set) ? set.ToList() : [];

        var session = Assert.Single(cookies, c => c.StartsWith("bp_session=", StringComparison.Ordinal) || c.Contains("bp_session=", StringComparison.Ordinal));
        Assert.Contains("httponly", session, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", session, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("secure", session, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task One_account_that_asks_too_often_is_held_back_and_others_are_not()
    {
        var api = portal.Api();
        await api.GetReplyAsync("accounts/busy/wallets");
        await api.GetReplyAsync("accounts/calm/wallets");
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => api.GetReplyAsync("accounts/busy/wallets")));

        Assert.Contains(answers, a => a is { Status: HttpStatusCode.TooManyRequests, ErrorCode: "RATE_LIMITED", Headers.RetryAfter: not null });
        Assert.Equal(HttpStatusCode.OK, (await api.GetReplyAsync("accounts/calm/wallets")).Status);
    }

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    public async Task A_reason_that_is_a_formula_is_none_in_an_export(string reason, string cell)
    {
        var api = portal.Api();
        var account = Gating.Api.NewAccount();
        var granted = await api.PostAsync("admin/grants", JsonSerializer.Serialize(new { account, amount = 1, reason }), Gating.Api.NewKey());
        if (granted.Status == HttpStatusCode.BadRequest)
        {
            return; // refused at the door is as good
        }

        Assert.Contains(cell, (await api.GetReplyAsync($"admin/ledger.csv?account={account}")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_secret_and_no_address_of_a_person_is_logged_and_no_line_is_forged()
    {
        var api = portal.Api();
        portal.Log.Lines.Clear();
        using var visitor = new Visitor(portal.Url);
        await visitor.RegisterAsync("private-person@example.com");
        await visitor.SignInAsync("private-person@example.com", "a wrong secret password");
        await api.SendAsync(HttpMethod.Put, "accounts/logged", """{"email":"private-person@example.org","name":"Private Person"}""", null);
        var token = JsonElement.Parse((await api.PostAsync("accounts/logged/tokens", """{"scopes":["read"]}""")).Text).GetProperty("token").GetString()!;
        var link = JsonElement.Parse((await api.PostAsync("accounts/logged/portal-sessions", "{}")).Text).GetProperty("url").GetString()!;
        await visitor.Client.GetAsync(link);
        await portal.Api(token).GetReplyAsync("accounts/logged/wallets");
        await portal.Api("bp_test_WrongKey00000000000000000000000000000").GetReplyAsync("me");
        await api.GetReplyAsync("accounts/line%0d%0aerror:%20forged/wallets");
        using var unsigned = await portal.DeliverAsync("{}", "t=1,v1=signature-of-nobody");
        await api.ChargeAsync("logged", "\"unit\":\"credit\",\"amount\":1");

        var all = string.Join('\n', portal.Log.Lines);
        Assert.NotEmpty(all);
        foreach (var secret in (string[])[PortalFixture.ApiKey, "private-person@", "Private Person", "correct horse battery", "a wrong secret password", token, link.Split('/')[^1], "bp_test_WrongKey", StripeFixture.Secret, "signature-of-nobody"])
        {
            Assert.False(all.Contains(secret, StringComparison.OrdinalIgnoreCase), $"'{secret}' stands in: {portal.Log.Lines.FirstOrDefault(l => l.Contains(secret, StringComparison.OrdinalIgnoreCase))}");
        }

        Assert.DoesNotContain(portal.Log.Lines, line => line.StartsWith("error: forged", StringComparison.Ordinal) || line.Contains("\nerror: forged", StringComparison.Ordinal));
    }

    /// <summary>Keeps what it logs, and lets one account ask twenty times a second.</summary>
    public sealed class Watched : StripeFixture
    {
        public Kept Log { get; } = new();

        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["RateLimits:AccountPerSecond"] = "20";
            settings["Portal:KnownProxies"] = "127.0.0.1";
        }

        protected override void ConfigureServices(IServiceCollection services) =>
            services.AddSingleton<ILoggerProvider>(Log).Configure<LoggerFilterOptions>(options =>
            {
                options.MinLevel = LogLevel.Debug;
                // As in appsettings.json.
                options.Rules.Add(new(typeof(Kept).FullName, null, LogLevel.Information, null));
                options.Rules.Add(new(typeof(Kept).FullName, "Microsoft", LogLevel.Warning, null));
                options.Rules.Add(new(typeof(Kept).FullName, "System.Net.Http.HttpClient", LogLevel.Warning, null));
            });
    }

    public sealed class Kept : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
