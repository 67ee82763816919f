using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>Who pays what of a price that stands for an earlier one. Pure: nothing is posted.</summary>
/// <param name="Parts">In wallets' units, one for each wallet.</param>
/// <param name="Uncovered">What nobody pays of the new price.</param>
/// <param name="PastFloor">What is owed beyond the floor, in the price's unit.</param>
internal sealed record ReratedFunding(IReadOnlyList<(Unit Unit, Amount Amount, bool Unlimited)> Parts, Amount Uncovered, Amount PastFloor)
{
    /// <param name="account">With the charge still in place: what the new price is higher is quoted on what there is beside it.</param>
    /// <param name="left">What is left of the price that stood.</param>
    public static ReratedFunding Of(AccountState account, Charge charged, Receipt receipt, IReadOnlyList<ChargeRefund> refunds, UnitAmount? price, Amount left)
    {
        if (price is not { } asked)
        {
            return new([], Amount.Zero, Amount.Zero);
        }

        if (charged.Enforcement == EnforcementMode.Off)
        {
            return new([], asked.Amount, Amount.Zero);
        }

        var parts = new List<(Unit Unit, Amount Amount, bool Unlimited)>(receipt.Funding.Count + 1);
        var (rest, uncovered) = (asked.Amount, Amount.Zero);
        if (left.IsPositive && receipt.Price[0].Unit == asked.Unit)
        {
            rest = Keep(account, receipt, refunds, asked, left, parts);
            var unpaid = Amount.Max(Amount.Zero, Amount.Min(PaidPrice.Unpaid(receipt), left));
            uncovered = Amount.Min(unpaid, rest);
            rest -= uncovered;
        }

        if (!rest.IsPositive)
        {
            return new(parts, uncovered, Amount.Zero);
        }

        var quote = FundingChain.Quote(account, new Demand(asked.Unit, rest, Uses: 0m, receipt.OwnKey));
        quote = charged.Enforcement == EnforcementMode.Enforce ? FundingChain.PastFloor(account, quote) : quote;
        foreach (var part in quote.Parts)
        {
            Add(parts, part.Wallet, part.Amount, part.Unlimited);
        }

        return new(parts, uncovered + quote.Uncovered, quote.PastFloor);
    }

    /// <returns>What of the new price those who paid the earlier one do not pay.</returns>
    private static Amount Keep(AccountState account, Receipt receipt, IReadOnlyList<ChargeRefund> refunds, UnitAmount asked, Amount left, List<(Unit Unit, Amount Amount, bool Unlimited)> parts)
    {
        var covers = PaidPrice.Covers(receipt);
        var rest = asked.Amount;
        // Free uses pay uses, whatever one costs: the same share of the new price. They come first, so that the others know what is left for them.
        var byUse = new Amount[covers.Length];
        for (var i = 0; i < covers.Length; i++)
        {
            if (PaysByUse(account, asked.Unit, receipt.Funding[i].Unit))
            {
                byUse[i] = Amount.Min(rest, PaidPrice.ShareOf(asked.Amount, left, StillCovers(receipt, refunds, i, covers[i])));
                rest -= byUse[i];
            }
        }

        for (var i = 0; i < covers.Length; i++)
        {
            var part = receipt.Funding[i];
            var (still, paid) = (StillCovers(receipt, refunds, i, covers[i]), part.Amount - PaidPrice.Returned(refunds, part.Unit));
            if (byUse[i].IsPositive)
            {
                Add(parts, part.Unit, paid, part.Unlimited);
                continue;
            }

            if (!still.IsPositive || !rest.IsPositive || PaysByUse(account, asked.Unit, part.Unit))
            {
                continue;
            }

            var now = part.Unlimited ? rest : Amount.Min(still, rest);
            Add(parts, part.Unit, now == still ? paid : Amount.Max(Amount.Least, Amount.Round(paid.Value * now.Value / still.Value)), part.Unlimited);
            rest -= now;
        }

        return rest;
    }

    private static Amount StillCovers(Receipt receipt, IReadOnlyList<ChargeRefund> refunds, int index, Amount covers)
    {
        var part = receipt.Funding[index];
        return covers - PaidPrice.ShareOf(covers, part.Amount, PaidPrice.Returned(refunds, part.Unit));
    }

    private static bool PaysByUse(AccountState account, Unit priced, Unit wallet) =>
        wallet == Unit.FreeUse || (account.Plan.Funding.TryGetValue(priced, out var chain) && chain.Any(step => step.Wallet == wallet && step.PerUse));

    private static void Add(List<(Unit Unit, Amount Amount, bool Unlimited)> parts, Unit unit, Amount amount, bool unlimited)
    {
        if (!amount.IsPositive)
        {
            return;
        }

        var at = parts.FindIndex(part => part.Unit == unit && part.Unlimited == unlimited);
        if (at < 0)
        {
            parts.Add((unit, amount, unlimited));
        }
        else
        {
            parts[at] = (unit, parts[at].Amount + amount, unlimited);
        }
    }
}
