using BillingPortal.Tests.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BillingPortal.Tests.Deploy;

/// <summary>The shipped proxy before several instances: an account's charges meet on one of them, and on another when that one is gone.</summary>
public sealed class NginxRoutingTests : IAsyncLifetime
{
    private readonly List<WebApplication> instances = [];

    [Fact]
    public async Task Requests_of_one_account_meet_on_one_instance_and_accounts_spread()
    {
        var port = FreePort.Draw();
        await using var nginx = new Nginx(Recipe(port));
        await nginx.ListensAsync(port);
        using var client = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}/billing/") };

        var at = new Dictionary<string, string>();
        foreach (var account in Enumerable.Range(0, 300).Select(i => $"customer-{i}"))
        {
            at[account] = await AskAsync(client, account);
            Assert.Equal(at[account], await AskAsync(client, account));
        }

        Assert.Equal(["0", "1", "2"], at.Values.Distinct().Order());
        Assert.All(at.Values.CountBy(i => i), one => Assert.True(one.Value >= 30, $"{one.Value} of 300 at {one.Key}")); // about 100, give or take 11

        var (gone, stays) = (at.First(a => a.Value == "0").Key, at.First(a => a.Value == "1").Key);
        await instances[0].StopAsync();
        Assert.NotEqual("0", await AskAsync(client, gone));
        Assert.Equal("1", await AskAsync(client, stays)); // the others stay where they were
    }

    public async Task InitializeAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            var name = $"{i}";
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            app.Run(context => context.Response.WriteAsync(name));
            await app.StartAsync();
            instances.Add(app);
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var instance in instances)
        {
            await instance.DisposeAsync();
        }
    }

    // As shipped, without the certificate and its port.
    private string Recipe(int port)
    {
        var lines = File.ReadAllLines(Repository.Path("deploy/nginx/billing-portal.conf")).Where(line => !line.Contains("ssl_certificate", StringComparison.Ordinal));
        var servers = string.Concat(instances.Select(i => $"server {new Uri(i.Urls.Single()).Authority}; "));
        return string.Join('\n', lines)
            .Replace("server 127.0.0.1:8080;", servers, StringComparison.Ordinal)
            .Replace("listen 443 ssl;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
            .Replace("listen 80;", $"listen 127.0.0.1:{FreePort.Draw()};", StringComparison.Ordinal);
    }

    private static async Task<string> AskAsync(HttpClient client, string account)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/plans");
        request.Headers.Host = "billing.example.com";
        request.Headers.Add("X-Billing-Account", account);
        using var answer = await client.SendAsync(request);
        return await answer.Content.ReadAsStringAsync();
    }
}
