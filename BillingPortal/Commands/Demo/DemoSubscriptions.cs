using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Commands.Demo;

/// <summary>Once the portal answers: demo customers on a paid plan go through the simulator's checkout for it, so that theirs are subscriptions which can be changed and cancelled. In the background; a restart goes on where it stopped.</summary>
internal sealed partial class DemoSubscriptions(
    IServiceScopeFactory scopes, Tenants tenants, IStripeConnection stripe, CatalogSnapshot catalog, IHttpClientFactory clients, IConfiguration configuration,
    IHostEnvironment environment, IHostApplicationLifetime lifetime, ILogger<DemoSubscriptions> log) : BackgroundService
{
    private static readonly CheckoutReturn Back = new("http://localhost/portal/credits", "http://localhost/portal/credits");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!environment.IsDevelopment() || !configuration.GetValue("Demo:Enabled", true))
        {
            return;
        }

        try
        {
            await ListeningAsync(stoppingToken);
            foreach (var (account, plan) in await WaitingAsync(stoppingToken))
            {
                await SubscribeAsync(account, plan, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The next start goes on.
        }
        catch (Exception e)
        {
            LogStopped(e, e.Message);
        }
    }

    private async Task ListeningAsync(CancellationToken ct)
    {
        var listening = new TaskCompletionSource();
        await using var started = lifetime.ApplicationStarted.Register(() => listening.TrySetResult());
        await listening.Task.WaitAsync(ct);
    }

    /// <summary>Demo accounts that stand on a plan with a price and never had a subscription.</summary>
    private async Task<List<(AccountId Account, string Plan)>> WaitingAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var standing = await (
            from account in scope.Db.Set<Account>()
            join head in scope.Db.Set<LedgerHead>() on account.AccountId equals head.AccountId
            where EF.Functions.JsonContains(account.Metadata, """{"demo": "true"}""") && head.Status == AccountStatus.Active
                && !scope.Db.Set<Subscription>().Any(s => s.AccountId == account.AccountId)
            orderby account.ExternalId
            select new { account.AccountId, head.Plan }).ToListAsync(ct);
        return [.. standing.Where(s => catalog.Current.FindPlan(s.Plan) is { IsFree: false }).Select(s => (s.AccountId, s.Plan))];
    }

    private async Task SubscribeAsync(AccountId account, string plan, CancellationToken ct)
    {
        if (stripe.Current is not { Mode: PaymentsMode.Simulator, ApiBase: { } simulator })
        {
            return;
        }

        await using var services = scopes.CreateAsyncScope();
        var checkout = services.ServiceProvider.GetRequiredService<Checkout>();
        var page = (await checkout.StartAsync(account, new CheckoutRequest.Subscription(plan, BillingInterval.Month), Back, "demo-subscription", ct))
            .Match(started => started.Url, refusal => throw new InvalidOperationException(refusal.Detail));
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["number"] = "4242424242424242", ["name"] = "Demo", ["email"] = "demo@demo.test" });
        using var client = clients.CreateClient(nameof(DemoSubscriptions));
        using var paid = await client.PostAsync(new Uri(simulator, new Uri(page).PathAndQuery), form, ct);
    }

    [LoggerMessage(1202, LogLevel.Warning, "The demo's subscriptions were not all made: {Reason}")]
    private partial void LogStopped(Exception error, string reason);
}
