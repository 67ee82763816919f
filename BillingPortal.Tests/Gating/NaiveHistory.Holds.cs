using System.Globalization;

namespace BillingPortal.Tests.Gating;

internal sealed partial class NaiveHistory
{
    private readonly List<(string Id, string Unit, NaiveModel.Hold Hold)> holds = [];

    private async Task<string?> HoldAsync(NaiveStep step)
    {
        var (fields, bill) = step.Subject();
        // A day and an hour without borders, and something to hold: more has tests of its own.
        if (!model.IsQuiet(now, 25) || bill.Amount == 0 || bill.OwnKey)
        {
            return null;
        }

        var seconds = step.Pick % 2 == 0 ? 3_600 : ((step.Size * 80) % 86_400) + 1;
        var captures = step.Size % 5 == 0;
        var reply = await SendAsync("holds", $$"""{"account":"{{account}}",{{fields}},"expires_in":{{seconds}},"on_expiry":"{{(captures ? "capture" : "release")}}"}""");
        var expected = model.Open(bill, now.AddSeconds(seconds), captures);
        if (expected.Status == 201 && (int)reply.Status == 201)
        {
            holds.Add((reply.String("id")!, bill.Unit, model.Holds[^1]));
        }

        return Compare(expected, (int)reply.Status, reply.Text);
    }

    private async Task<string?> CaptureAsync(NaiveStep step)
    {
        if (Pick(step) is not { } picked || (picked.Hold is { IsOpen: true, PriceLeft: 0 }))
        {
            return null;
        }

        var isFinal = step.Size % 3 != 0;
        // All that is left, or a part of it, or more than there is.
        var amount = step.Pick % 4 == 0 ? (decimal?)null : Math.Max(0.01m, Math.Round(picked.Hold.PriceLeft * (step.Size % 12) / 10, 2));
        var part = amount is null ? "" : string.Create(CultureInfo.InvariantCulture, $"\"amount\":{amount},");
        var reply = await SendAsync($"holds/{picked.Id}/capture", $$"""{{{part}}"final":{{(isFinal ? "true" : "false")}}}""");
        var wasOpen = picked.Hold.IsOpen;
        var expected = model.Capture(picked.Hold, amount ?? picked.Hold.PriceLeft, isFinal, now);
        if (wasOpen && (int)reply.Status == 200)
        {
            charges.Add((reply.String("id")!, model.Charges[^1]));
        }

        return Compare(expected, (int)reply.Status, reply.Text);
    }

    private async Task<string?> ReleaseAsync(NaiveStep step)
    {
        if (Pick(step) is not { } picked)
        {
            return null;
        }

        var reply = await SendAsync($"holds/{picked.Id}/release", "");
        var expected = NaiveModel.Release(picked.Hold);
        return (int)reply.Status == expected.Status && reply.ErrorCode == expected.Code ? null : $"expected {expected}, answered {reply.Text}";
    }

    private async Task<string?> ExtendAsync(NaiveStep step)
    {
        if (Pick(step) is not { } picked || !model.IsQuiet(now, 25))
        {
            return null;
        }

        var reply = await SendAsync($"holds/{picked.Id}/extend", """{"expires_in":7200}""");
        if (!picked.Hold.IsOpen)
        {
            return reply.ErrorCode == "BILLING_HOLD_CLOSED" ? null : $"a closed hold was extended: {reply.Text}";
        }

        // Never less time than it had.
        picked.Hold.Expires = now.AddHours(2) > picked.Hold.Expires ? now.AddHours(2) : picked.Hold.Expires;
        return (int)reply.Status == 200 ? null : reply.Text;
    }

    private (string Id, string Unit, NaiveModel.Hold Hold)? Pick(NaiveStep step) => holds.Count == 0 ? null : holds[^((step.Pick % Math.Min(holds.Count, 3)) + 1)];
}
