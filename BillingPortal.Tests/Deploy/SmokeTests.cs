using System.Diagnostics;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Deploy;

/// <summary>The smoke test that operators run passes on a good portal, and does not on a bad one.</summary>
[Collection(nameof(SharedPortal))]
public sealed class SmokeTests(PortalFixture portal)
{
    [Fact]
    public async Task A_good_portal_passes_and_is_left_as_it_was()
    {
        var (exit, said) = await SmokeAsync(portal.Url, PortalFixture.ApiKey);
        Assert.True(exit == 0, said);
        Assert.Contains("ok      a check is judged", said, StringComparison.Ordinal);
        Assert.Equal(0, await portal.ScalarAsync<long>("select count(*) from accounts where external_id = 'smoke-test'"));
    }

    [Fact]
    public async Task Without_a_key_the_open_part_is_tried() => Assert.Equal(0, (await SmokeAsync(portal.Url, "")).Exit);

    [Fact]
    public async Task A_wrong_key_or_no_portal_fails()
    {
        Assert.Equal(1, (await SmokeAsync(portal.Url, "bp_test_NobodysKey000000000000000000000000000")).Exit);
        var (exit, said) = await SmokeAsync($"http://127.0.0.1:{FreePort.Draw()}", "");
        Assert.Equal(1, exit);
        Assert.DoesNotContain("ok      ", said, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Said)> SmokeAsync(string url, string key)
    {
        var start = new ProcessStartInfo(Repository.Path("deploy/smoke"), [url]) { RedirectStandardOutput = true };
        start.Environment["BILLING_KEY"] = key;
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said);
    }
}
