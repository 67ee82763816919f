using System.Globalization;
using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Enforcement by a gateway, without touching the product (E10): everything in headers, the answer a bare status.</summary>
/// <remarks>nginx's <c>auth_request</c> passes on only 2xx, 401 and 403, and no body: with <c>X-Billing-Gateway: nginx</c> a refusal answers 403, its true status stands in <c>X-Billing-Status</c>
/// and its body in <c>X-Billing-Problem</c>. Envoy passes on all: with <c>envoy</c> a refusal has its problem as the body (deploy/nginx, deploy/envoy).</remarks>
internal static class GatewayEndpoint
{
    private const string Prefix = "X-Billing-";

    public static void Map(RouteGroupBuilder api)
    {
        Describe(api.MapGet("/gateway/authorize", AuthorizeAsync).WithName("AuthorizeGateway"));
        Describe(api.MapPost("/gateway/authorize", AuthorizeAsync).WithName("AuthorizeGatewayByPost"));
    }

    private static void Describe(RouteHandlerBuilder endpoint) => endpoint.WithSummary("Check or charge by headers, for nginx's auth_request and Envoy's ext_authz.")
        .RequireScope(Scope.Gate).Produces(StatusCodes.Status200OK).Produces(402).ProducesProblem(400).Produces(403).Produces(429);

    private static async Task<IResult> AuthorizeAsync(HttpContext context, [AsParameters] GatewayHeaders headers, [FromServices] Charges charges, [FromServices] StandingAccounts standing,
        [FromServices] AccountDirectory accounts, [FromServices] Enforcement enforcement, [FromServices] Refusals refusals, [FromServices] GatingMetrics metrics)
    {
        if (Read(headers, out var request) is { } malformed)
        {
            return headers.Gateway == "nginx" ? Refuse(context, headers, malformed) : malformed.ToProblem();
        }

        var mode = headers.Charge ?? "check";
        if (mode is not ("check" or "charge"))
        {
            return Refusal.Invalid(Prefix + "Charge", "Must be check or charge.").ToProblem();
        }

        if (mode == "check")
        {
            return await CheckAsync(context, headers, request, standing, accounts, enforcement, refusals);
        }

        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        var outcome = await charges.TakeAsync(context.Caller(), request, key);
        if (outcome.Refusal is { } refusal)
        {
            refusals.Note(outcome.Account, request, refusal);
            return Refuse(context, headers, refusal);
        }

        metrics.Charged(outcome.Taken!);
        refusals.NoteTaken(outcome.Account, request, outcome.Taken!);
        context.Response.Headers[Prefix + "Charge-Id"] = outcome.Taken!.Charge.ShownId.ToString();
        return Results.Ok();
    }

    private static async Task<IResult> CheckAsync(HttpContext context, GatewayHeaders headers, ChargeRequest request, StandingAccounts standing, AccountDirectory accounts, Enforcement enforcement, Refusals refusals)
    {
        var (judged, refused) = await CheckEndpoints.JudgeAsync(context.Caller(), request, standing, accounts);
        if (judged is null)
        {
            return Refuse(context, headers, refused!);
        }

        var mode = enforcement.ModeOf(request.Subject);
        var refusal = mode == Ledger.EnforcementMode.Enforce ? judged.Decision.Refusal : null;
        refusals.NoteCheck(judged.Account, request, judged.Decision.Refusal, mode);
        return refusal is null ? Results.Ok() : Refuse(context, headers, refusal);
    }

    private static IResult Refuse(HttpContext context, GatewayHeaders sent, Refusal refusal)
    {
        var headers = context.Response.Headers;
        headers[Prefix + "Status"] = refusal.Code.Status.ToString(CultureInfo.InvariantCulture);
        headers[Prefix + "Error-Code"] = refusal.Code.Name;
        Add("Unit", refusal.Unit?.Code);
        Add("Required", refusal.Required?.ToString());
        Add("Available", refusal.Available?.ToString());
        Add("Shortfall", refusal.Shortfall?.ToString());
        Add("Blocking-Scope", refusal.BlockingScope);
        Add("Affordable-Quantity", refusal.Affordable?.Quantity?.ToString(CultureInfo.InvariantCulture));
        Add("Affordable-Output-Tokens", refusal.Affordable?.OutputTokens?.ToString(CultureInfo.InvariantCulture));
        Add("Cheaper-Models", refusal.CheaperModels is { Count: > 0 } models ? string.Join(',', models.Where(m => m.All(char.IsAscii))) : null);
        Add("Top-Up-Url", refusal.WithTopUp(context).TopUpUrl);
        Add("Upgrade-Plan", refusal.UpgradePlan);
        Add("Resets-At", refusal.ResetsAt?.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        if (refusal is { Code.Status: StatusCodes.Status429TooManyRequests, ResetsAt: { } resetsAt })
        {
            headers.RetryAfter = Problems.SecondsUntil(context, resetsAt).ToString(CultureInfo.InvariantCulture);
        }

        if (refusal.Code.Status >= StatusCodes.Status500InternalServerError || sent.Gateway == "envoy")
        {
            return refusal.ToProblem();
        }

        if (sent.Gateway == "nginx")
        {
            var problem = refusal.ToProblemDetails();
            problem.Extensions["request_id"] = context.TraceIdentifier;
            headers[Prefix + "Problem"] = JsonSerializer.Serialize(problem, Json.Options); // escaped to ASCII, as a header must be
        }

        if (context.Features.Get<IStatusCodePagesFeature>() is { } pages)
        {
            pages.Enabled = false; // the body stays empty
        }

        return Results.StatusCode(sent.Gateway == "nginx" ? StatusCodes.Status403Forbidden : refusal.Code.Status);

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                headers[Prefix + name] = value;
            }
        }
    }

    private static Refusal? Read(GatewayHeaders sent, out ChargeRequest request)
    {
        var errors = new FieldErrors();
        string? Text(string name, string? value)
        {
            if (value is not null && (value.Length is 0 or > 200 || BodyValues.HasControl(value)))
            {
                errors.Add(Prefix + name, "Must be 1 to 200 characters without control characters.");
            }

            return value;
        }

        var (account, action, meter, quantity) = (Text("Account", sent.Account), Text("Action", sent.Action), Text("Meter", sent.Meter), sent.Quantity);
        var amount = Amount.Of(1m);
        if (quantity is not null && !(decimal.TryParse(quantity, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && Amount.TryOf(value, out amount) && amount is { IsPositive: true, IsWithinRequestLimit: true }))
        {
            errors.AddAmount(Prefix + "Quantity", "Must be above zero, at most 1,000,000,000, with at most six decimals.");
        }

        if (account is null)
        {
            errors.Add(Prefix + "Account", "Is required.");
        }

        if (action is null == meter is null)
        {
            errors.Add(Prefix + "Action", "Name exactly one of X-Billing-Action and X-Billing-Meter.");
        }

        var subject = new ChargeSubject { Action = action, Meter = meter, Quantity = amount.Value, Model = Text("Model", sent.Model), Provider = Text("Provider", sent.Provider), Tool = Text("Tool", sent.Tool) };
        request = new(subject) { Account = account ?? "" };
        return errors.Any ? errors.ToRefusal() : null;
    }
}

/// <summary>What a gateway says in headers.</summary>
internal sealed record GatewayHeaders
{
    [FromHeader(Name = "X-Billing-Account")] public string? Account { get; init; }
    [FromHeader(Name = "X-Billing-Action")] public string? Action { get; init; }
    [FromHeader(Name = "X-Billing-Meter")] public string? Meter { get; init; }
    [FromHeader(Name = "X-Billing-Model")] public string? Model { get; init; }
    [FromHeader(Name = "X-Billing-Provider")] public string? Provider { get; init; }
    [FromHeader(Name = "X-Billing-Tool")] public string? Tool { get; init; }
    [FromHeader(Name = "X-Billing-Quantity")] public string? Quantity { get; init; }

    /// <summary><c>check</c> (default) or <c>charge</c>.</summary>
    [FromHeader(Name = "X-Billing-Charge")] public string? Charge { get; init; }

    /// <summary><c>nginx</c> where only 2xx, 401 and 403 may be answered, <c>envoy</c> where a refusal's body is passed on.</summary>
    [FromHeader(Name = "X-Billing-Gateway")] public string? Gateway { get; init; }
}
