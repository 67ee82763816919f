using System.Globalization;
using System.Text;
using System.Text.Json;
using BillingPortal.Client;
using Microsoft.AspNetCore.Http;

namespace BillingPortal.Tests.Clients;

/// <summary>The walk through the C# client, step by step the same as <c>clients/python/walk.py</c> and <c>clients/typescript/walk.ts</c>.</summary>
internal sealed class Walk(string url, string key, string account)
{
    private readonly StringBuilder said = new();

    public async Task<string> RunAsync()
    {
        using var billing = Open("");
        var first = await billing.ChargeAsync(account, Credits(10), "walk-1");
        var again = await billing.ChargeAsync(account, Credits(10), "walk-1");
        Say("charge", first.Status, first.Id == again.Id);
        Say("refused", await RefusalAsync(() => billing.ChargeAsync(account, Credits(1000))));
        Say("check", (await billing.CheckAsync(account, Credits(1000))).Allowed, (await billing.CheckAsync(account, Credits(1))).Allowed);
        foreach (var path in (string[])["/lost", "/slow", "/busy"])
        {
            using var line = Open(path);
            Say(path, (await line.ChargeAsync(account, Credits(10))).Status);
        }

        using (Billing away = Open("/away"), later = Open("/later"))
        {
            Say("/away", await RefusalAsync(() => away.ChargeAsync(account, Credits(10), "walk-away")));
            Say("/later", await RefusalAsync(() => later.ChargeAsync(account, Credits(10))));
        }

        await using (var hold = await billing.HoldAsync(account, Credits(20)))
        {
            await hold.ExtendAsync(TimeSpan.FromMinutes(1));
            await hold.CaptureAsync(Credits(5));
        }

        Say("hold", await RefusalAsync(async () =>
        {
            await using var hold = await billing.HoldAsync(account, Credits(20));
            throw new InvalidOperationException("the work failed");
        }));

        foreach (var amount in (int[])[1, 1000])
        {
            var passed = false;
            var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
            await new BillingGate(
                _ =>
                {
                    passed = true;
                    return Task.CompletedTask;
                },
                billing, _ => account, _ => Credits(amount)).InvokeAsync(context);
            var body = Encoding.UTF8.GetString(((MemoryStream)context.Response.Body).ToArray());
            Say("gate", passed, context.Response.StatusCode, body.Length == 0 ? "" : JsonDocument.Parse(body).RootElement.GetProperty("error_code").GetString()!);
        }

        return said.ToString();
    }

    private Billing Open(string path) => new(new(url + path), key) { Timeout = TimeSpan.FromSeconds(2), Tries = 4, LongestWait = TimeSpan.FromSeconds(2) };

    private static What Credits(decimal amount) => new() { Unit = "credit", Amount = amount };

    private void Say(params object[] words) => said.Append(string.Join(' ', words.Select(w => w is bool yes ? (yes ? "true" : "false") : w.ToString()))).Append('\n');

    private static async Task<string> RefusalAsync(Func<Task> work)
    {
        try
        {
            await work();
            return "nothing";
        }
        catch (BillingRefusedException no)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{(int)no.Status} {no.Code} {no.Problem.Shortfall}").Trim();
        }
        catch (BillingUnavailableException gone)
        {
            return $"unavailable {gone.Key}";
        }
        catch (InvalidOperationException failure)
        {
            return failure.Message;
        }
    }
}
