using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Gating;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Usage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

/// <param name="Thresholds">Percent of each allowance; default 80, 100, 120.</param>
/// <param name="LowBalance">Left, in <paramref name="Unit"/>; null: a tenth of what was put in.</param>
/// <param name="SpendInDay">Spent since midnight UTC, in <paramref name="Unit"/>; null: none.</param>
/// <param name="Unit"><c>credit</c> (default) or a currency.</param>
internal sealed record AlertWishes(IReadOnlyList<int>? Thresholds, Amount? LowBalance, Amount? SpendInDay, Unit? Unit, bool? Projected, bool? ByMail);

/// <summary>What an account was told, and what it wants to be told of.</summary>
internal static class AlertEndpoints
{
    public static RouteGroupBuilder MapAlerts(this RouteGroupBuilder api)
    {
        var account = api.MapGroup("/accounts/{account}").WithTags("Accounts");
        account.MapGet("/alerts", ListAsync).WithName("ListAlerts").WithSummary("Alerts that were raised, newest first: each threshold once in a period").RequireScope(Scope.Read);
        account.MapGet("/alert-settings", SettingsAsync).WithName("GetAlertSettings").WithSummary("What the account wants to be told of").RequireScope(Scope.Read);
        account.MapPut("/alert-settings", ChangeAsync).WithName("PutAlertSettings").WithSummary("Sets it, whole: what is left out goes back to its default").RequireScope(Scope.Accounts);
        return api;
    }

    private static async Task<Results<Ok<ListAnswer<AlertShown>>, ProblemHttpResult>> ListAsync(string account, HttpContext context, AccountDirectory directory, Alerts alerts, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (ListQuery.Read(context.Request, out var page) is { } refusal)
        {
            return refusal.ToProblem();
        }

        var rows = await alerts.ListAsync(id, page.Before, page.Limit, ct);
        return TypedResults.Ok(new ListAnswer<AlertShown>([.. rows.Select(a => AlertShown.Of(a))], page.Next(rows, a => a.Id)));
    }

    private static async Task<Results<Ok<AlertWishes>, ProblemHttpResult>> SettingsAsync(string account, HttpContext context, AccountDirectory directory, Alerts alerts, CancellationToken ct) =>
        await directory.FindAsync(context.Caller(), account, ct) is { } id ? TypedResults.Ok(Shown(await alerts.SettingsAsync(id, ct))) : AccountDirectory.Unknown.ToProblem();

    private static async Task<Results<Ok<AlertWishes>, ProblemHttpResult>> ChangeAsync(string account, AlertWishes body, HttpContext context, AccountDirectory directory, Alerts alerts, CancellationToken ct)
    {
        if (await directory.FindAsync(context.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var usual = new AlertSettings();
        var wanted = new AlertSettings
        {
            AccountId = id,
            Thresholds = body.Thresholds is { } thresholds ? [.. thresholds.Distinct().Order()] : usual.Thresholds,
            LowBalance = body.LowBalance?.Value,
            SpendInDay = body.SpendInDay?.Value,
            Unit = body.Unit?.Code ?? usual.Unit,
            Projected = body.Projected ?? usual.Projected,
            ByMail = body.ByMail ?? usual.ByMail,
        };
        return Alerts.Check(wanted) is { } refusal ? refusal.ToProblem() : TypedResults.Ok(Shown(await alerts.ChangeAsync(wanted, ct)));
    }

    private static AlertWishes Shown(AlertSettings settings) => new(settings.Thresholds, settings.LowBalance is { } low ? Amount.Of(low) : null, settings.SpendInDay is { } spend ? Amount.Of(spend) : null,
        Unit.Of(settings.Unit), settings.Projected, settings.ByMail);
}
