using System.Diagnostics;
using BillingPortal.Tests.Testing;
using Microsoft.Playwright;
using Xunit;

namespace BillingPortal.Tests.Browser;

/// <summary>A portal with the demo's data and one-click sign-ins.</summary>
public sealed class DemoBrowserFixture : BrowserFixture
{
    protected override void Configure(IDictionary<string, string?> settings) => settings["Demo:Enabled"] = "true";
}

/// <summary>Every page, in both themes: no accessibility violation, nothing wider than the window.</summary>
public sealed class LooksTests(DemoBrowserFixture portal) : IClassFixture<DemoBrowserFixture>
{
    private static readonly string[] open = ["/", "/pricing", "/signin", "/register", "/no-such-page"];
    private static readonly string[] customer = ["/portal", "/portal/usage", "/portal/ledger", "/portal/credits", "/portal/plan", "/portal/invoices", "/portal/payment", "/portal/members", "/portal/settings"];
    private static readonly string[] staff =
    [
        "/admin", "/admin/accounts", "/admin/ledger", "/admin/subscriptions", "/admin/catalog", "/admin/catalog?tab=actions", "/admin/webhooks", "/admin/meter-reports",
        "/admin/api-keys", "/admin/audit", "/admin/doctor", "/admin/settings",
        "/admin/usage-costs", "/admin/provider-bills", "/admin/usage-trace", "/admin/uncharged-usage", "/admin/re-ratings", "/admin/catalog?tab=rates",
        "/admin/enforcement", "/admin/suspense", "/admin/disputes", "/admin/reconciliation", "/admin/payments", "/admin/payment-trace?q=ada@demo.test",
    ];

    [Fact]
    public async Task Every_page_can_be_used_by_everybody()
    {
        var axe = await AxeAsync();
        var findings = new List<string>();
        foreach (var (who, paths) in new[] { ((string?)null, open), ("ada@demo.test", customer), ("admin@demo.test", staff) })
        {
            var page = await SignedInAsync(who, "light", 1280);
            foreach (var path in paths)
            {
                // Each page is opened once, in one look; then it changes to the other.
                await page.GotoAsync(path);
                await page.WaitForTimeoutAsync(600);
                await page.EvaluateAsync(axe);
                await LookAsync(path, ColorScheme.Light, 1280);
                await LookAsync(path, ColorScheme.Dark, 390);
            }

            async Task LookAsync(string path, ColorScheme theme, int width)
            {
                await page.EmulateMediaAsync(new() { ColorScheme = theme });
                await page.SetViewportSizeAsync(width, 900);
                Assert.Equal(theme == ColorScheme.Dark, await page.EvaluateAsync<bool>("matchMedia('(prefers-color-scheme: dark)').matches"));
                if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth") is > 0 and var wider)
                {
                    findings.Add($"{path}, {theme}: {wider} pixels wider than the window");
                }

                findings.AddRange(from violation in await page.EvaluateAsync<string[]>(Run) select $"{path}, {theme}: {violation}");
            }

            await page.Context.CloseAsync();
        }

        Assert.Empty(findings);
    }

    [Theory, Trait("Category", "Screenshots")]
    [InlineData("light", 1440)]
    [InlineData("dark", 1440)]
    [InlineData("light", 390)]
    public async Task Pictures_of_every_page(string theme, int width)
    {
        // Taken when asked for (`./dev screenshots`); otherwise there is nowhere to put them.
        if (Environment.GetEnvironmentVariable("SCREENSHOTS") is not { Length: > 0 } folder)
        {
            return;
        }

        foreach (var (who, paths) in new[] { ((string?)null, open), ("ada@demo.test", customer), ("admin@demo.test", staff) })
        {
            var page = await SignedInAsync(who, theme, width);
            foreach (var path in paths)
            {
                await page.GotoAsync(path);
                await page.WaitForTimeoutAsync(1_200);
                var name = path.Trim('/').Replace('/', '-').Replace('?', '-').Replace('=', '-');
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{(name.Length == 0 ? "start" : name)}-{theme}-{width}.png"), FullPage = true });
            }

            await page.Context.CloseAsync();
        }
    }

    private const string Run = """
        async () => (await axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })).violations
            .map(v => `${v.impact} ${v.id} × ${v.nodes.length}: ${v.nodes[0].html.slice(0, 140)}`)
        """;

    private async Task<IPage> SignedInAsync(string? who, string theme, int width)
    {
        var page = await portal.PageAsync("/signin", width, 900, theme);
        if (who is not null)
        {
            await page.Locator($"button[value='{who}']").ClickAsync();
            await page.WaitForURLAsync(url => !url.Contains("/signin", StringComparison.Ordinal));
        }

        return page;
    }

    /// <summary>axe-core, from a git-ignored folder; fetched with npm when it is not there yet.</summary>
    private static async Task<string> AxeAsync()
    {
        var folder = Repository.Path("BillingPortal.Tests/Browser");
        var file = Path.Combine(folder, "node_modules", "axe-core", "axe.min.js");
        if (!File.Exists(file))
        {
            using var npm = Process.Start(new ProcessStartInfo("npm", ["install", "--no-audit", "--no-fund", "--no-save"]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            await npm.WaitForExitAsync();
        }

        Assert.True(File.Exists(file), "axe-core is missing: run npm install in BillingPortal.Tests/Browser.");
        return await File.ReadAllTextAsync(file);
    }
}
