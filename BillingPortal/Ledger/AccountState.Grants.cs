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

    private List<GrantDraw> Refill(FundingPart part, Amount alreadyReturned, Amount amount, out Amount homeless)
    {
        var refills = new List<GrantDraw>();
        homeless = amount;
        var skip = alreadyReturned;
        // The part that no grant covered was drawn last, so it was returned first.
        var drawn = part.Grants.Aggregate(Amount.Zero, (sum, draw) => sum + draw.Amount);
        skip = Amount.Max(Amount.Zero, skip - (part.Amount - drawn));
        for (var i = part.Grants.Count - 1; i >= 0 && homeless.IsPositive; i--)
        {
            var there = part.Grants[i].Amount;
            var skipped = Amount.Min(skip, there);
            skip -= skipped;
            if (!grants.TryGetValue(part.Grants[i].Grant, out var grant) || grant.ExpiresAt <= Now)
            {
                continue;
            }

            var back = Amount.Min(Amount.Min(there - skipped, homeless), grant.Amount - grant.Remaining);
            if (!back.IsPositive)
            {
                continue;
            }

            Touch(grant);
            grant.Remaining += back;
            grant.IsOpen = true;
            refills.Add(new(grant.Id, back));
            homeless -= back;
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
