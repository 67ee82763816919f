using BillingPortal.Tests.Testing;
using Microsoft.Playwright;

namespace BillingPortal.Tests.Browser;

/// <summary>A subscriber's life with the simulator, by hand in a real browser: subscribe, fail, mend, upgrade, buy, top up, cancel, resume.</summary>
public sealed class SubscriberStoryTests(BrowserFixture portal) : IClassFixture<BrowserFixture>
{
    private Task<string?> StandingAsync() => portal.ScalarAsync<string>("select h.plan || ' ' || h.status from ledger_heads h join accounts a using (account_id) where a.email = 'ida@example.com'");

    [Fact]
    public async Task A_subscriber_pays_fails_recovers_upgrades_buys_cancels_and_stays()
    {
        var page = await Shopping.RegisterAsync(portal, "Pro", "Ida Rhodes", "ida@example.com");
        await Shopping.BuyAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Subscribe to Pro" }), refused: "4000000000000002");
        Assert.Equal("pro Active", await StandingAsync());

        await CardAtStripeAsync(page, "4000 0000 0000 0341");
        await RenewAsync();
        await page.GotoAsync("/portal");
        await Assertions.Expect(page.GetByText("A payment failed")).ToBeVisibleAsync();
        Assert.Equal("pro PastDue", await StandingAsync());

        await CardAtStripeAsync(page, "4242 4242 4242 4242");
        await page.GetByRole(AriaRole.Button, new() { Name = "Pay", Exact = true }).ClickAsync();
        await Assertions.Expect(page.GetByText("Thank you, the invoice is paid.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Back" }).ClickAsync();
        await Assertions.Expect(page.Locator("[data-subscription=active]")).ToBeVisibleAsync();

        await UpgradeAsync(page);
        await page.GotoAsync("/portal/credits");
        await Shopping.BuyAsync(page, page.Locator("[data-pack] button").First);
        await page.GotoAsync("/portal/credits");
        await Shopping.BuyAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "$100", Exact = true }));
        Assert.Equal(100, await portal.ScalarAsync<decimal>("select balance from wallets w join accounts a using (account_id) where a.email = 'ida@example.com' and w.unit = 'usd'"));
        await CancelAndResumeAsync(page);
    }

    /// <summary>Through the button on the plan page into Stripe's own portal.</summary>
    private static async Task CardAtStripeAsync(IPage page, string number)
    {
        await page.GotoAsync("/portal/plan");
        await Shopping.PressAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Payment method" }), () => Task.FromResult(!page.Url.Contains("/portal/plan", StringComparison.Ordinal)));
        await page.GetByLabel("New card number").FillAsync(number);
        await page.GetByRole(AriaRole.Button, new() { Name = "Change card" }).ClickAsync();
        await Assertions.Expect(page.GetByText($"ending in {number[^4..]}")).ToBeVisibleAsync();
    }

    /// <summary>As if the period had ended a moment ago; without what is billed by use, whose invoice would wait an hour.</summary>
    private async Task RenewAsync()
    {
        var id = await portal.ScalarAsync<string>("select s.id from subscriptions s join accounts a using (account_id) where a.email = 'ida@example.com'");
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{items,data}', jsonb_build_array(body #> '{items,data,0}')) where id = $1", id);
        await portal.ExecuteAsync("update simulator_objects set body = jsonb_set(jsonb_set(body, '{items,data,0,current_period_end}', to_jsonb(extract(epoch from now())::bigint - 5)), '{billing_cycle_anchor}', to_jsonb(extract(epoch from now() - interval '1 month')::bigint - 5)) where id = $1", id);
        await Payments.StripeFixture.UntilAsync(async () => await portal.ScalarAsync<string>("select status from subscriptions where id = $1", id) == "past_due", "past due");
    }

    private async Task UpgradeAsync(IPage page)
    {
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Shopping.PressAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Change to Enterprise" }), () => dialog.IsVisibleAsync());
        var due = await dialog.GetByText("Due now").Locator("xpath=following-sibling::dd[1]").InnerTextAsync();
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Change the plan" }).ClickAsync();
        await Assertions.Expect(page.GetByText("You are on Enterprise now")).ToBeVisibleAsync();
        Assert.Equal("enterprise Active", await StandingAsync());
        // The invoice comes with Stripe's event, a moment later, and the page looks again by itself.
        await page.GotoAsync("/portal/invoices");
        await Assertions.Expect(page.GetByText(due).First).ToBeVisibleAsync(new() { Timeout = 30_000 });
    }

    private async Task CancelAndResumeAsync(IPage page)
    {
        await page.GotoAsync("/portal/plan");
        var dialog = page.GetByRole(AriaRole.Dialog);
        await Shopping.PressAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Cancel the plan" }), () => dialog.IsVisibleAsync());
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Cancel at the period's end" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on with the plan" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The plan goes on")).ToBeVisibleAsync();
        Assert.Equal("enterprise Active", await StandingAsync());
        Assert.Equal(["cancellation_scheduled", "cancellation_withdrawn"], (await portal.RowsAsync(
            "select kind from subscription_changes c join accounts a using (account_id) where a.email = 'ida@example.com' and kind like 'cancel%' order by c.id")).Select(r => (string)r[0]!));
    }
}
