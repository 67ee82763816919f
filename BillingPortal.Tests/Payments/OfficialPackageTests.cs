using System.Diagnostics;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Payments;

/// <summary>Stripe's own npm package as an independent referee: its types of errors, its reading of our answers, its signatures.</summary>
public sealed class OfficialPackageTests(StripeFixture portal) : IClassFixture<StripeFixture>
{
    [Fact]
    public async Task Stripes_own_package_agrees_as_client_of_the_simulator_and_as_signer_of_deliveries()
    {
        var folder = Repository.Path(".cache/official-stripe-package");
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(Repository.Path("BillingPortal.Tests/Payments/official")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        if (!Directory.Exists(Path.Combine(folder, "node_modules", "stripe")))
        {
            await RunAsync(folder, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts");
        }

        Assert.Contains("the official package agrees", await RunAsync(folder, "node", "referee.mjs", portal.Url, StripeFixture.Secret), StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync(patience.Token);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}\n{await output}\n{await errors}");
        return await output;
    }
}
