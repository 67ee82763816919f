using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Why a charge cost what it cost (F3): quantities × rate version → price → wallets and grants drawn.</summary>
public sealed record Receipt
{
    public IReadOnlyList<ReceiptLine> Lines { get; init; } = [];
    /// <summary>Label of the rate-card version used, where one was.</summary>
    public string? RateVersion { get; init; }
    public IReadOnlyList<UnitAmount> Price { get; init; } = [];
    public IReadOnlyList<FundingPart> Funding { get; init; } = [];
    /// <summary>What no wallet paid, with enforcement off or observing.</summary>
    public IReadOnlyList<UnitAmount> Uncovered { get; init; } = [];
    /// <summary>For a meter that stands at a level: where it stands now.</summary>
    public LevelMark? Level { get; init; }
    /// <summary>What became debt beyond the wallet's floor, because it had happened already; null: nothing.</summary>
    public IReadOnlyList<UnitAmount>? PastFloor { get; init; }
    /// <summary>How many usage events it stands for; 0: it was charged by itself.</summary>
    public int Events { get; init; }
    /// <summary>No rate covers the model: it waits for staff to price it.</summary>
    public bool IsSuspense { get; init; }
    /// <summary>Units whose allowance is exceeded or whose wallet is below zero after this charge.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
    /// <summary>The hold that it was captured from, of the same account.</summary>
    public Guid? Hold { get; init; }
    /// <summary>What the true price went above the hold and was not charged: capped by the caller's wish.</summary>
    public IReadOnlyList<UnitAmount>? Capped { get; init; }
    /// <summary>The customer's own provider key was used: only what meters count was paid (A8).</summary>
    public bool OwnKey { get; init; }
    /// <summary>Where its tiers began: what had been used of the meter before it in the period. Null: no tiers over the period priced it.</summary>
    public Amount? TiersFrom { get; init; }
    /// <summary>The charge of the same account that it stands for since that was rated again.</summary>
    public Guid? Rerates { get; init; }
    /// <summary>What all of the work comes to, where this stands for the share that refunds had left of it; null: for all of it.</summary>
    public Amount? Whole { get; init; }

    internal static IReadOnlyList<string> WarningsOf(IReadOnlyList<FundingPart> funding)
    {
        List<string>? warnings = null;
        for (var i = 0; i < funding.Count; i++)
        {
            if (funding[i].BalanceAfter.IsNegative && !funding[i].Unlimited)
            {
                (warnings ??= []).Add(funding[i].Unit.Code);
            }
        }

        return warnings ?? (IReadOnlyList<string>)[];
    }
}

/// <param name="Included">What the plan includes; null: unlimited.</param>
public sealed record LevelMark(string Meter, Amount Value, Amount? Included);

/// <summary>quantity × price ÷ per = amount, before the one rounding of the sum.</summary>
public sealed record ReceiptLine(string What, decimal Quantity, decimal Price, int Per, decimal Amount, string Unit);

public readonly record struct UnitAmount(Unit Unit, Amount Amount);

/// <summary>One wallet's part in paying.</summary>
/// <param name="Amount">What it paid, or counted when <paramref name="Unlimited"/>.</param>
/// <param name="Seq">Number of the transfer; 0 where none moved.</param>
/// <param name="Grants">Grants drawn, in the order drawn; what they leave became debt.</param>
public sealed record FundingPart(Unit Unit, Amount Amount, Amount BalanceAfter, long Seq, IReadOnlyList<GrantDraw> Grants, bool Unlimited = false);

public readonly record struct GrantDraw(GrantId Grant, Amount Amount);
