using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>How a charge's price divides among the wallets that paid it, and what refunds took off it. Pure.</summary>
/// <remarks>
/// A wallet of the price's own unit covers what it paid; the others share the rest, by what they paid where there are several. So a price given back whole is always given back
/// to the last decimal, and a part of it in proportion to what its wallet paid.
/// </remarks>
public static class PaidPrice
{
    /// <summary>The price; zero where it was free.</summary>
    public static Amount Of(Receipt receipt) => receipt.Price.Count == 0 ? Amount.Zero : receipt.Price[0].Amount;

    /// <summary>What of the price nobody paid.</summary>
    public static Amount Unpaid(Receipt receipt) => receipt.Uncovered.Aggregate(Amount.Zero, (sum, part) => sum + part.Amount);

    /// <summary>How much of the price each part of the funding covers, in their order; what was only counted beside the price covers nothing.</summary>
    public static Amount[] Covers(Receipt receipt)
    {
        var covers = new Amount[receipt.Funding.Count];
        if (receipt.Price.Count == 0)
        {
            return covers;
        }

        var left = receipt.Price[0].Amount - Unpaid(receipt);
        for (var i = 0; i < covers.Length; i++)
        {
            if (receipt.Funding[i].Unit == receipt.Price[0].Unit)
            {
                covers[i] = Amount.Max(Amount.Zero, Amount.Min(left, receipt.Funding[i].Amount));
                left -= covers[i];
            }
        }

        List<int> others = [.. Enumerable.Range(0, covers.Length).Where(i => receipt.Funding[i].Unit != receipt.Price[0].Unit)];
        // What is unlimited pays only where nobody else could have.
        List<int> payers = others.FindAll(i => !receipt.Funding[i].Unlimited);
        Divide(receipt, payers.Count > 0 ? payers : others.Count > 0 ? others[..1] : [], left, covers);
        return covers;
    }

    /// <summary>What is left of the price after what was given back; the price of what nobody paid is left.</summary>
    /// <param name="refunds">All of the charge, oldest first.</param>
    public static Amount Left(Receipt receipt, IReadOnlyList<ChargeRefund> refunds)
    {
        var left = Of(receipt);
        for (var i = 0; i < refunds.Count; i++)
        {
            left -= refunds[i].Price ?? TakenOff(receipt, [.. refunds.Take(i)], [.. refunds[i].Units.Select((unit, n) => new UnitAmount(Unit.Of(unit), Amount.Of(refunds[i].Amounts[n])))]);
        }

        return left;
    }

    /// <summary>What a refund takes off the price, in the price's unit.</summary>
    /// <param name="earlier">What was given back before.</param>
    /// <param name="funding">What goes back to which wallet.</param>
    public static Amount TakenOff(Receipt receipt, IReadOnlyList<ChargeRefund> earlier, IReadOnlyList<UnitAmount> funding)
    {
        var covers = Covers(receipt);
        var taken = Amount.Zero;
        for (var i = 0; i < covers.Length; i++)
        {
            var part = receipt.Funding[i];
            var before = Returned(earlier, part.Unit);
            var now = funding.Where(back => back.Unit == part.Unit).Aggregate(Amount.Zero, (sum, back) => sum + back.Amount);
            // Each sum is rounded as a whole, so that many small refunds come to what one large one does.
            taken += ShareOf(covers[i], part.Amount, before + now) - ShareOf(covers[i], part.Amount, before);
        }

        return taken;
    }

    /// <summary>What earlier refunds gave back to a wallet.</summary>
    public static Amount Returned(IReadOnlyList<ChargeRefund> refunds, Unit unit)
    {
        var returned = 0m;
        foreach (var refund in refunds)
        {
            var at = Array.IndexOf(refund.Units, unit.Code);
            returned += at < 0 ? 0m : refund.Amounts[at];
        }

        return Amount.Of(returned);
    }

    /// <summary>The share of a price that so much of what was paid for it stands for.</summary>
    public static Amount ShareOf(Amount covers, Amount whole, Amount part) =>
        part >= whole ? covers : whole.IsPositive ? Amount.Round(covers.Value * part.Value / whole.Value) : Amount.Zero;

    private static void Divide(Receipt receipt, List<int> payers, Amount left, Amount[] covers)
    {
        var (paid, whole) = (0m, payers.Sum(i => receipt.Funding[i].Amount.Value));
        var given = Amount.Zero;
        foreach (var i in left.IsPositive ? payers : [])
        {
            paid += receipt.Funding[i].Amount.Value;
            covers[i] = ShareOf(left, Amount.Of(whole), Amount.Of(paid)) - given;
            given += covers[i];
        }
    }
}
