using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Payments.Sync;

/// <summary>Brings the account at Stripe to what the catalog sells and this portal needs: products, prices, meters, Stripe's own portal, the webhook endpoint and the destination of thin events. A second run changes nothing.</summary>
public sealed class StripeSync
{
    private readonly StripeClient stripe;
    private readonly IStripeConnection connection;
    private readonly CatalogSnapshot catalog;
    private readonly NpgsqlDataSource database;
    private readonly Tenants tenants;
    private readonly AuditTrail audit;
    private readonly SyncPrices prices;
    private readonly SyncMeters meters;
    private readonly SyncPortal portal;
    private readonly SyncWebhook webhook;
    private readonly SyncEventDestination destination;

    internal StripeSync(StripeClient stripe, IStripeConnection connection, CatalogSnapshot catalog, NpgsqlDataSource database, Tenants tenants, AuditTrail audit, SyncPrices prices, SyncMeters meters, SyncPortal portal, SyncWebhook webhook, SyncEventDestination destination) =>
        (this.stripe, this.connection, this.catalog, this.database, this.tenants, this.audit, this.prices, this.meters, this.portal, this.webhook, this.destination) = (stripe, connection, catalog, database, tenants, audit, prices, meters, portal, webhook, destination);

    /// <param name="dryRun">True: says what would be done and does nothing.</param>
    public async Task<Result<SyncReport>> RunAsync(string actor, bool dryRun, CancellationToken ct = default)
    {
        if (connection.Current is { Mode: PaymentsMode.None } or { SecretKey: null })
        {
            return new Refusal(ErrorCode.Conflict, "No key for Stripe is in force. Give one under Settings or by Stripe__SecretKey. Nothing was done.");
        }

        if (connection.Current is { Mode: PaymentsMode.Simulator, ApiBase: null })
        {
            return new Refusal(ErrorCode.Conflict, "Payments go to the built-in simulator, which lives in the running portal and makes what it lacks at the first purchase. For Stripe, give a secret key under Settings or by Stripe__SecretKey. Nothing was done.");
        }

        // One question first, so that a wrong key is told once and not for each thing that Stripe must have.
        if (!(await stripe.Events.ListAsync(new() { Limit = 1 }, ct)).TryGet(out _, out var error))
        {
            return new Refusal(ErrorCode.Conflict, $"Stripe cannot be asked: {error.Message.TrimEnd('.')}. Nothing was done; the doctor says how to mend it.");
        }

        await using var turn = await CustomerTurn.TryTakeAsync(database, "sync", ct);
        if (turn is null)
        {
            return new Refusal(ErrorCode.Conflict, "Another sync is running. Nothing was done.");
        }

        var run = new SyncRun(dryRun);
        await prices.RunAsync(run, catalog.Current, ct);
        await meters.RunAsync(run, catalog.Current, ct);
        await portal.RunAsync(run, actor, ct);
        await webhook.RunAsync(run, actor, ct);
        await destination.RunAsync(run, catalog.Current, actor, ct);
        var report = run.Report;
        if (!dryRun && report.Changes > 0)
        {
            await using var scope = await tenants.ForStaffAsync(ct);
            audit.Record(scope, actor, "stripe.synced", "stripe", after: report.Steps.Where(s => s.IsChange).Select(s => new { s.What, s.Act, s.Detail }));
            await scope.CommitAsync(ct);
        }

        return report;
    }
}
