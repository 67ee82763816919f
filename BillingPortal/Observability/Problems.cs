using System.Globalization;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Observability;

/// <summary>The one shape of a "no" over HTTP: RFC 9457 with <c>error_code</c>, <c>request_id</c> and what helps (API.md, Conventions).</summary>
public static class Problems
{
    public const string ContentType = "application/problem+json";

    public static ProblemHttpResult ToProblem(this Refusal refusal) => TypedResults.Problem(refusal.ToProblemDetails());

    /// <summary>The same as a value, for a place inside another body (the results of a batch).</summary>
    public static ProblemDetails ToProblemDetails(this Refusal refusal)
    {
        var problem = ToProblemDetails(refusal.Code, refusal.Detail);
        void Add(string name, object? value)
        {
            if (value is not null)
            {
                problem.Extensions[name] = value;
            }
        }

        Add("unit", refusal.Unit);
        Add("required", refusal.Required);
        Add("available", refusal.Available);
        Add("shortfall", refusal.Shortfall);
        Add("blocking_scope", refusal.BlockingScope);
        Add("affordable", refusal.Affordable);
        Add("cheaper_models", refusal.CheaperModels);
        Add("upgrade_plan", refusal.UpgradePlan);
        Add("top_up_url", refusal.TopUpUrl);
        Add("resets_at", refusal.ResetsAt?.ToUniversalTime());
        Add("errors", refusal.Errors);
        return problem;
    }

    internal static ProblemDetails ToProblemDetails(ErrorCode code, string detail) => new()
    {
        Type = $"urn:billing-portal:error:{code.Name.ToLowerInvariant()}",
        Title = code.Title,
        Status = code.Status,
        Detail = detail,
        Extensions = { ["error_code"] = code.Name },
    };

    /// <summary>The refusal that stands for a bare status, where something answered without a body.</summary>
    internal static Refusal? ForStatus(int status) => status switch
    {
        400 => new(ErrorCode.InvalidRequest, "The request could not be read. Nothing was changed."),
        401 => new(ErrorCode.Unauthenticated, "Send an API key: Authorization: Bearer bp_…"),
        403 => new(ErrorCode.ForbiddenScope, "This credential may not do that."),
        404 => new(ErrorCode.NotFound, "There is nothing at this address."),
        405 => new(ErrorCode.MethodNotAllowed, "This address does not take this method; the Allow header names those it takes."),
        413 => new(ErrorCode.TooLarge, "A request body may have at most 1 MB. Nothing was changed."),
        415 => new(ErrorCode.UnsupportedMediaType, "Send the body as application/json."),
        429 => new(ErrorCode.RateLimited, "Too many requests; try again after the time in Retry-After."),
        503 => new(ErrorCode.DatabaseUnavailable, "The database cannot be reached just now. Try again with the same Idempotency-Key."),
        _ => null,
    };

    /// <summary>Writes a problem as the whole answer, with <c>request_id</c> and, where it makes sense, <c>Retry-After</c>.</summary>
    public static Task WriteProblemAsync(this HttpContext context, Refusal refusal) => context.WriteProblemAsync(refusal.ToProblemDetails());

    internal static async Task WriteProblemAsync(this HttpContext context, ProblemDetails problem)
    {
        var status = problem.Status ?? StatusCodes.Status500InternalServerError;
        problem.Extensions["request_id"] = context.TraceIdentifier;
        problem.Extensions.Remove("traceId"); // the framework's own; request_id says it
        context.Response.StatusCode = status;
        if (context.Response.Headers.RetryAfter.Count == 0 && RetryAfter(context, problem, status) is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        await context.Response.WriteAsJsonAsync(problem, Json.Options, ContentType, context.RequestAborted);
    }

    private static long? RetryAfter(HttpContext context, ProblemDetails problem, int status) => (status, problem.Extensions.TryGetValue("resets_at", out var at) ? at : null) switch
    {
        (StatusCodes.Status503ServiceUnavailable, _) => 1,
        (StatusCodes.Status429TooManyRequests, DateTimeOffset resets) => SecondsUntil(context, resets),
        _ => null,
    };

    /// <summary>Whole seconds from now, at least 1, for a <c>Retry-After</c>.</summary>
    public static long SecondsUntil(HttpContext context, DateTimeOffset at) =>
        Math.Max(1, (long)Math.Ceiling((at - context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow()).TotalSeconds));
}

/// <summary>Lets <see cref="ProblemHttpResult"/> be written our way, whatever the Accept header says: a program that asked for something else still learns why it got nothing.</summary>
internal sealed class ProblemWriter : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) => true;

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        if (!context.ProblemDetails.Extensions.ContainsKey("error_code") && Problems.ForStatus(context.ProblemDetails.Status ?? 0) is { } refusal)
        {
            context.ProblemDetails = refusal.ToProblemDetails();
        }

        await context.HttpContext.WriteProblemAsync(context.ProblemDetails);
    }
}
