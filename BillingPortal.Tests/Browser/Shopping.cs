using BillingPortal.Tests.Testing;
using Microsoft.Playwright;

namespace BillingPortal.Tests.Browser;

/// <summary>What a person does to buy, in a real browser.</summary>
internal static class Shopping
{
    /// <summary>Chooses a plan on the price list and makes an account; ends on the plan page.</summary>
    public static async Task<IPage> RegisterAsync(BrowserFixture portal, string plan, string name, string email)
    {
        var page = await portal.PageAsync("/pricing");
        await page.GetByRole(AriaRole.Link, new() { Name = $"Choose {plan}" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync(name);
        await page.GetByLabel("E-mail").FillAsync(email);
        await page.GetByLabel("Password").FillAsync("a ship in port is safe");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make the account" }).ClickAsync();
        await page.WaitForURLAsync("**/portal/plan**");
        return page;
    }

    /// <summary>Presses a button of a page that has just been opened: it works once the circuit stands; until then a press is lost, so it is pressed until something comes of it.</summary>
    public static async Task PressAsync(IPage page, ILocator button, Func<Task<bool>> came)
    {
        for (var i = 0; i < 40 && !await came(); i++)
        {
            try
            {
                if (await button.CountAsync() > 0 && await button.IsEnabledAsync(new() { Timeout = 1_000 }))
                {
                    await button.ClickAsync(new() { Timeout = 5_000 });
                }
            }
            catch (Exception e) when (e is TimeoutException or PlaywrightException)
            {
                // The press before came through late: what it opened stands in front of the button by now, or the page goes elsewhere.
            }

            await page.WaitForTimeoutAsync(700);
        }
    }

    /// <summary>From the button to the page that says it is paid.</summary>
    /// <param name="refused">A card that is tried first, in vain.</param>
    public static async Task BuyAsync(IPage page, ILocator button, string? refused = null)
    {
        await PressAsync(page, button, () => Task.FromResult(page.Url.Contains("/checkout/", StringComparison.Ordinal)));
        if (refused is not null)
        {
            await PayAsync(page, refused);
            await Assertions.Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("declined");
        }

        await PayAsync(page, "4242 4242 4242 4242");
        await page.WaitForURLAsync("**/portal/checkout/done**");
        await Assertions.Expect(page.Locator("[data-order-status=Fulfilled]")).ToBeVisibleAsync();
    }

    private static async Task PayAsync(IPage page, string card)
    {
        await page.Locator("input[name=number]").FillAsync(card);
        await page.Locator("form button[type=submit], form button:not([type])").First.ClickAsync();
    }
}
