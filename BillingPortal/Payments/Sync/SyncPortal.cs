using BillingPortal.Payments.Settings;
using BillingPortal.Payments.Stripe;

namespace BillingPortal.Payments.Sync;

/// <summary>What Stripe's own portal offers: cards, invoices, billing details, and cancelling at the period's end. Changing plans stays here, where it is previewed and counts what was used.</summary>
internal sealed class SyncPortal(StripeClient stripe, StripeSettings settings, IConfiguration configuration)
{
    private const string What = "portal configuration";
    private static readonly Dictionary<string, string> Ours = new() { ["made_by"] = "billing-portal" };

    private static readonly StripePortalFeatures Wanted = new()
    {
        InvoiceHistory = new(true),
        PaymentMethodUpdate = new(true),
        CustomerUpdate = new(true, ["address", "name", "tax_id"]),
        SubscriptionCancel = new(true, "at_period_end"),
        SubscriptionUpdate = new(false),
    };

    public async Task RunAsync(SyncRun run, string actor, CancellationToken ct)
    {
        if (!(await stripe.PortalConfigurations.ListAsync(ct)).TryGet(out var there, out var error))
        {
            run.Failed(What, error);
            return;
        }

        var known = settings.InForce.PortalConfiguration;
        var found = there.Data.FirstOrDefault(c => c.Id == known) ?? there.Data.FirstOrDefault(c => c.Metadata.GetValueOrDefault("made_by") == Ours["made_by"]);
        var returnUrl = configuration["Portal:PublicUrl"]?.Trim().TrimEnd('/') is { Length: > 0 } url ? $"{url}/portal/plan" : null;
        var options = new StripePortalConfigurationOptions { Features = Wanted, DefaultReturnUrl = returnUrl, Metadata = Ours };
        if (found is null)
        {
            found = await run.DoAsync(What, SyncAct.Create, "cards, invoices, billing details, cancelling at the period's end.", key => stripe.PortalConfigurations.CreateAsync(options, key, ct));
        }
        else if (!found.Features.OffersSameAs(Wanted) || (returnUrl is not null && found.DefaultReturnUrl != returnUrl))
        {
            await run.DoAsync(What, SyncAct.Update, $"{found.Id} offers something else, or leads back elsewhere.", key => stripe.PortalConfigurations.UpdateAsync(found.Id, options, key, ct));
        }
        else if (found.Id == known)
        {
            run.InOrder(What, $"{found.Id}.");
        }
        else
        {
            await run.DoAsync(What, SyncAct.Update, $"{found.Id} is there and not in use here.", _ => Task.FromResult<StripeResult<StripePortalConfiguration>>(found));
        }

        if (found is not null && !run.Report.DryRun && found.Id != known)
        {
            await settings.ChangeAsync(actor, new() { PortalConfiguration = found.Id }, ct);
        }
    }
}
