using System.Net;
using System.Text;
using BillingPortal.Tests.Testing;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Access;

/// <summary>QUALITY S3, short form: 5,000 hostile inputs over every route of the API, with a key that may do everything. Never a 5xx, and no money moves.</summary>
public class HostileInputTests(PortalFixture portal, ITestOutputHelper output) : IClassFixture<PortalFixture>
{
    private const int Inputs = 5_000;

    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "NaN", "Infinity", "-0", "0.0000001", "1e-30", "79228162514264337593543950336", "9999999999999999999999999999999999999999", "\"\"", "\" \"",
        "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u202e\\u2066gpj.exe\"", "\"=1+1\"", "\"@SUM(A1)\"", "\"a\\r\\nSet-Cookie: x=y\"", "\"'; drop table accounts; --\"",
        "\"../../etc/passwd\"", "\"%00\"", "\"\\\\\"", "[]", "{}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "\"credit\"", "\"usd\"", "\"CREDIT\"",
        "\"hostile\"", "\"acc_00000000000000000000000000000000\"", "\"2026-02-30T00:00:00Z\"", "\"9999-12-31T23:59:59Z\"", "\"0001-01-01T00:00:00Z\"", "{\"a\":{\"b\":{\"c\":1}}}", "[1,\"x\",null]", "\"\\ufeff\"", "\"💥\"",
    ];

    private static readonly string[] Fields =
    [
        "account", "amount", "unit", "reason", "action", "quantity", "meter", "model", "provider", "tool", "tokens", "metadata", "email", "name", "currency", "scopes", "expires_in", "mode", "mode", "plan", "interval", "kind",
        "pack", "success_url", "cancel_url", "return_url", "page", "expires_at", "source", "funding", "charges", "events", "occurred_at", "outcome", "run", "agent", "member", "low_balance_policy", "overdraft_limit",
        "account_id", "balance", "price", "role", "overlap_seconds", "marketing_consent", "accounts", "idempotency_key",
    ];

    private static readonly string[] Raw =
    [
        "", " ", "{", "}", "[", "\"", "{\"a\":}", "{\"account\":\"x\",\"account\":\"y\"}", "\u0000", "{}{}", "//", "{\"account\":\"hostile\",}", "<xml/>", "a=b&c=d", "\ufeff{}", "[1e1000]", "{\"\":1}", "{\"__proto__\":{}}",
    ];

    private static readonly string[] Ids =
    [
        "hostile", "%00", "%ff%fe", "..%2f..", "acc_", "acc_zzzz", "chg_" + "0", "%F0%9F%92%A5", "%E2%80%AE", "a%0d%0ab", "'", "%25", "null", "-1", "🙂",
    ];

    [Fact]
    public async Task Hostile_inputs_get_a_clear_no()
    {
        var random = new Random(20261121);
        var routes = Route.AllOf(portal).Where(r => r.IsApi).ToList();
        using var client = portal.Api();
        var wrong = new List<string>();
        var statuses = new Dictionary<HttpStatusCode, int>();
        for (var i = 0; i < Inputs && wrong.Count < 20; i++)
        {
            var route = routes[i % routes.Count];
            var path = route.With(_ => "PARAMETER").Replace("PARAMETER", random.Next(2) == 0 ? "hostile" : Pick(random, Ids), StringComparison.Ordinal);
            using var request = new HttpRequestMessage(new(route.Method), path + QueryOf(random));
            string? body = null;
            if (route.Method is not ("GET" or "DELETE"))
            {
                body = BodyOf(random);
                request.Content = new ByteArrayContent(random.Next(40) == 0 ? [0xff, 0xfe, 0x00, 0xc3, 0x28] : Encoding.UTF8.GetBytes(body));
                request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(25) == 0 ? "text/plain" : "application/json");
            }

            if (random.Next(4) != 0)
            {
                request.Headers.TryAddWithoutValidation("Idempotency-Key", Pick(random, ["k" + i, "", new string('k', 300), "a b", "\t"]));
            }

            using var answer = await client.SendAsync(request);
            statuses[answer.StatusCode] = statuses.GetValueOrDefault(answer.StatusCode) + 1;
            var text = (int)answer.StatusCode >= 400 ? await answer.Content.ReadAsStringAsync() : "";
            // A NUL in the path is refused by the server itself, before there is anything to say it in.
            var isReadable = !path.Contains("%00", StringComparison.Ordinal);
            if ((int)answer.StatusCode >= 500 || (isReadable && (int)answer.StatusCode >= 400 && !text.Contains("\"error_code\"", StringComparison.Ordinal)))
            {
                wrong.Add($"{route.Method} {request.RequestUri} {body} → {(int)answer.StatusCode} {text}");
            }
        }

        output.WriteLine(string.Join(", ", statuses.Select(s => $"{(int)s.Key}: {s.Value}")));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static string BodyOf(Random random)
    {
        if (random.Next(8) == 0)
        {
            return random.Next(6) == 0 ? new string('[', 10_000) : Pick(random, Raw);
        }

        var pairs = Enumerable.Range(0, random.Next(1, 6)).Select(_ => $"\"{Pick(random, Fields)}\":{Pick(random, Values)}");
        return $"{{{string.Join(',', pairs)}}}";
    }

    private static string QueryOf(Random random) => random.Next(2) == 0 ? "" : "?" + Pick(random, ["limit", "cursor", "unit", "kind", "from", "to", "query", "account", "days", "action", "dry_run", "revoked", "at", "provider", "plan"])
        + "=" + Uri.EscapeDataString(Pick(random, ["", "0", "-1", "999999999999", "x", "\u0000", "💥", "2026-02-30", "0001-01-01T00:00:00Z", "'", "%", "credit", "a.b~c", "null", "acc_", "true", new string('9', 400)]));

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];
}
