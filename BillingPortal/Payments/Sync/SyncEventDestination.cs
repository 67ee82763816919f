using BillingPortal.Catalog;
using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>Where Stripe tells of use that it could not count: by thin events, which webhook endpoints never get. Needed only where something is billed by use; same address, a secret of its own.</summary>
internal sealed class SyncEventDestination(StripeClient stripe, StripeSettings settings, StripeEventHandlers handlers, IStripeConnection connection, IConfiguration configuration)
{
    private const string What = "event destination";

    public async Task RunAsync(SyncRun run, CatalogDocument catalog, string actor, CancellationToken ct)
    {
        if (!MeteredPrice.All(catalog).Any() || connection.Current.Mode == PaymentsMode.Simulator)
        {
            return; // nothing is billed by use; or the simulator, which delivers by itself
        }

        if (run.FindEndpoint(What, configuration) is not { } url)
        {
            return;
        }

        if (!(await stripe.EventDestinations.ListAsync(ct)).TryGet(out var there, out var error))
        {
            run.Failed(What, error);
            return;
        }

        var found = there.Data.FirstOrDefault(d => d.EventPayload == "thin" && d.WebhookEndpoint?.Url?.TrimEnd('/') == url.AbsoluteUri.TrimEnd('/'));
        if (found is null)
        {
            await MakeAsync(run, actor, url, ct);
        }
        else if (handlers.ThinTypes.Except(found.EnabledEvents).ToList() is { Count: > 0 } missing)
        {
            await run.DoAsync(What, SyncAct.Update, $"{found.Id} does not send {string.Join(", ", missing)}.", key => stripe.EventDestinations.UpdateAsync(found.Id, [.. found.EnabledEvents.Union(handlers.ThinTypes)], key, ct));
        }
        else if (found.Status == "disabled")
        {
            run.Blocked(What, $"{found.Id} is disabled. Enable it in Stripe's dashboard (Developers, Event destinations).");
        }
        else
        {
            run.InOrder(What, $"{found.Id}, {url}.");
        }
    }

    private async Task MakeAsync(SyncRun run, string actor, Uri url, CancellationToken ct)
    {
        if (!settings.CanKeepSecrets)
        {
            run.Blocked(What, $"Encryption__Keys is not set, so its signing secret could not be kept. Set it, or make a destination for thin events to {url} in Stripe's dashboard and add its secret to Stripe__WebhookSecret.");
            return;
        }

        var made = await run.DoAsync(What, SyncAct.Create, $"{url}: {string.Join(", ", handlers.ThinTypes)}.", key => stripe.EventDestinations.CreateAsync(new("BillingPortal", handlers.ThinTypes, new(url.AbsoluteUri)), key, ct));
        if (made?.WebhookEndpoint?.SigningSecret is { } secret)
        {
            await settings.ChangeAsync(actor, new() { WebhookSecrets = Wish.Of<IReadOnlyList<string>>([secret, .. settings.InForce.WebhookSecrets!.Take(3)]) }, ct);
        }
    }
}
