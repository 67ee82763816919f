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

    /// <summary>Takes what a debit still needs out of the grants, books it and counts it.</summary>
    /// <param name="amount">The whole debit.</param>
    /// <param name="open">What of it is not drawn yet.</param>
    /// <param name="draws">What is drawn already.</param>
    private FundingPart Pay(Wallet wallet, Amount amount, Amount open, Book book, TransferKind kind, string? firstReference, List<GrantDraw> draws)
    {
        var uncovered = Draw(wallet, open, firstReference, draws);
        wallet.Balance -= amount;
        wallet.Debt += uncovered;
        CountUse(wallet, amount, draws, kind);
        var transfer = Append(wallet, isCredit: false, amount, kind, book, draws);
        return new(wallet.Unit, amount, wallet.Balance, transfer.Seq, draws);
    }

    /// <returns>What no grant covers.</returns>
    private Amount Draw(Wallet wallet, Amount amount, string? firstReference, List<GrantDraw> draws)
    {
        var uncovered = amount;
        if (firstReference is not null)
        {
            foreach (var grant in open)
            {
                if (grant.Unit == wallet.Unit && grant.Reference == firstReference)
                {
                    uncovered = DrawFrom(grant, uncovered, draws);
                    uncovered = Displace(grant, uncovered, draws);
                }
            }
        }

        foreach (var grant in open)
        {
            if (uncovered.IsZero)
            {
                break;
            }

            if (grant.Unit == wallet.Unit)
            {
                uncovered = DrawFrom(grant, uncovered, draws);
            }
        }

        if (uncovered.IsPositive && wallet.Held.IsPositive)
        {
            foreach (var grant in open)
            {
                uncovered = grant.Unit == wallet.Unit ? Displace(grant, uncovered, draws) : uncovered;
            }
        }

        return uncovered;
    }

    private Amount DrawFrom(Grant grant, Amount wanted, List<GrantDraw> draws)
    {
        var taken = Amount.Min(Posting.Free(grant, Moment), wanted);
        if (!taken.IsPositive)
        {
            return wanted;
        }

        Lower(grant, taken);
        AddDraw(draws, grant.Id, taken);
        return wanted - taken;
    }

    private static void AddDraw(List<GrantDraw> draws, GrantId grant, Amount amount)
    {
        for (var i = 0; i < draws.Count; i++)
        {
            if (draws[i].Grant == grant)
            {
                draws[i] = new(grant, draws[i].Amount + amount);
                return;
            }
        }

        draws.Add(new(grant, amount));
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
    /// <param name="ofPlan">What of the amount this period's grants of the plan had paid.</param>
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
            ofPlan += grant is { Source: GrantSource.Plan } && !EndedBeforePeriod(grant) ? back : Amount.Zero;
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
            wallet.UsedInPeriod += amount - OfEndedGrants(draws);
            return;
        }

        foreach (var draw in draws)
        {
            if (grants[draw.Grant] is { Source: GrantSource.Plan } grant && !EndedBeforePeriod(grant))
            {
                wallet.UsedInPeriod += draw.Amount;
            }
        }
    }

    /// <summary>What of some draws came from an earlier period's grants, which holds had reserved: it was of that period's allowance, not of this one's.</summary>
    private Amount OfEndedGrants(IReadOnlyList<GrantDraw> draws)
    {
        var ended = Amount.Zero;
        for (var i = 0; i < draws.Count; i++)
        {
            if (grants.TryGetValue(draws[i].Grant, out var grant) && EndedBeforePeriod(grant))
            {
                ended += draws[i].Amount;
            }
        }

        return ended;
    }

    private bool EndedBeforePeriod(Grant grant) => grant.ExpiresAt <= Head.PeriodStart;

    /// <summary>A plan's allowance that ends with the period is closed by the period's turn, which may roll it over.</summary>
    private bool EndsWithPeriod(Grant grant) => grant.Source == GrantSource.Plan && grant.ExpiresAt >= Head.PeriodEnd;

    /// <summary>Moves a wallet's debt to the book that Stripe is told of.</summary>
    /// <param name="closedAt">The period's end, or the instant of a change of plan or of a grant.</param>
    private void SettleOverage(Unit unit, DateTimeOffset closedAt, OverageEnd end)
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
        if (Plan.AllowanceOf(unit.Code)?.Overage is { } terms)
        {
            Record(new Overage { AccountId = Account, Meter = unit, Seq = wallet.Seq, Amount = debt, Plan = Plan.Id, Price = terms.Price, Per = terms.Per, Currency = terms.Currency, ClosedAt = closedAt, End = end });
        }
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
