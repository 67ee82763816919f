namespace BillingPortal.Primitives;

/// <summary>An expected "no", as a value: the reason, and what would help (API.md, Conventions). Nothing was changed.</summary>
/// <param name="Code">The machine-readable reason, with its HTTP status.</param>
/// <param name="Detail">One sentence for a person: what happened, what was not done, what to do.</param>
public sealed record Refusal(ErrorCode Code, string Detail)
{
    public Unit? Unit { get; init; }
    public Amount? Required { get; init; }
    public Amount? Available { get; init; }
    public Amount? Shortfall { get; init; }
    /// <summary>The budget or quota scope that blocked, e.g. <c>agent:x</c>.</summary>
    public string? BlockingScope { get; init; }
    public Affordable? Affordable { get; init; }
    public IReadOnlyList<string>? CheaperModels { get; init; }
    /// <summary>The least plan that would allow it.</summary>
    public string? UpgradePlan { get; init; }
    public string? TopUpUrl { get; init; }
    public DateTimeOffset? ResetsAt { get; init; }
    /// <summary>Field errors of a 400, by field in the body's own spelling.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>A malformed request that names one field.</summary>
    public static Refusal Invalid(string field, string message, ErrorCode? code = null) =>
        new(code ?? ErrorCode.InvalidRequest, message) { Errors = new Dictionary<string, string[]> { [field] = [message] } };
}

/// <summary>What the balance would still pay for: a quantity, or output tokens of the asked model.</summary>
public sealed record Affordable(decimal? Quantity = null, long? OutputTokens = null);
