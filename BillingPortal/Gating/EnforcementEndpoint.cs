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
        api.MapPut("/admin/enforcement", ChangeAsync).WithName("SetEnforcement").WithSummary("Set enforcement for everything, or for one action; mode null gives the decision back.")
            .RequireScope(Scope.Admin).Accepts<EnforcementBodySchema>("application/json").Produces<EnforcementAnswer>().ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, [FromServices] Enforcement enforcement, [FromServices] CatalogSnapshot catalog)
    {
        var (body, malformed) = await RequestBody.ReadAsync<Body>(context, Read);
        if (body is null)
        {
            return malformed!.ToProblem();
        }

        if (body.Action is { } action && catalog.Current.FindAction(action) is null)
        {
            return new Refusal(ErrorCode.UnknownAction, $"The catalog has no action '{action}'. Nothing was changed.").ToProblem();
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
/// <param name="Actions">Actions with a mode of their own.</param>
internal sealed record EnforcementAnswer(EnforcementMode Mode, EnforcementSource Source, IReadOnlyDictionary<string, EnforcementMode> Actions);
