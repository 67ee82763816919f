using BillingPortal.Tests.Testing;
using Microsoft.Playwright;

namespace BillingPortal.Tests.Browser;

/// <summary>Not a test of anything: `./dev screenshots` takes pictures of every page, wide and narrow, light and dark, for people to look at.</summary>
[Trait("Category", "Screenshots")]
public class Screenshots(Screenshots.DemoPortal portal) : IClassFixture<Screenshots.DemoPortal>
{
    private static readonly string[] Open = ["/pricing", "/signin", "/register", "/docs", "/not-found"];
    private static readonly string[] Customer = ["/portal", "/portal/usage", "/portal/ledger", "/portal/credits", "/portal/plan"];
    private static readonly string[] Staff =
        ["/admin", "/admin/accounts", "/admin/ledger", "/admin/catalog", "/admin/subscriptions", "/admin/webhooks", "/admin/api-keys", "/admin/audit", "/admin/doctor", "/admin/settings"];

    [Theory]
    [InlineData("light", 1280)]
    [InlineData("dark", 1280)]
    [InlineData("light", 390)]
    [InlineData("dark", 390)]
    public async Task Every_page_is_pictured(string theme, int width)
    {
        foreach (var (who, pages) in new[] { ("nobody", Open), ("Ada", Customer), ("admin", Staff) })
        {
            var page = await portal.PageAsync("/signin", width, width < 800 ? 844 : 800, theme);
            if (who != "nobody")
            {
                await page.GetByRole(AriaRole.Button, new() { NameRegex = new(who, System.Text.RegularExpressions.RegexOptions.IgnoreCase) }).First.ClickAsync();
                await page.WaitForURLAsync(url => !url.Contains("/signin", StringComparison.Ordinal));
            }

            foreach (var path in pages)
            {
                await page.GotoAsync(path, new() { WaitUntil = WaitUntilState.NetworkIdle });
                await page.WaitForTimeoutAsync(700); // charts and rows that come over the circuit
                await page.ScreenshotAsync(new() { Path = $"{Folder}/{theme}-{width}{path.Replace('/', '-')}.png", FullPage = true });
            }

            await page.Context.CloseAsync();
        }
    }

    private static string Folder => Environment.GetEnvironmentVariable("SCREENSHOTS") ?? Repository.Path("artifacts/screenshots");

    public sealed class DemoPortal : BrowserFixture
    {
        protected override void Configure(IDictionary<string, string?> settings) => settings["Demo:Enabled"] = "true";
    }
}
