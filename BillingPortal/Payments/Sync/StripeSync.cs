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

    internal StripeSync(IStripeConnection connection, CatalogSnapshot catalog, NpgsqlDataSource database, Tenants tenants, AuditTrail audit, SyncPrices prices, SyncMeters meters, SyncPortal portal, SyncWebhook webhook, SyncEventDestination destination) =>
        (this.connection, this.catalog, this.database, this.tenants, this.audit, this.prices, this.meters, this.portal, this.webhook, this.destination) = (connection, catalog, database, tenants, audit, prices, meters, portal, webhook, destination);

    /// <param name="dryRun">True: says what would be done and does nothing.</param>
    public async Task<Result<SyncReport>> RunAsync(string actor, bool dryRun, CancellationToken ct = default)
    {
        if (connection.Current is { Mode: PaymentsMode.None } or { SecretKey: null })
        {
            return new Refusal(ErrorCode.Conflict, "No key for Stripe is in force. Give one under Settings or by Stripe__SecretKey. Nothing was done.");
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
