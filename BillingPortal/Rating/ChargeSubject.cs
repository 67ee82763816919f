using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Rating;

/// <summary>Token counts of one model call, each ≥ 0; no token is counted in two of them.</summary>
/// <param name="Input">Input tokens, those read from or written to a cache not included.</param>
/// <param name="Output">Output tokens, those of reasoning not included.</param>
public readonly record struct TokenCounts(long Input, long Output, long CachedInput = 0, long CacheWrite = 0, long Reasoning = 0)
{
    public long Total => Input + Output + CachedInput + CacheWrite + Reasoning;
}

/// <summary>What was done, as the caller names it: an action, a meter and quantity, a model and tokens, or a raw amount. Already validated for text and ranges.</summary>
public sealed record ChargeSubject
{
    public string? Action { get; init; }
    public string? Meter { get; init; }
    public decimal Quantity { get; init; } = 1m;
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public string? Feature { get; init; }
    /// <summary>The customer's own provider key was used: counted, costs no credits (A8).</summary>
    public bool Byok { get; init; }
    public TokenCounts? Tokens { get; init; }
    /// <summary>With <see cref="Amount"/>: a raw amount of a unit.</summary>
    public Unit? Unit { get; init; }
    public Amount? Amount { get; init; }
    public Outcome Outcome { get; init; } = Outcome.Success;
}

/// <summary>What has to be paid for: an amount of a unit, for so many uses.</summary>
/// <param name="Unit">The meter, <c>credit</c> or currency that the price is in; the key of the plan's funding chain.</param>
/// <param name="Uses">How many single uses this is, for wallets that pay by the use (<c>free_use</c>).</param>
/// <param name="OwnKey">The customer's own provider key was used: only wallets of meters may pay, never credits, free uses or money (A8).</param>
public readonly record struct Demand(Unit Unit, Amount Amount, decimal Uses, bool OwnKey = false);

/// <summary>A charge's price and how it came about; stored with the charge as its receipt.</summary>
/// <param name="Demands">One for a charge of one thing; empty when the outcome costs nothing.</param>
/// <param name="RateVersion">Label of the rate-card version used, where one was.</param>
/// <param name="Lines">One per priced quantity, for the receipt.</param>
public sealed record RatedCharge(IReadOnlyList<Demand> Demands, string? RateVersion, IReadOnlyList<RatedLine> Lines)
{
    /// <summary>Null: priced by a rate. <see cref="UnpricedModelPolicy.Fallback"/>: priced by the fallback rate. <see cref="UnpricedModelPolicy.Suspense"/>: no price yet, staff must set one (F6).</summary>
    public UnpricedModelPolicy? Unpriced { get; init; }
    /// <summary>What it costs us, in the catalog's currency; null where that is not known. Whatever the outcome: who sells to us charges for it all the same.</summary>
    public Amount? Cost { get; init; }
    /// <summary>A quantity that moves nothing and is counted, so that the next charge finds its tier.</summary>
    public Demand? Counted { get; init; }
    /// <summary>What had been used before it in the period, where tiers over the period priced it.</summary>
    public Amount? TiersFrom { get; init; }
}

/// <summary>One line of a receipt: quantity × price ÷ per = amount, before the one rounding of the sum.</summary>
public sealed record RatedLine(string What, decimal Quantity, decimal Price, int Per, decimal Amount, Unit Unit);
