using System.Net.Http.Json;
using BillingPortal.Tests.Testing;
using Microsoft.Playwright;
using Xunit;

namespace BillingPortal.Tests.Browser;

/// <summary>The main job from the first visit to the last row of the file, in a real browser.</summary>
public sealed class StoryTests(BrowserFixture portal) : IClassFixture<BrowserFixture>
{
    [Fact]
    public async Task A_customer_registers_buys_and_uses_and_staff_grant_and_export()
    {
        var page = await Shopping.RegisterAsync(portal, "Standard", "Grace Hopper", "grace@example.com");
        var account = await portal.ScalarAsync<string>("select external_id from accounts where email = 'grace@example.com'");

        await Shopping.BuyAsync(page, page.GetByRole(AriaRole.Button, new() { Name = "Subscribe to Standard" }));
        await page.GotoAsync("/portal/credits");
        await Shopping.BuyAsync(page, page.Locator("[data-pack] button").First);

        await page.GotoAsync("/portal/ledger?kind=topup");
        await Assertions.Expect(page.GetByText("Bought", new() { Exact = true }).Last).ToBeVisibleAsync();

        await MeterMovesWithoutReloadAsync(page, account!);
        await StaffGrantAsync(account!);
        await Assertions.Expect(page.Locator("[data-balance=credit]")).ToContainTextAsync("1,700");
        await CsvHasEveryRowAsync();
    }

    private async Task MeterMovesWithoutReloadAsync(IPage page, string account)
    {
        await page.GotoAsync("/portal");
        var meter = page.Locator(".main [data-meter]").First;
        var id = await meter.GetAttributeAsync("data-meter");
        await page.EvaluateAsync("window.stayed = true");
        await page.WaitForTimeoutAsync(1_500); // for the circuit; should it stand later, the page catches up by its look every few seconds
        using var api = portal.Api();
        using var charge = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = JsonContent.Create(new { account, meter = id, quantity = 7 }) };
        charge.Headers.Add("Idempotency-Key", "story-1");
        var answer = await api.SendAsync(charge);
        Assert.Equal(201, (int)answer.StatusCode);
        await Assertions.Expect(meter.Locator(".meter-figures")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^7 /"));
        await Assertions.Expect(page.Locator($"[data-side-meter] [data-meter={id}] .meter-figures")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^7 /"));
        Assert.True(await page.EvaluateAsync<bool>("window.stayed === true"));
    }

    private async Task StaffGrantAsync(string account)
    {
        var staff = await portal.PageAsync("/signin");
        await staff.GetByLabel("E-mail").FillAsync("admin@example.com");
        await staff.GetByLabel("Password").FillAsync("Correct-horse-battery-1");
        await staff.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await staff.WaitForURLAsync("**/admin**");
        var id = await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account);
        await staff.GotoAsync($"/admin/accounts/acc_{id:N}");
        var dialog = staff.GetByRole(AriaRole.Dialog);
        await Shopping.PressAsync(staff, staff.GetByRole(AriaRole.Button, new() { Name = "Grant", Exact = true }).First, () => dialog.IsVisibleAsync());
        await staff.GetByLabel("Amount").FillAsync("1000");
        await staff.GetByLabel("Reason").FillAsync("Thank you for finding the bug");
        await Assertions.Expect(staff.Locator("[data-preview]")).ToContainTextAsync("1,700 credits");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Grant", Exact = true }).ClickAsync();
        await Assertions.Expect(staff.GetByText("Thank you for finding the bug").First).ToBeVisibleAsync();
        await staff.Context.CloseAsync();
    }

    private async Task CsvHasEveryRowAsync()
    {
        using var api = portal.Api();
        using var visitor = new Visitor(portal.Url);
        await visitor.SignInAsync("admin@example.com", "Correct-horse-battery-1");
        var csv = await visitor.Client.GetStringAsync("/admin/ledger.csv");
        var rows = csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(await portal.ScalarAsync<long>("select count(*) from transfers"), rows.Length - 1);
        Assert.Contains(rows, row => row.Contains("Thank you for finding the bug", StringComparison.Ordinal) && row.Contains(",1000,", StringComparison.Ordinal));
    }
}
