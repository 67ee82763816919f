using System.Collections.Concurrent;
using System.Net.Http.Headers;
using BillingPortal.Tests.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BillingPortal.Tests.Clients;

/// <summary>A bad line to the portal. Under <c>/lost</c> and <c>/slow</c> the first answer to each key is lost or late, under <c>/busy</c> two tries are told to wait, under <c>/away</c> nobody answers, under <c>/later</c> the wait is long.</summary>
internal sealed class FlakyFront : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, int> tries = new();
    private readonly HttpClient portal;
    private readonly WebApplication app;

    private FlakyFront(Uri portal)
    {
        this.portal = new() { BaseAddress = portal };
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        app = builder.Build();
        app.Run(ServeAsync);
    }

    public string Url => app.Urls.Single();

    public static async Task<FlakyFront> StartAsync(PortalFixture portal)
    {
        var front = new FlakyFront(new(portal.Url));
        await front.app.StartAsync();
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        portal.Dispose();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var mood = context.Request.Path.Value!.Split('/')[1];
        var isMood = mood != "api";
        var attempt = isMood ? tries.AddOrUpdate($"{mood} {context.Request.Headers["Idempotency-Key"]}", 1, (_, before) => before + 1) : 0;
        if ((mood, attempt) is ("busy", 1) or ("away", _))
        {
            await RefuseAsync(context, 503, "0", """{"detail":"overloaded","error_code":"OVERLOADED"}""");
        }
        else if ((mood, attempt) is ("busy", 2) or ("later", _))
        {
            await RefuseAsync(context, 429, mood == "busy" ? "1" : "3600", """{"detail":"too many","error_code":"RATE_LIMITED"}""");
        }
        else
        {
            var (status, body) = await ForwardAsync(context, isMood ? mood.Length + 1 : 0);
            if ((mood, attempt) is ("lost", 1))
            {
                context.Abort();
                return;
            }

            if ((mood, attempt) is ("slow", 1))
            {
                await Task.Delay(TimeSpan.FromSeconds(4)); // longer than the client waits
            }

            context.Response.StatusCode = status;
            await context.Response.WriteAsync(body);
        }
    }

    private async Task<(int Status, string Body)> ForwardAsync(HttpContext context, int cut)
    {
        using var request = new HttpRequestMessage(new(context.Request.Method), context.Request.Path.Value![cut..])
        {
            Content = new StringContent(await new StreamReader(context.Request.Body).ReadToEndAsync(), MediaTypeHeaderValue.Parse("application/json")),
        };
        request.Headers.TryAddWithoutValidation("Authorization", context.Request.Headers.Authorization.ToString());
        if (context.Request.Headers["Idempotency-Key"] is [{ } key])
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var answer = await portal.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static Task RefuseAsync(HttpContext context, int status, string retryAfter, string body)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.RetryAfter = retryAfter;
        return context.Response.WriteAsync(body);
    }
}
