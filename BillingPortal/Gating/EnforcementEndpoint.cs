using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>The kill switch (B8): whether charges may be refused, for everything or for one action.</summary>
internal static class EnforcementEndpoint
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/admin/enforcement", (Enforcement enforcement) => TypedResults.Ok(Show(enforcement)))
            .WithName("GetEnforcement").WithSummary("The mode in force, and who decided it.").RequireScope(Scope.Admin);
        api.MapGet("/admin/enforcement/observed", ObservedAsync).WithName("ListObserved").WithSummary("What enforcing would have refused: by code and action, over time, and each; from, to (the last day).")
            .RequireScope(Scope.Admin).Produces<ObservedAnswer>().ProducesProblem(400);
        api.MapPut("/admin/enforcement", ChangeAsync).WithName("SetEnforcement").WithSummary("Set enforcement for everything, or for one action or meter; mode null gives the decision back.")
            .RequireScope(Scope.Admin).Accepts<EnforcementBodySchema>("application/json").Produces<EnforcementAnswer>().ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<IResult> ObservedAsync(HttpContext context, string? from, string? to, string? limit, string? cursor, [FromServices] Observations observations, [FromServices] TimeProvider time)
    {
        var until = time.GetUtcNow();
        if (ListQuery.Read(limit, cursor, out var query) is { } wrong)
        {
            return wrong.ToProblem();
        }

        if ((to is not null && !TryInstant(to, out until)) || !TryInstant(from, out var since, until.AddDays(-1)))
        {
            return Refusal.Invalid("from", "from and to are times as in RFC 3339, e.g. 2026-11-20T12:00:00Z.").ToProblem();
        }

        if (since >= until || until - since > Observations.Longest)
        {
            return Refusal.Invalid("from", "The stretch of time begins before it ends, and has at most 92 days.").ToProblem();
        }

        // In this order: what is listed is in the totals, also of what comes in meanwhile.
        var rows = await observations.ListAsync(new(since, until), query.Before, query.Limit, context.RequestAborted);
        var totals = await observations.TotalsAsync(new(since, until), context.RequestAborted);
        return TypedResults.Ok(new ObservedAnswer(
            [.. totals.GroupBy(t => (t.ErrorCode, t.Subject)).Select(g => new ObservedTotal(g.Key.ErrorCode, g.Key.Subject, g.Sum(t => t.Times))).OrderByDescending(t => t.Times)],
            [.. totals.GroupBy(t => (t.At, t.ErrorCode)).Select(g => new ObservedPoint(g.Key.At, g.Key.ErrorCode, g.Sum(t => t.Times))).OrderBy(t => t.At)],
            [.. rows.Select(ObservedRow.Of)], query.Next(rows, row => row.Id)));
    }

    private static bool TryInstant(string? text, out DateTimeOffset instant, DateTimeOffset otherwise = default)
    {
        instant = otherwise;
        return text is null || (DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out instant) && instant.Year is > 2000 and < 2200);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, [FromServices] Enforcement enforcement, [FromServices] CatalogSnapshot catalog)
    {
        var (body, malformed) = await RequestBody.ReadAsync<Body>(context, Read);
        if (body is null)
        {
            return malformed!.ToProblem();
        }

        if (body.Action is { } action && catalog.Current.FindAction(action) is null && catalog.Current.FindMeter(action) is null)
        {
            return new Refusal(ErrorCode.UnknownAction, $"The catalog has no action or meter '{action}'. Nothing was changed.").ToProblem();
        }

        await enforcement.ChangeAsync(context.Caller().Actor, body.Mode, body.Action, context.RequestAborted);
        return TypedResults.Ok(Show(enforcement));
    }

    private static EnforcementAnswer Show(Enforcement enforcement) => new(enforcement.Mode, enforcement.Source, enforcement.OfActions);

    private static Body? Read(ref Utf8JsonReader json, FieldErrors errors)
    {
        EnforcementMode? mode = null;
        string? action = null;
        var hasMode = false;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "mode":
                    hasMode = true;
                    mode = ReadMode(ref json, errors);
                    break;
                case "action": action = BodyValues.Text(ref json, field, 100, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("mode", hasMode ? "" : null);
        return new(mode, action);
    }

    private static EnforcementMode? ReadMode(ref Utf8JsonReader json, FieldErrors errors)
    {
        switch (BodyValues.Text(ref json, "mode", 20, errors))
        {
            case null: return null;
            case "enforce": return EnforcementMode.Enforce;
            case "observe": return EnforcementMode.Observe;
            case "off": return EnforcementMode.Off;
            default:
                errors.Add("mode", "Must be enforce, observe or off.");
                return null;
        }
    }

    private sealed record Body(EnforcementMode? Mode, string? Action);
}

/// <param name="Source">Who decided the mode: <c>admin</c>, <c>configuration</c> or <c>default</c>.</param>
/// <param name="Actions">Actions and meters with a mode of their own.</param>
internal sealed record EnforcementAnswer(EnforcementMode Mode, EnforcementSource Source, IReadOnlyDictionary<string, EnforcementMode> Actions);

/// <param name="Totals">Most first.</param>
/// <param name="Series">By the hour, up to a week, else by the day.</param>
internal sealed record ObservedAnswer(IReadOnlyList<ObservedTotal> Totals, IReadOnlyList<ObservedPoint> Series, IReadOnlyList<ObservedRow> Data, string? NextCursor);

internal sealed record ObservedTotal(string ErrorCode, string Subject, long Times);

internal sealed record ObservedPoint(DateTimeOffset At, string ErrorCode, long Times);

internal sealed record ObservedRow(string Account, DateTimeOffset CreatedAt, string ErrorCode, string? Subject, string? Model, string? Member, string? Agent, string? Run, int Times)
{
    public static ObservedRow Of(CheckRecord row) => new(row.AccountId.ToString(), row.CreatedAt, row.ErrorCode ?? "", row.Subject, row.Model, row.Member, row.Agent, row.Run, row.Times);
}
