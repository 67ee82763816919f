using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// How grants are opened, drawn, refilled and closed.
public sealed partial class AccountState
{
    private void PutIn(GrantTerms terms, TransferKind kind, Book book)
    {
        var wallet = Touch(terms.Unit);
        var toDebt = Amount.Min(wallet.Debt, terms.Amount);
        var rest = terms.Amount - toDebt;
        wallet.Debt -= toDebt;
        wallet.Balance += terms.Amount;
        // A grant that repays debt whole is kept, empty: its reference says what was bought.
        var grant = Open(terms, rest);
        Append(wallet, isCredit: true, terms.Amount, kind, book, rest.IsZero ? [] : [new(grant.Id, rest)]);
    }

    private Grant Open(GrantTerms terms, Amount amount)
    {
        var grant = new Grant
        {
            AccountId = Account,
            Id = GrantId.New(),
            Unit = terms.Unit,
            Source = terms.Source,
            Amount = amount,
            Remaining = amount,
            IsOpen = amount.IsPositive,
            Priority = terms.BurnPriority,
            EffectiveAt = Now,
            ExpiresAt = terms.ExpiresAt,
            CreatedAt = Now,
            Reference = terms.Reference,
        };
        grants.Add(grant.Id, grant);
        newGrants.Add(grant);
        InsertInOrder(grant);
        return grant;
    }

    private void InsertInOrder(Grant grant)
    {
        var at = open.BinarySearch(grant, Comparer<Grant>.Create(Posting.CompareBurnOrder));
        open.Insert(at < 0 ? ~at : at, grant);
    }

    private List<GrantDraw> Draw(Unit unit, Amount amount, string? firstReference, out Amount uncovered)
    {
        var draws = new List<GrantDraw>(1);
        uncovered = amount;
        if (firstReference is not null)
        {
            foreach (var grant in open)
            {
                if (grant.Unit == unit && grant.Reference == firstReference)
                {
                    uncovered = DrawFrom(grant, uncovered, draws);
                }
            }
        }

        foreach (var grant in open)
        {
            if (uncovered.IsZero)
            {
                break;
            }

            if (grant.Unit == unit)
            {
                uncovered = DrawFrom(grant, uncovered, draws);
            }
        }

        return draws;
    }

    private Amount DrawFrom(Grant grant, Amount wanted, List<GrantDraw> draws)
    {
        var taken = Amount.Min(Posting.Free(grant, Now), wanted);
        if (!taken.IsPositive)
        {
            return wanted;
        }

        Lower(grant, taken);
        draws.Add(new(grant.Id, taken));
        return wanted - taken;
    }

    private void Lower(Grant grant, Amount by)
    {
        Touch(grant);
        grant.Remaining -= by;
        grant.IsOpen = grant.Remaining.IsPositive;
    }

    /// <summary>Walks a charge's part in the reverse order of its draw, each piece once over all of its refunds: what no grant covered first. Debt is repaid out of the first pieces.</summary>
    /// <param name="skip">What earlier refunds have walked already.</param>
    /// <param name="homeless">What no grant can take: it was not covered by one, or that one has expired.</param>
    /// <param name="ofPlan">What of the amount the plan's grants had paid.</param>
    private List<GrantDraw> Refill(FundingPart part, Amount skip, Amount amount, Amount toDebt, out Amount homeless, out Amount ofPlan)
    {
        var refills = new List<GrantDraw>();
        (homeless, ofPlan) = (Amount.Zero, Amount.Zero);
        var uncovered = part.Amount - part.Grants.Aggregate(Amount.Zero, (sum, draw) => sum + draw.Amount);
        for (var i = part.Grants.Count; i >= 0; i--)
        {
            var piece = i == part.Grants.Count ? uncovered : part.Grants[i].Amount;
            var walked = Amount.Min(skip, piece);
            var back = Amount.Min(piece - walked, amount);
            (skip, amount) = (skip - walked, amount - back);
            var grant = i == part.Grants.Count ? null : grants.GetValueOrDefault(part.Grants[i].Grant);
            ofPlan += grant?.Source == GrantSource.Plan ? back : Amount.Zero;
            var repaid = Amount.Min(toDebt, back);
            (toDebt, back) = (toDebt - repaid, back - repaid);
            var refilled = grant is null || grant.ExpiresAt <= Now ? Amount.Zero : Amount.Min(back, grant.Amount - grant.Remaining);
            homeless += back - refilled;
            if (refilled.IsPositive)
            {
                Touch(grant!);
                grant!.Remaining += refilled;
                grant.IsOpen = true;
                refills.Add(new(grant.Id, refilled));
            }
        }

        return refills;
    }

    private void CountUse(Wallet wallet, Amount amount, List<GrantDraw> draws, TransferKind kind)
    {
        if (kind != TransferKind.Charge)
        {
            return;
        }

        if (wallet.Unit.IsMeter)
        {
            wallet.UsedInPeriod += amount;
            return;
        }

        foreach (var draw in draws)
        {
            if (grants[draw.Grant].Source == GrantSource.Plan)
            {
                wallet.UsedInPeriod += draw.Amount;
            }
        }
    }

    /// <summary>Moves a wallet's debt to the book that Stripe is told of.</summary>
    private void SettleOverage(Unit unit)
    {
        if (!wallets.TryGetValue(unit, out var there) || !there.Debt.IsPositive)
        {
            return;
        }

        var wallet = Touch(unit);
        var debt = wallet.Debt;
        wallet.Debt = Amount.Zero;
        wallet.Balance += debt;
        Append(wallet, isCredit: true, debt, TransferKind.Overage, Book.Overage, []);
    }

    /// <summary>Takes what is left and not reserved of a grant out of play.</summary>
    private void Close(Grant grant, TransferKind kind, Book book)
    {
        var left = grant.Remaining - grant.Reserved;
        if (!left.IsPositive)
        {
            return;
        }

        var wallet = Touch(grant.Unit);
        Lower(grant, left);
        wallet.Balance -= left;
        Append(wallet, isCredit: false, left, kind, book, [new(grant.Id, left)]);
    }
}
