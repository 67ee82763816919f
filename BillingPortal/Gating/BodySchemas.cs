using BillingPortal.Primitives;

namespace BillingPortal.Gating;

// The shapes of bodies that are read by hand, for the API's description of itself.

/// <summary>One of four forms: <c>action</c>; <c>meter</c>; <c>model</c> with <c>tokens</c>; <c>unit</c> with <c>amount</c>.</summary>
internal record ChargeBodySchema(string Account, string? Action, string? Meter, decimal? Quantity, string? Provider, string? Model, string? Tool, bool? Byok, TokensSchema? Tokens,
    Unit? Unit, Amount? Amount, string? Reason, string? Outcome, string? Member, string? Agent, string? Run, string? Feature, IReadOnlyDictionary<string, string>? Metadata, DateTimeOffset? OccurredAt);

/// <summary>No token is counted in two of them: <c>input</c> without those read from or written to a cache, <c>output</c> without those of reasoning.</summary>
internal sealed record TokensSchema(long? Input, long? Output, long? CachedInput, long? CacheWrite = null, long? Reasoning = null);

internal sealed record BatchBodySchema(IReadOnlyList<BatchItemSchema> Charges);

internal sealed record BatchItemSchema(string Account, string? Action, string? Meter, decimal? Quantity, string? Provider, string? Model, string? Tool, bool? Byok, TokensSchema? Tokens,
    Unit? Unit, Amount? Amount, string? Reason, string? Outcome, string? Member, string? Agent, string? Run, string? Feature, IReadOnlyDictionary<string, string>? Metadata,
    DateTimeOffset? OccurredAt, string IdempotencyKey)
    : ChargeBodySchema(Account, Action, Meter, Quantity, Provider, Model, Tool, Byok, Tokens, Unit, Amount, Reason, Outcome, Member, Agent, Run, Feature, Metadata, OccurredAt);

internal sealed record RefundBodySchema(IReadOnlyList<RefundPartSchema>? Funding, string Reason);

internal sealed record RefundPartSchema(Unit Unit, Amount Amount);

internal sealed record GrantBodySchema(string Account, Amount Amount, Unit? Unit, string Reason, DateTimeOffset? ExpiresAt, string? Source);

internal sealed record AdjustmentBodySchema(string Account, Unit Unit, Amount Amount, string Reason);

/// <param name="Scope"><c>agent:x</c>, <c>member:y</c>, <c>run:z</c>, or with <c>*</c> each one apart.</param>
internal sealed record BudgetBodySchema(string Scope, Unit Unit, Amount Limit, Ledger.BudgetWindow Window);

internal sealed record EnforcementBodySchema(string? Mode, string? Action);

internal sealed record HoldBodySchema(string Account, string? Action, string? Meter, decimal? Quantity, string? Provider, string? Model, string? Tool, bool? Byok, TokensSchema? Tokens,
    Unit? Unit, Amount? Amount, string? Reason, string? Outcome, string? Member, string? Agent, string? Run, string? Feature, IReadOnlyDictionary<string, string>? Metadata,
    DateTimeOffset? OccurredAt, int? ExpiresIn, string? OnExpiry)
    : ChargeBodySchema(Account, Action, Meter, Quantity, Provider, Model, Tool, Byok, Tokens, Unit, Amount, Reason, Outcome, Member, Agent, Run, Feature, Metadata, OccurredAt);

/// <summary>What was done, as in a charge; or a quantity or tokens alone, for what the hold was made for; or an amount in the unit of the hold's price; or nothing: all that is left.</summary>
internal sealed record CaptureBodySchema(string? Account, string? Action, string? Meter, decimal? Quantity, string? Provider, string? Model, string? Tool, bool? Byok, TokensSchema? Tokens,
    Unit? Unit, Amount? Amount, string? Reason, string? Outcome, string? Member, string? Agent, string? Run, string? Feature, IReadOnlyDictionary<string, string>? Metadata,
    DateTimeOffset? OccurredAt, bool? Final, string? OverHold);

internal sealed record ExtendBodySchema(int? ExpiresIn, Amount? Amount);
