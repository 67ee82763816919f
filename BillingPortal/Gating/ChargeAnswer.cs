using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Gating;

/// <summary>A charge as the API shows it (API.md, Gating).</summary>
/// <param name="Account">The account as the request named it; in readings the product's own id.</param>
internal sealed record ChargeAnswer(string Id, string Account, string Status, IReadOnlyList<UnitAmount> Price, IReadOnlyList<FundingAnswer> Funding,
    EnforcementMode Enforcement, DateTimeOffset CreatedAt)
{
    /// <summary>With enforcement <c>observe</c>: the code that enforcing would have refused with.</summary>
    public string? WouldRefuse { get; init; }
    /// <summary>With enforcement <c>observe</c> or <c>off</c>: what no wallet paid.</summary>
    public IReadOnlyList<UnitAmount>? Uncovered { get; init; }
    /// <summary>Units whose allowance is used up, or whose wallet is below zero.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }
    /// <summary>The hold that it was captured from.</summary>
    public string? Hold { get; init; }
    /// <summary>What the true price went above the hold and was not charged.</summary>
    public IReadOnlyList<UnitAmount>? Capped { get; init; }

    /// <summary>For a meter that stands at a level: where it stands after this.</summary>
    public LevelMark? Level { get; init; }

    /// <summary>True: no rate covers the model; the price comes later, as a charge of its own.</summary>
    public bool? Suspense { get; init; }

    public static ChargeAnswer Of(Charge charge, Receipt receipt, string account) => new(
        charge.ShownId.ToString(), account, "succeeded", receipt.Price, FundingAnswer.Of(receipt.Funding), charge.Enforcement, charge.CreatedAt)
    {
        WouldRefuse = charge.WouldRefuse,
        Uncovered = receipt.Uncovered.Count == 0 ? null : receipt.Uncovered,
        Warnings = receipt.Warnings.Count == 0 ? null : receipt.Warnings,
        Level = receipt.Level,
        Suspense = receipt.IsSuspense ? true : null,
        Hold = receipt.Hold is { } hold ? new HoldId(charge.AccountId, hold).ToString() : null,
        Capped = receipt.Capped,
    };
}

/// <param name="Unlimited">True: counted, nothing moved.</param>
internal sealed record FundingAnswer(Unit Unit, Amount Amount, Amount BalanceAfter, bool? Unlimited)
{
    public static FundingAnswer[] Of(IReadOnlyList<FundingPart> parts)
    {
        var answers = new FundingAnswer[parts.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            answers[i] = new(parts[i].Unit, parts[i].Amount, parts[i].BalanceAfter, parts[i].Unlimited ? true : null);
        }

        return answers;
    }
}
