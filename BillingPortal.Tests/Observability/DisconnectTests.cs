using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BillingPortal.Tests.Observability;

/// <summary>Callers who leave in the middle are no trouble of ours.</summary>
public sealed class DisconnectTests(DisconnectTests.ListeningPortal portal) : IClassFixture<DisconnectTests.ListeningPortal>
{
    public sealed class ListeningPortal : PortalFixture
    {
        public Complaints Complaints { get; } = new();

        protected override void ConfigureServices(IServiceCollection services) => services.AddSingleton<ILoggerProvider>(Complaints);
    }

    [Theory]
    [InlineData("/api/v1/charges", false)]
    [InlineData("/api/v1/charges", true)]
    [InlineData("/api/v1/charges/batch", true)]
    [InlineData("/api/v1/check", true)]
    [InlineData("/api/v1/accounts/x/portal-sessions", false)]
    [InlineData("/api/v1/accounts/x/portal-sessions", true)]
    [InlineData("/webhooks/stripe", true)]
    public async Task A_caller_who_leaves_in_mid_body_leaves_no_complaint(string path, bool abruptly)
    {
        await portal.Api().GetAsync(new Uri("accounts/x/wallets", UriKind.Relative));
        portal.Complaints.Said.Clear();
        for (var time = 0; time < 5; time++)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Loopback, new Uri(portal.Url).Port);
            await socket.SendAsync(Encoding.ASCII.GetBytes($$"""
                POST {{path}} HTTP/1.1
                Host: localhost
                Authorization: Bearer {{PortalFixture.ApiKey}}
                Idempotency-Key: gone
                Stripe-Signature: t=1,v1=00
                Content-Type: application/json
                Content-Length: 100

                {"account":
                """.ReplaceLineEndings("\r\n")));
            await Task.Delay(100); // the handler is reading by now
            if (abruptly)
            {
                socket.LingerState = new(true, 0); // a reset instead of a good-bye
            }
        }

        await Task.Delay(500);
        Assert.True(portal.Complaints.Said.IsEmpty, string.Join('\n', portal.Complaints.Said));
    }

    /// <summary>What was logged above information.</summary>
    public sealed class Complaints : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Said { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Said.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
