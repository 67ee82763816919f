using System.Globalization;
using System.Text.Json;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Gating;

/// <summary>Drives one account of the portal and the naive model side by side; each step says what does not agree.</summary>
internal sealed partial class NaiveHistory
{
    private static readonly string[] Units = ["credit", "usd", "free_use", "messages", "tokens", "calls"];

    private readonly PortalFixture portal;
    private readonly HttpClient api;
    private readonly string account = Api.NewAccount();
    private readonly NaiveModel model;
    private readonly List<(string Id, NaiveModel.Taken Taken)> charges = [];
    private readonly List<(string Path, string Key, string Body, string Text)> answered = [];
    private DateTimeOffset now;
    private int keys;

    private NaiveHistory(PortalFixture portal, HttpClient api, DateTimeOffset start)
    {
        (this.portal, this.api, now) = (portal, api, start);
        model = new(start);
    }

    /// <returns>What did not agree, after which step; null when all did.</returns>
    public static async Task<string?> RunAsync(PortalFixture portal, HttpClient api, IReadOnlyList<NaiveStep> steps, DateTimeOffset start)
    {
        portal.Time.Freeze(start);
        var history = new NaiveHistory(portal, api, start);
        await api.GetReplyAsync($"accounts/{history.account}/wallets");
        for (var i = 0; i < steps.Count; i++)
        {
            if (await history.StepAsync(steps[i]) is { } different)
            {
                return $"step {i + 1} of {steps.Count}, {steps[i]}: {different}";
            }
        }

        return null;
    }

    private async Task<string?> StepAsync(NaiveStep step)
    {
        now = now.AddHours(step.Hours);
        portal.Time.Freeze(now);
        model.Advance(now);
        return await (step.What switch
        {
            "charge" => ChargeAsync(step),
            "check" => CheckAsync(step),
            "batch" => BatchAsync(step),
            "grant" => GrantAsync(step),
            "adjust" => AdjustAsync(step),
            "refund" => RefundAsync(step),
            "plan" => PlanAsync(step),
            "policy" => PolicyAsync(step),
            "repeat" => RepeatAsync(step),
            "hold" => HoldAsync(step),
            "capture" => CaptureAsync(step),
            "release" => ReleaseAsync(step),
            "extend" => ExtendAsync(step),
            _ => OtherBodyAsync(step),
        }) ?? await WalletsAsync();
    }

    private async Task<string?> ChargeAsync(NaiveStep step)
    {
        var (fields, bill) = step.Subject();
        var reply = await SendAsync("charges", $$"""{"account":"{{account}}",{{fields}}}""");
        return Charged(reply.Status == System.Net.HttpStatusCode.Created ? reply.Json : default, (int)reply.Status, reply.Text, bill);
    }

    private string? Charged(JsonElement charge, int status, string text, Bill bill)
    {
        var expected = model.Charge(bill, now);
        if (expected.Status == 201 && status == 201)
        {
            charges.Add((charge.GetProperty("id").GetString()!, model.Charges[^1]));
        }

        return Compare(expected, status, text);
    }

    private async Task<string?> CheckAsync(NaiveStep step)
    {
        var (fields, bill) = step.Subject();
        var expected = model.Charge(bill, now, pretend: true);
        var reply = await api.CheckAsync(account, fields);
        return reply.Json.GetProperty("allowed").GetBoolean() == (expected.Status == 201) && reply.ErrorCode == expected.Code ? null : $"expected {expected}, checked {reply.Text}";
    }

    private async Task<string?> BatchAsync(NaiveStep step)
    {
        var subjects = Enumerable.Range(0, (step.Pick % 4) + 2).Select(i => (step with { Pick = (step.Pick * 7) + (i * 13), Size = ((step.Size + (i * 37)) % 999) + 1 }).Subject()).ToList();
        var body = string.Join(',', subjects.Select(s => $$"""{"account":"{{account}}",{{s.Fields}},"idempotency_key":"{{NewKey()}}"}"""));
        var reply = await api.PostAsync("charges/batch", $$"""{"charges":[{{body}}]}""");
        if ((int)reply.Status != 200)
        {
            return $"the batch was answered {reply.Text}";
        }

        var results = reply.Json.GetProperty("results").EnumerateArray().ToList();
        for (var i = 0; i < subjects.Count; i++)
        {
            var status = results[i].GetProperty("status").GetInt32();
            var inner = results[i].GetProperty(status == 201 ? "charge" : "problem");
            if (Charged(inner, status, inner.GetRawText(), subjects[i].Bill) is { } different)
            {
                return $"{i + 1}. of the batch, {subjects[i].Fields}: {different}";
            }
        }

        return null;
    }

    private async Task<string?> GrantAsync(NaiveStep step)
    {
        var unit = Units[step.Pick % 5];
        var source = (step.Pick / 7 % 3) switch { 0 => "promotional", 1 => "bonus", _ => "purchase" };
        var expires = step.Pick % 3 == 0 ? now.AddHours((step.Pick % 1_500) + 1) : (DateTimeOffset?)null;
        var whole = unit == "free_use" ? (step.Size % 4) + 1 : 0;
        var amount = whole > 0 ? whole : step.Size / 10m;
        var fields = expires is null ? "" : $$""","expires_at":"{{expires.Value:yyyy-MM-dd'T'HH:mm:ss'Z'}}" """;
        var reply = await SendAsync("admin/grants", string.Create(CultureInfo.InvariantCulture, $$"""{"account":"{{account}}","unit":"{{unit}}","amount":{{amount}},"source":"{{source}}","reason":"naive"{{fields}}}"""));
        var expected = model.Grant(unit, amount, source, expires);
        return Compare(expected, (int)reply.Status, reply.Text) ?? (reply.Number("new_balance") == model.Balance(unit) ? null : $"expected a balance of {model.Balance(unit)}, told {reply.Text}");
    }

    private async Task<string?> AdjustAsync(NaiveStep step)
    {
        var unit = Units[step.Pick % 5];
        var amount = unit == "free_use" ? 1m : step.Size / 20m;
        amount = step.Pick % 2 == 0 ? amount : -amount;
        var reply = await SendAsync("admin/adjustments", string.Create(CultureInfo.InvariantCulture, $$"""{"account":"{{account}}","unit":"{{unit}}","amount":{{amount}},"reason":"naive"}"""));
        return Compare(model.Adjust(unit, amount), (int)reply.Status, reply.Text);
    }

    private async Task<string?> RefundAsync(NaiveStep step)
    {
        if (charges.Count == 0)
        {
            return null;
        }

        // Mostly one of the last.
        var (id, taken) = charges[^((step.Pick % 3 == 0 ? step.Pick % charges.Count : step.Pick % Math.Min(charges.Count, 3)) + 1)];
        var part = step.Size % 2 == 0 && taken.Parts.Count > 0 ? taken.Parts[step.Pick % taken.Parts.Count] : null;
        var amount = part is null ? 0 : part.Unit == "free_use" ? 1 : Math.Max(0.01m, Math.Round(part.Amount * (step.Size % 11) / 8, 2)); // sometimes more than there is
        var fields = part is null ? "" : string.Create(CultureInfo.InvariantCulture, $$""" "funding":[{"unit":"{{part.Unit}}","amount":{{amount}}}],""");
        var reply = await SendAsync($"charges/{id}/refund", $$"""{{{fields}}"reason":"naive"}""");
        return Compare(model.Refund(taken, part?.Unit, amount, now), (int)reply.Status, reply.Text);
    }

    private async Task<string?> PlanAsync(NaiveStep step)
    {
        if (model.HasOpenHolds)
        {
            return null;
        }

        var plan = step.Pick % 2 == 0 ? "pro" : "free";
        var reply = await api.PutAsync($"accounts/{account}/overrides", $$"""{"plan":"{{plan}}"}""");
        model.ChangePlan(plan);
        return (int)reply.Status == 200 ? null : reply.Text;
    }

    private async Task<string?> PolicyAsync(NaiveStep step)
    {
        var policy = (step.Pick % 3) switch { 0 => "block", 1 => "warn", _ => "limited" };
        var reply = await api.SendAsync(HttpMethod.Patch, $"accounts/{account}", $$"""{"low_balance_policy":"{{policy}}","overdraft_limit":{{step.Size % 20}}}""", null);
        model.ChangePolicy(policy, step.Size % 20);
        return (int)reply.Status == 200 ? null : reply.Text;
    }

    private async Task<string?> RepeatAsync(NaiveStep step)
    {
        if (answered.Count == 0)
        {
            return null;
        }

        var (path, key, body, text) = answered[step.Pick % answered.Count];
        var reply = await api.PostAsync(path, body, key);
        return reply.IsReplay && reply.Text == text ? null : $"a repeat of {body}\nwas answered {(int)reply.Status} {reply.Text}\ninstead of {text}";
    }

    private async Task<string?> OtherBodyAsync(NaiveStep step)
    {
        if (answered.Count == 0)
        {
            return null;
        }

        var (path, key, body, _) = answered[step.Pick % answered.Count];
        if (path.StartsWith("holds/", StringComparison.Ordinal))
        {
            path = "charges";
            body = $$"""{"account":"{{account}}","unit":"credit","amount":1}"""; // one name space for all
        }

        var other = path is "charges" or "holds" ? body.Insert(1, "\"run\":\"another\",") : body.Replace("naive", "other", StringComparison.Ordinal);
        var reply = await api.PostAsync(path, other, key);
        return reply.ErrorCode == "BILLING_IDEMPOTENCY_CONFLICT" ? null : $"the key of {body} was taken again: {reply.Text}";
    }

    private async Task<Reply> SendAsync(string path, string body)
    {
        var key = NewKey();
        var reply = await api.PostAsync(path, body, key);
        if ((int)reply.Status is 200 or 201)
        {
            answered.Add((path, key, body, reply.Text));
        }

        return reply;
    }

    private string NewKey() => $"naive-{++keys}";

    private static string? Compare(Expected expected, int status, string text)
    {
        using var json = JsonDocument.Parse(text);
        var said = json.RootElement;
        if (status != expected.Status || (expected.Code is { } code && said.GetProperty("error_code").GetString() != code))
        {
            return $"expected {expected.Status} {expected.Code}, answered {status} {text}";
        }

        if (expected.Missing is { } missing)
        {
            var told = (said.GetProperty("unit").GetString()!, said.GetProperty("required").GetDecimal(), said.GetProperty("available").GetDecimal(), said.GetProperty("shortfall").GetDecimal());
            return told == missing ? null : $"expected {missing}, answered {text}";
        }

        if (status is 200 or 201 && said.TryGetProperty("funding", out var funding))
        {
            var told = funding.EnumerateArray().Select(f => (
                f.GetProperty("unit").GetString()!, f.GetProperty("amount").GetDecimal(), f.TryGetProperty("balance_after", out var after) && after.ValueKind == JsonValueKind.Number ? after.GetDecimal() : (decimal?)null)).ToList();
            return told.SequenceEqual(expected.Funding) ? null : $"expected {string.Join(' ', expected.Funding)}, answered {text}";
        }

        return null;
    }

    /// <summary>Every wallet, and every grant in it.</summary>
    private async Task<string?> WalletsAsync()
    {
        var reply = await api.GetReplyAsync($"accounts/{account}/wallets");
        var wallets = reply.Json.GetProperty("data").EnumerateArray().ToDictionary(w => w.GetProperty("unit").GetString()!);
        foreach (var unit in Units)
        {
            var (balance, debt) = wallets.TryGetValue(unit, out var wallet)
                ? (wallet.GetProperty("balance").GetDecimal(), wallet.TryGetProperty("debt", out var owed) && owed.ValueKind == JsonValueKind.Number ? owed.GetDecimal() : 0)
                : (0, 0);
            var held = wallet.ValueKind == JsonValueKind.Undefined ? 0 : wallet.GetProperty("held").GetDecimal();
            if (held != model.Held(unit))
            {
                return $"expected {model.Held(unit)} {unit} to be held, there are {held}";
            }

            if (balance != model.Balance(unit) || debt != model.Debt(unit))
            {
                return $"expected {model.Balance(unit)} {unit} and a debt of {model.Debt(unit)}, there are {balance} and {debt}: {reply.Text}";
            }

            var expected = model.Lots(unit).Select(l => Shown(l.Left, l.Expires)).Order(StringComparer.Ordinal);
            var shown = (wallet.ValueKind == JsonValueKind.Undefined ? [] : wallet.GetProperty("grants").EnumerateArray().ToList())
                .Select(g => Shown(g.GetProperty("remaining").GetDecimal(), g.TryGetProperty("expires_at", out var at) && at.ValueKind == JsonValueKind.String ? at.GetDateTimeOffset() : null)).Order(StringComparer.Ordinal);
            if (!expected.SequenceEqual(shown))
            {
                return $"expected {unit} in {string.Join(", ", expected)}; it is in {string.Join(", ", shown)}";
            }
        }

        return null;
    }

    private static string Shown(decimal left, DateTimeOffset? expires) => string.Create(CultureInfo.InvariantCulture, $"{left / 1.000000000000m} until {expires?.UtcDateTime:u}");
}
