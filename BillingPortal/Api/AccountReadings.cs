using System.Globalization;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Gating;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

/// <summary>What an account holds, used and may do. A first reading opens its ledger: default plan, free uses, allowances (B2).</summary>
internal static class AccountReadings
{
    private const int UsualRows = 50;
    private const int MostRows = 200;

    public static RouteGroupBuilder MapAccountReadings(this RouteGroupBuilder api)
    {
        var account = api.MapGroup("/accounts/{account}").WithTags("Accounts").RequireScope(Scope.Read);
        account.MapGet("/billing-status", StatusAsync).WithName("GetBillingStatus").WithSummary("Plan, allowances with use, wallets and enforcement in one call");
        account.MapGet("/wallets", WalletsAsync).WithName("GetWallets").WithSummary("Balances with the grants they are made of and the newest anchor of their chain; makes an account at first sight");
        account.MapGet("/ledger", LedgerAsync).WithName("ListTransfers").WithSummary("Every movement, newest first; filters unit, kind, from, to");
        account.MapGet("/quotas", QuotasAsync).WithName("ListQuotas").WithSummary("The plan's allowances with their use");
        account.MapGet("/entitlements", EntitlementsAsync).WithName("GetEntitlements").WithSummary("What the plan includes");
        return api;
    }

    private static async Task<Results<Ok<BillingStatus>, ProblemHttpResult>> StatusAsync(
        string account, HttpContext context, AccountDirectory directory, AccountRegister register, LedgerReads reads, CatalogSnapshot catalog, Enforcement enforcement, CancellationToken ct)
    {
        if (await directory.OpenAsync(context.Caller(), account, ct) is not { } id || await register.ReadAsync(id, ct) is not { } known)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var standing = await reads.StandingAsync(id, ct);
        var wallets = await reads.WalletsAsync(id, ct);
        var plan = standing.PlanIn(catalog.Current);
        return TypedResults.Ok(new BillingStatus(
            id.ToString(), known.ExternalId, plan.Id, plan.Name, standing.Status, standing.GraceUntil, standing.PeriodStart, standing.PeriodEnd,
            QuotaShown.Of(catalog.Current, plan, standing, wallets, await reads.LevelsAsync(id, ct)), [.. wallets.Select(WalletShown.Of)],
            Available(wallets, Unit.FreeUse), Available(wallets, Unit.Credit), standing.TotalUses, enforcement.Mode));
    }

    private static async Task<Results<Ok<WalletList>, ProblemHttpResult>> WalletsAsync(string account, HttpContext context, AccountDirectory directory, LedgerReads reads, CancellationToken ct)
    {
        if (await directory.OpenAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var wallets = await reads.WalletsAsync(id, ct);
        var anchors = (await reads.NewestAnchorsAsync(id, ct)).ToDictionary(a => a.Unit);
        return TypedResults.Ok(new WalletList([.. wallets.Select(w => WalletShown.Of(w, anchors.GetValueOrDefault(w.Unit)))]));
    }

    private static async Task<Results<Ok<QuotaList>, ProblemHttpResult>> QuotasAsync(
        string account, HttpContext context, AccountDirectory directory, LedgerReads reads, CatalogSnapshot catalog, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var standing = await reads.StandingAsync(id, ct);
        return TypedResults.Ok(new QuotaList(QuotaShown.Of(catalog.Current, standing.PlanIn(catalog.Current), standing, await reads.WalletsAsync(id, ct), await reads.LevelsAsync(id, ct))));
    }

    private static async Task<Results<Ok<EntitlementsShown>, ProblemHttpResult>> EntitlementsAsync(
        string account, HttpContext context, AccountDirectory directory, LedgerReads reads, CatalogSnapshot catalog, CancellationToken ct) =>
        await directory.FindAsync(context.Caller(), account, ct) is { } id
            ? TypedResults.Ok(EntitlementsShown.Of(catalog.Current, await reads.StandingAsync(id, ct)))
            : AccountDirectory.Unknown.ToProblem();

    private static async Task<Results<Ok<ListAnswer<TransferShown>>, ProblemHttpResult>> LedgerAsync(
        string account, HttpContext context, AccountDirectory directory, LedgerReads reads, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (LedgerQuery.Read(context.Request.Query, out var filter) is { } refusal)
        {
            return refusal.ToProblem();
        }

        var rows = UsualRows;
        if (context.Request.Query["limit"] is [{ } limit, ..] && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out rows) || rows is < 1 or > MostRows))
        {
            return Refusal.Invalid("limit", "Must be a whole number from 1 to 200.").ToProblem();
        }

        try
        {
            var page = await reads.TransfersAsync(id, filter, context.Request.Query["cursor"] is [{ Length: > 0 } cursor, ..] ? cursor : null, rows, ct);
            return TypedResults.Ok(new ListAnswer<TransferShown>([.. page.Rows.Select(TransferShown.Of)], page.NextCursor));
        }
        catch (FormatException)
        {
            return Refusal.Invalid("cursor", "Must be a next_cursor of this list.").ToProblem();
        }
    }

    private static Amount Available(IReadOnlyList<WalletView> wallets, Unit unit) => wallets.FirstOrDefault(w => w.Unit == unit)?.Available ?? Amount.Zero;
}
