using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace BillingPortal.Tests.Testing;

/// <summary>The running portal and a Chromium to look at it with: <c>class StoryTests(BrowserFixture portal) : IClassFixture&lt;BrowserFixture&gt;</c>. The browser is shared by the whole run, contexts are not.</summary>
public class BrowserFixture : PortalFixture
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private static readonly Lazy<Task<IBrowser>> Chromium = new(LaunchAsync);

    private readonly ConcurrentBag<IBrowserContext> contexts = [];

    public static Task<IBrowser> BrowserAsync() => Chromium.Value;

    /// <summary>A page in a context of its own. An error in the page's scripts fails the test that waits on it.</summary>
    public async Task<IPage> PageAsync(string path = "/", int width = 1280, int height = 800, string theme = "light")
    {
        var context = await (await BrowserAsync()).NewContextAsync(new()
        {
            BaseURL = Url,
            ViewportSize = new() { Width = width, Height = height },
            ColorScheme = theme == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
        });
        contexts.Add(context);
        context.SetDefaultTimeout(60_000); // many share two cores here
        var page = await context.NewPageAsync();
        await page.GotoAsync(path);
        return page;
    }

    /// <summary>Closes the pages first: one that stays open keeps the server waiting, and asks for it for ever after.</summary>
    public override async Task DisposeAsync()
    {
        await Task.WhenAll(contexts.Select(context => context.CloseAsync()));
        await base.DisposeAsync();
    }

    private static async Task<IBrowser> LaunchAsync()
    {
        Assertions.SetDefaultExpectTimeout(60_000);
        var playwright = await Playwright.CreateAsync();
        return await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = Environment.GetEnvironmentVariable("CHROMIUM") ?? Installed(),
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    // Null lets Playwright look for the one it installed itself.
    private static string? Installed() => Places.FirstOrDefault(File.Exists);
}
