using System.Diagnostics;
using BillingPortal.Accounts;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Commands.Demo;

/// <summary>Fills an empty portal with forty customers and ninety days of their history, so that the first start in Development shows a living product.</summary>
/// <remarks>Every row is posted by the ledger's own rules, as of an instant of the past, in one transaction: all of it is there or nothing. The accounts carry the metadata <c>demo=true</c>.</remarks>
internal sealed partial class DemoData(Tenants tenants, Ledger.Ledger ledger, CatalogSnapshot catalog, AuditTrail audit, TimeProvider time, ILogger<DemoData> log)
{
    private const string Metadata = """{"demo": "true"}""";

    // What the demo customers buy and use; another catalog is shown without them.
    private static readonly string[] Plans = ["standard", "pro", "enterprise"];
    private static readonly string[] Meters = ["messages", "tokens"];

    /// <summary>Makes the demo data unless somebody has been charged or granted something already, or another product's catalog is in force.</summary>
    /// <returns>How many customers were made; null where it had no place.</returns>
    public async Task<int?> MakeAsync(CancellationToken ct)
    {
        var document = catalog.Current;
        if (Plans.Any(p => document.FindPlan(p) is null) || Meters.Any(m => document.FindMeter(m) is null))
        {
            return null;
        }

        var watch = Stopwatch.StartNew();
        await using var scope = await tenants.ForWriterAsync(ct);
        await scope.Db.Database.ExecuteSqlAsync($"lock table accounts in share row exclusive mode", ct);
        if (await scope.Db.Set<LedgerHead>().AnyAsync(ct))
        {
            return null;
        }

        var now = time.Now();
        var steps = await OpenAccountsAsync(scope, document, now, ct);
        var taken = 0;
        foreach (var moment in steps.GroupBy(s => s.At).OrderBy(m => m.Key))
        {
            taken += await PostAsync(scope, [.. moment.Select(s => s.Operation)], moment.Key, ct);
        }

        // Borders that nobody crossed by doing something are crossed too.
        await PostAsync(scope, [.. steps.Select(s => s.Operation.Account).Distinct().Select(a => new AdvanceOperation(a))], now, ct);
        taken += await ReserveAsync(scope, now, ct);
        audit.Record(scope, "system:start", "demo.made", $"{DemoCustomer.All.Count} demo accounts");
        await scope.CommitAsync(ct);
        LogMade(DemoCustomer.All.Count, taken, watch.Elapsed.TotalSeconds);
        return DemoCustomer.All.Count;
    }

    private static async Task<List<(DateTimeOffset At, Operation Operation)>> OpenAccountsAsync(TenantScope scope, CatalogDocument document, DateTimeOffset now, CancellationToken ct)
    {
        var steps = new List<(DateTimeOffset At, Operation Operation)>();
        var ids = DemoCustomer.All.Select(c => c.ExternalId).ToArray();
        var there = await scope.Db.Set<Account>().Where(a => ids.Contains(a.ExternalId)).ToListAsync(ct);
        foreach (var customer in DemoCustomer.All)
        {
            // The one-click customer's account is made with their user.
            var account = there.Find(a => a.ExternalId == customer.ExternalId) ?? new Account { AccountId = AccountId.New(), ExternalId = customer.ExternalId, CreatedAt = now.AddDays(-customer.Days) };
            (account.Name, account.Email, account.Currency, account.Metadata) = (customer.Name, customer.Email, document.Currency, Metadata);
            if (!there.Contains(account))
            {
                scope.Db.Add(account);
            }

            steps.AddRange(DemoHistory.Of(customer, account.AccountId, document, now));
        }

        await scope.Db.SaveChangesAsync(ct);
        return steps;
    }

    /// <summary>Opens the one-click customer's holds, after all that came before, and captures the last.</summary>
    private async Task<int> ReserveAsync(TenantScope scope, DateTimeOffset now, CancellationToken ct)
    {
        var ada = await scope.Db.Set<Account>().Where(a => a.ExternalId == DemoCustomer.Ada).Select(a => a.AccountId).SingleAsync(ct);
        var holds = DemoHolds.Of(ada);
        var taken = await PostAsync(scope, holds, now, ct);
        return holds[^1].Hold is { } done ? taken + await PostAsync(scope, [DemoHolds.Capture(done)], now, ct) : taken;
    }

    private async Task<int> PostAsync(TenantScope scope, Operation[] operations, DateTimeOffset at, CancellationToken ct) =>
        (await ledger.PostAtAsync(scope, operations, at, ct)).Count(result => result is PostResult.Posted);

    [LoggerMessage(1201, LogLevel.Information, "Made {Customers} demo customers with {Operations} operations in {Seconds:0.0} s")]
    private partial void LogMade(int customers, int operations, double seconds);
}

/// <summary>The first start in Development shows a living product, unless <c>Demo:Enabled</c> is false.</summary>
internal sealed class DemoStart(DemoData demo, IConfiguration configuration, IHostEnvironment environment) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (environment.IsDevelopment() && configuration.GetValue("Demo:Enabled", true))
        {
            await demo.MakeAsync(cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
