using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Admin;
using BillingPortal.Analytics;
using BillingPortal.Api;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Commands;
using BillingPortal.Components;
using BillingPortal.Data;
using BillingPortal.Exports;
using BillingPortal.Gating;
using BillingPortal.Identity;
using BillingPortal.Invoices;
using BillingPortal.Jobs;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Outbox;
using BillingPortal.Payments;
using BillingPortal.Purchases;
using BillingPortal.Rating;
using BillingPortal.Reconciliation;
using BillingPortal.SignIn;
using BillingPortal.Subscriptions;
using BillingPortal.Usage;

// The map: what is added, what is mapped. Each slice says the rest in its own XSlice.cs.
var builder = WebApplication.CreateBuilder(args);

builder.AddData().AddObservability().AddAccess().AddJobs().AddAudit().AddOutbox();
builder.AddAccounts().AddCatalog().AddIdentity().AddPayments().AddRating().AddLedger();
builder.AddSubscriptions().AddPurchases().AddCharging().AddInvoices().AddUsage().AddGating().AddAnalytics().AddReconciliation().AddExports();
builder.AddComponents().AddAdmin().AddApi().AddCommands();

var app = builder.Build();
app.UsePortalPipeline();
app.MapApi();
app.MapStripeWebhook();
app.MapSignIn();
app.MapComponents();
await app.RunCommandAsync(args);
return Environment.ExitCode;
