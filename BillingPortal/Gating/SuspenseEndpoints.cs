using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Charges for models that no rate covers, waiting for staff (F6).</summary>
internal static class SuspenseEndpoints
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/admin/suspense", ListAsync).WithName("ListSuspense").WithSummary("Charges without a price, newest first; state open (default), priced or waived.")
            .RequireScope(Scope.Admin).Produces<ListAnswer<SuspenseAnswer>>().ProducesProblem(400);
        api.MapPost("/admin/suspense/{id}/price", PriceAsync).WithName("PriceSuspense").WithSummary("Post the price of a waiting charge: unit and amount, or {} for the rates now in force.")
            .RequireScope(Scope.Admin).Accepts<SuspensePriceSchema>("application/json").Produces<SuspensePriced>().ProducesProblem(400).ProducesProblem(404).ProducesProblem(422);
        api.MapPost("/admin/suspense/{id}/waive", WaiveAsync).WithName("WaiveSuspense").WithSummary("Let a waiting charge go without a price, with a reason.")
            .RequireScope(Scope.Admin).Accepts<SuspenseWaiverSchema>("application/json").Produces(StatusCodes.Status204NoContent).ProducesProblem(400).ProducesProblem(404);
    }

    private static Refusal Unknown { get; } = new(ErrorCode.NotFound, "No such charge waits for a price. Nothing was changed.");

    private static async Task<IResult> ListAsync(HttpContext context, string? state, string? limit, string? cursor, [FromServices] Suspense suspense)
    {
        if (ListQuery.Read(limit, cursor, out var query) is { } refusal)
        {
            return refusal.ToProblem();
        }

        if (state is not (null or "open" or "priced" or "waived"))
        {
            return Refusal.Invalid("state", "Must be open, priced or waived.").ToProblem();
        }

        var rows = await suspense.ListAsync(Enum.Parse<SuspenseState>(state ?? "open", ignoreCase: true), query.Before, query.Limit, context.RequestAborted);
        return TypedResults.Ok(new ListAnswer<SuspenseAnswer>([.. rows.Select(SuspenseAnswer.Of)], query.Next(rows, row => row.ChargeId)));
    }

    private static async Task<IResult> PriceAsync(HttpContext context, string id, [FromServices] Suspense suspense)
    {
        var (body, malformed) = await RequestBody.ReadAsync<PriceBody>(context, ReadPrice);
        if (body is null)
        {
            return malformed!.ToProblem();
        }

        if (!ChargeId.TryParse(id, out var charge))
        {
            return Unknown.ToProblem();
        }

        var (priced, refusal) = await suspense.PriceAsync(context.Caller().Actor, charge, body.Price, context.RequestAborted);
        return priced is { } by ? TypedResults.Ok(new SuspensePriced(id, by.ToString())) : refusal!.ToProblem();
    }

    private static async Task<IResult> WaiveAsync(HttpContext context, string id, [FromServices] Suspense suspense)
    {
        var (body, malformed) = await RequestBody.ReadAsync<WaiverBody>(context, ReadWaiver);
        if (body is null)
        {
            return malformed!.ToProblem();
        }

        var refusal = ChargeId.TryParse(id, out var charge) ? await suspense.WaiveAsync(context.Caller().Actor, charge, body.Reason, context.RequestAborted) : Unknown;
        return refusal is null ? TypedResults.NoContent() : refusal.ToProblem();
    }

    private static PriceBody? ReadPrice(ref Utf8JsonReader json, FieldErrors errors)
    {
        Unit? unit = null;
        Amount? amount = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "unit": unit = BodyValues.UnitOf(ref json, field, errors); break;
                case "amount": amount = BodyValues.Quantity(ref json, field, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        if (!errors.Any && unit is null != amount is null)
        {
            errors.Add(unit is null ? "unit" : "amount", "Unit and amount go together; without both the rates in force decide.");
        }

        return errors.Any ? null : new(unit is { } of ? new UnitAmount(of, amount!.Value) : null);
    }

    private static WaiverBody? ReadWaiver(ref Utf8JsonReader json, FieldErrors errors)
    {
        string? reason = null;
        var fields = new BodyFields(errors);
        while (fields.Next(ref json, out var field))
        {
            switch (field)
            {
                case "reason": reason = BodyValues.Text(ref json, field, StaffBodies.LongestReason, errors); break;
                default: BodyFields.Unknown(ref json, field, errors); break;
            }
        }

        fields.Require("reason", reason);
        return errors.Any ? null : new(reason!);
    }

    private sealed record PriceBody(UnitAmount? Price);

    private sealed record WaiverBody(string Reason);
}

internal sealed record SuspensePriceSchema(Unit? Unit, Amount? Amount);

internal sealed record SuspenseWaiverSchema(string Reason);

/// <param name="PricedBy">The charge that took the price.</param>
internal sealed record SuspensePriced(string Charge, string PricedBy);

internal sealed record SuspenseAnswer(string Charge, string Account, DateTimeOffset CreatedAt, string? Provider, string Model, long Tokens, SuspenseState State, DateTimeOffset? SettledAt, string? SettledBy, string? PricedBy)
{
    public static SuspenseAnswer Of(SuspenseCharge row) => new(row.ShownId.ToString(), row.AccountId.ToString(), row.CreatedAt, row.Provider, row.Model, row.Tokens, row.State, row.SettledAt, row.SettledBy,
        row.PricedBy is { } by ? new ChargeId(row.AccountId, by).ToString() : null);
}
