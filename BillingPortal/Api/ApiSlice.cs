using BillingPortal.Analytics;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Exports;
using BillingPortal.Gating;
using BillingPortal.Identity;
using BillingPortal.Invoices;
using BillingPortal.Ledger;
using BillingPortal.Outbox;
using BillingPortal.Payments;
using BillingPortal.Purchases;
using BillingPortal.Reconciliation;
using BillingPortal.Subscriptions;
using BillingPortal.Usage;

namespace BillingPortal.Api;

/// <summary>The outside contract's one route group; what is mapped here answers under <c>/api/v1</c>.</summary>
internal static class ApiSlice
{
    public static void MapApi(this WebApplication app)
    {
        var api = app.MapGroup("/api/v1");
        api.MapAudit().MapOutbox().MapAccountsApi().MapAccountReadings().MapAlerts().MapRuns().MapCatalog().MapIdentity().MapPayments().MapLedger()
            .MapSubscriptions().MapPurchases().MapCharging().MapInvoices().MapUsage().MapGating().MapAnalytics().MapReconciliation().MapExports();
        api.MapPaymentsAdmin().MapCases().MapPaymentMethods();
        app.MapHealth();
        app.MapOpenApiAndDocs();
        app.MapKeptMail();
    }
}
