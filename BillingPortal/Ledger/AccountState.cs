using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>
/// A locked account as one batch sees it: head, wallets and open grants, advanced to <see cref="Now"/>. Pure: no clock, no database.
/// Operations change it through the posting methods only; what they append is written after the whole batch is decided.
/// </summary>
/// <remarks>Always: balance = Σ grants' remaining − debt; debt above zero only when nothing unreserved remains; available = balance − held.</remarks>
public sealed partial class AccountState
{
    private readonly Dictionary<Unit, Wallet> wallets = [];
    private readonly Dictionary<GrantId, Grant> grants = [];
    private readonly List<Grant> open = [];

    internal AccountState(LedgerHead head, CatalogDocument catalog, DateTimeOffset now)
    {
        Head = head;
        Catalog = catalog;
        Plan = catalog.PlanFor(head.Plan, head.Overrides);
        Now = (now > head.AdvancedAt ? now : head.AdvancedAt).ToMicroseconds();
    }

    internal void Add(Wallet wallet) => wallets.Add(wallet.Unit, wallet);

    internal void Add(Grant grant)
    {
        if (grants.TryAdd(grant.Id, grant))
        {
            InsertInOrder(grant);
        }
    }

    /// <summary>An account that has no ledger yet, as its first operation finds it: on the catalog's default plan, its first period about to open.</summary>
    internal static LedgerHead NewHead(AccountId account, CatalogDocument catalog, DateTimeOffset now) => new()
    {
        AccountId = account,
        Plan = catalog.DefaultPlan,
        PeriodAnchor = now,
        PeriodStart = now,
        PeriodEnd = now,
        AdvancedAt = now,
    };

    public AccountId Account => Head.AccountId;
    public LedgerHead Head { get; }
    public CatalogDocument Catalog { get; }
    /// <summary>The account's plan with its overrides applied.</summary>
    public Plan Plan { get; private set; }
    /// <summary>The account's own clock: the database's, never earlier than the last operation.</summary>
    public DateTimeOffset Now { get; }
    /// <summary>The charge that the operation asked to be loaded (<see cref="Operation.ChargeToLoad"/>), with what went back of it so far.</summary>
    public Charge? LoadedCharge { get; internal set; }
    public IReadOnlyList<ChargeRefund> LoadedRefunds { get; internal set; } = [];

    /// <summary>The wallet as it stands; an empty one where nothing was ever posted. For reading: change it through the posting methods.</summary>
    public Wallet WalletOf(Unit unit) => wallets.TryGetValue(unit, out var wallet) ? wallet : new Wallet { AccountId = Account, Unit = unit };

    public Amount Available(Unit unit) => wallets.TryGetValue(unit, out var wallet) ? wallet.Available : Amount.Zero;

    public IEnumerable<Wallet> Wallets => wallets.Values;

    /// <summary>Grants that are in play, of all units, in the order in which they burn.</summary>
    public IReadOnlyList<Grant> Grants => open;

    /// <summary>Puts value into a wallet. In credit and money wallets it repays debt first; a meter's debt is settled to <see cref="Book.Overage"/> before.</summary>
    /// <returns>Null when taken; a conflict for a second currency.</returns>
    public Refusal? Grant(GrantTerms terms)
    {
        if (!terms.Amount.IsPositive)
        {
            throw new ArgumentOutOfRangeException(nameof(terms), terms.Amount, "A grant is above zero.");
        }

        if (TakeCurrency(terms.Unit) is { } refusal)
        {
            return refusal;
        }

        if (terms.Unit.IsMeter)
        {
            SettleOverage(terms.Unit, Now, OverageEnd.Grant);
        }

        PutIn(terms, terms.Kind, terms.Book);
        return null;
    }

    /// <summary>Takes an amount out of a wallet, grants first in burn order; what they do not cover becomes debt. The caller has looked at the floor.</summary>
    /// <returns>The part as a receipt shows it.</returns>
    public FundingPart Debit(Unit unit, Amount amount, Book book, TransferKind kind, string? firstReference = null)
    {
        if (!amount.IsPositive)
        {
            throw new ArgumentOutOfRangeException(nameof(amount), amount, "A debit is above zero.");
        }

        return Pay(Touch(unit), amount, amount, book, kind, firstReference, new(1));
    }

    /// <summary>Takes an amount out of a wallet if that keeps it on or above its floor.</summary>
    /// <returns>Null when taken; the refusal, with what is missing, otherwise.</returns>
    public Refusal? DebitAboveFloor(Unit unit, Amount amount, Book book, TransferKind kind)
    {
        if (TakeCurrency(unit) is { } conflict)
        {
            return conflict;
        }

        var available = Available(unit);
        if (Floor.Of(this, unit).Room(available) is { } room && room < amount)
        {
            return Shortage.Of(this, unit, amount, room);
        }

        Debit(unit, amount, book, kind);
        return null;
    }

    /// <summary>Counts use of a meter that the plan does not limit: nothing moves.</summary>
    public FundingPart CountUnlimited(Unit meter, Amount amount)
    {
        var wallet = Touch(meter);
        wallet.UsedInPeriod += amount;
        return new(meter, amount, wallet.Balance, 0, [], Unlimited: true);
    }

    /// <summary>Puts back what a charge took: debt is reduced first, then the named grants are refilled in the reverse order of the draw; what had expired meanwhile comes back as a new grant (DESIGN §7.20).</summary>
    /// <param name="part">The charge's part in this wallet.</param>
    /// <param name="alreadyReturned">What earlier refunds gave back of this part.</param>
    /// <param name="amount">At most part − alreadyReturned.</param>
    /// <param name="reference">What the new grant is said to come from.</param>
    public void PutBack(FundingPart part, Amount alreadyReturned, Amount amount, DateTimeOffset chargedAt, string reference)
    {
        if (part.Unlimited)
        {
            if (chargedAt >= Head.PeriodStart)
            {
                var counted = Touch(part.Unit);
                counted.UsedInPeriod = Amount.Max(Amount.Zero, counted.UsedInPeriod - amount);
            }

            return;
        }

        var wallet = Touch(part.Unit);
        var toDebt = Amount.Min(wallet.Debt, amount);
        var refills = Refill(part, alreadyReturned, amount, toDebt, out var homeless, out var ofPlan);
        if (homeless.IsPositive)
        {
            refills.Add(new(Open(new(part.Unit, homeless, GrantSource.Refund)
            {
                ExpiresAt = Now.AddDays(Catalog.RefundGraceDays),
                Reference = reference,
            }, homeless).Id, homeless));
        }

        wallet.Debt -= toDebt;
        wallet.Balance += amount;
        if (chargedAt >= Head.PeriodStart)
        {
            // As it was counted: all use of a meter but what an earlier period's grants paid (drawn first, returned last); of credits and money, what came out of the plan's grants.
            var counted = part.Amount - OfEndedGrants(part.Grants);
            var back = part.Unit.IsMeter ? Amount.Min(alreadyReturned + amount, counted) - Amount.Min(alreadyReturned, counted) : ofPlan;
            wallet.UsedInPeriod = Amount.Max(Amount.Zero, wallet.UsedInPeriod - back);
        }

        Append(wallet, isCredit: true, amount, TransferKind.Refund, Book.Revenue, refills);
    }

    public void CountUses(long uses)
    {
        HeadCounted = true; // undone or not: writing an unchanged head does no harm
        var before = Head.TotalUses;
        undo.Add(() => Head.TotalUses = before);
        Head.TotalUses += uses;
    }

    /// <summary>Records a charge beside the operation; its id is the operation's.</summary>
    public void Record(Charge charge)
    {
        pendingCharges.Add(charge);
        CountSpending(charge);
    }

    /// <summary>Records that a charge waits for its price.</summary>
    public void Record(SuspenseCharge charge)
    {
        pendingSuspense.Add(charge);
        undo.Add(() => pendingSuspense.Remove(charge));
    }

    private void Record(Overage overage)
    {
        pendingOverages.Add(overage);
        undo.Add(() => pendingOverages.Remove(overage));
    }

    /// <summary>Records what went back of the loaded charge.</summary>
    public void Record(ChargeRefund refund)
    {
        pendingRefunds.Add(refund);
        CountReturn(LoadedCharge!, refund);
    }

    /// <summary>An account's currency is fixed by its first money transfer (DESIGN §7.21).</summary>
    public Refusal? TakeCurrency(Unit unit)
    {
        if (!unit.IsCurrency || Head.Currency == unit)
        {
            return null;
        }

        if (Head.Currency is { } fixedCurrency)
        {
            return new(ErrorCode.Conflict, $"The account's currency is {fixedCurrency}; nothing was posted in {unit}.");
        }

        TouchHead();
        Head.Currency = unit;
        return null;
    }
}
