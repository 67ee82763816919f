using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>The endpoint that Stripe posts events to: this portal's address, the pinned version, every type that something here handles. Its secret is told once, so it is kept at once.</summary>
internal sealed class SyncWebhook(StripeClient stripe, StripeSettings settings, StripeEventHandlers handlers, IStripeConnection connection, IConfiguration configuration)
{
    public const string What = "webhook endpoint";

    public async Task RunAsync(SyncRun run, string actor, CancellationToken ct)
    {
        var current = connection.Current;
        if (current.Mode == PaymentsMode.Simulator)
        {
            run.InOrder(What, "The simulator delivers to this portal by itself.");
            return;
        }

        if (run.FindEndpoint(What, configuration) is not { } url)
        {
            return;
        }

        if (current.IsLive && url.Scheme != Uri.UriSchemeHttps)
        {
            run.Blocked(What, $"Stripe delivers live events over HTTPS only, and this portal is at {url.OriginalString[..^WebhookEndpoint.Path.Length]}: give Portal__PublicUrl an https address.");
            return;
        }

        if (!(await stripe.WebhookEndpoints.ListAsync(ct)).TryGet(out var there, out var error))
        {
            run.Failed(What, error);
            return;
        }

        var same = there.Data.Where(e => e.Url.TrimEnd('/') == url.AbsoluteUri.TrimEnd('/')).ToList();
        var fitting = same.FirstOrDefault(e => StripeVersion.IsCompatible(e.ApiVersion));
        if (fitting is null || current.WebhookSecrets.Count == 0)
        {
            await MakeAsync(run, actor, url, same, ct);
            return;
        }

        await CheckAsync(run, fitting, ct);
    }

    private async Task MakeAsync(SyncRun run, string actor, Uri url, List<StripeWebhookEndpoint> instead, CancellationToken ct)
    {
        if (!settings.CanKeepSecrets)
        {
            run.Blocked(What, $"Encryption__Keys is not set, so its signing secret could not be kept. Set it, or make an endpoint for {url} with version {StripeVersion.Pinned} in Stripe's dashboard and give its secret by Stripe__WebhookSecret.");
            return;
        }

        var why = instead.Count == 0 ? "there is none for this portal."
            : instead.Exists(e => StripeVersion.IsCompatible(e.ApiVersion)) ? "its signing secret is not known here."
            : $"the one that is there is made for version {instead[0].ApiVersion ?? "(the account's default)"}, and this portal reads {StripeVersion.Pinned}.";
        var made = await run.DoAsync(What, instead.Count == 0 ? SyncAct.Create : SyncAct.Replace, $"{url}: {why}", async key =>
        {
            var created = await stripe.WebhookEndpoints.CreateAsync(new() { Url = url.AbsoluteUri, EnabledEvents = [.. handlers.Types], ApiVersion = StripeVersion.Pinned, Description = "BillingPortal" }, key, ct);
            foreach (var old in created is StripeResult<StripeWebhookEndpoint>.Answered ? instead : [])
            {
                await stripe.WebhookEndpoints.UpdateAsync(old.Id, new() { Disabled = true }, $"{key}:{old.Id}", ct);
            }

            return created;
        });
        if (made?.Secret is { } secret)
        {
            // The secrets that were in force stay beside it: what the old endpoint still sends is believed too.
            await settings.ChangeAsync(actor, new() { WebhookSecrets = Wish.Of<IReadOnlyList<string>>([secret, .. settings.InForce.WebhookSecrets!.Take(3)]) }, ct);
        }
    }

    private async Task CheckAsync(SyncRun run, StripeWebhookEndpoint endpoint, CancellationToken ct)
    {
        var missing = endpoint.EnabledEvents.Contains("*") ? [] : handlers.Types.Except(endpoint.EnabledEvents).ToList();
        if (missing.Count == 0 && endpoint.Status != "disabled")
        {
            run.InOrder(What, $"{endpoint.Id}, {endpoint.Url}.");
            return;
        }

        await run.DoAsync(What, SyncAct.Update, $"{endpoint.Id} {(endpoint.Status == "disabled" ? "is disabled" : $"does not send {string.Join(", ", missing)}")}.",
            key => stripe.WebhookEndpoints.UpdateAsync(endpoint.Id, new() { EnabledEvents = [.. endpoint.EnabledEvents.Union(handlers.Types)], Disabled = false }, key, ct));
    }
}
