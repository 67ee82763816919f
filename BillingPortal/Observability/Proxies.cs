using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace BillingPortal.Observability;

/// <summary>Life behind a reverse proxy: under a path (<c>Portal:PathBase</c>), and with the caller's address, scheme and host as the proxy tells them.</summary>
/// <remarks>Forwarded headers count only from the addresses and networks of <c>Portal:KnownProxies</c> (comma-separated or a list); from anybody else they are what a caller made up.</remarks>
internal static class Proxies
{
    /// <summary>First of all: everything after it sees the request as the caller sent it.</summary>
    public static void UseProxies(this WebApplication app)
    {
        var known = Known(app.Configuration);
        if (known.Count > 0)
        {
            var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = null };
            // The framework would trust this machine; here only what is named counts.
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            known.ForEach(options.KnownIPNetworks.Add);
            app.UseForwardedHeaders(options);
        }

        if (app.Configuration["Portal:PathBase"]?.Trim().Trim('/') is { Length: > 0 } path)
        {
            app.UsePathBase("/" + path);
        }
    }

    private static List<IPNetwork> Known(IConfiguration configuration)
    {
        var listed = configuration.GetSection("Portal:KnownProxies").GetChildren().Select(c => c.Value ?? "");
        return listed.Concat((configuration["Portal:KnownProxies"] ?? "").Split(','))
            .Select(text => text.Trim()).Where(text => text.Length > 0).Select(Network).ToList();
    }

    private static IPNetwork Network(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128)
        : throw new InvalidOperationException($"Portal:KnownProxies: '{text}' is no address (10.0.0.5) and no network (10.0.0.0/24).");
}
