using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// What the operations of a batch have appended and changed, and how a refused one is undone.
public sealed partial class AccountState
{
    private const decimal LargestBalance = 1_000_000_000_000m;

    private readonly List<Transfer> pendingTransfers = [];
    private readonly List<Charge> pendingCharges = [];
    private readonly List<ChargeRefund> pendingRefunds = [];
    private readonly List<SuspenseCharge> pendingSuspense = [];
    private readonly List<Overage> pendingOverages = [];
    private readonly List<Grant> newGrants = [];
    private readonly HashSet<Wallet> touchedWallets = [];
    private readonly HashSet<Grant> touchedGrants = [];
    private readonly List<Action> undo = [];
    private Guid operationId;
    private byte[]? detailsDigest;
    private bool ofCharge;
    private (int Transfers, int Charges, int Refunds, int Grants) mark;

    internal IReadOnlyList<Transfer> PendingTransfers => pendingTransfers;
    internal IReadOnlyList<Charge> PendingCharges => pendingCharges;
    internal IReadOnlyList<ChargeRefund> PendingRefunds => pendingRefunds;
    internal IReadOnlyList<SuspenseCharge> PendingSuspense => pendingSuspense;
    internal IReadOnlyList<Overage> PendingOverages => pendingOverages;
    internal IReadOnlyList<Grant> NewGrants => newGrants;
    internal IReadOnlyCollection<Wallet> TouchedWallets => touchedWallets;
    internal IReadOnlyCollection<Grant> TouchedGrants => touchedGrants;
    /// <summary>The head has changed in more than its clock and count.</summary>
    internal bool HeadTouched { get; private set; }
    internal bool HeadCounted { get; private set; }
    /// <summary>There is something to write.</summary>
    internal bool IsTouched => HeadTouched || HeadCounted || touchedWallets.Count > 0 || touchedGrants.Count > 0 || newGrants.Count > 0
        || pendingTransfers.Count > 0 || pendingCharges.Count > 0 || pendingRefunds.Count > 0 || touchedLevels.Count > 0
        || newHolds.Count > 0 || touchedHolds.Count > 0;

    /// <summary>From here on rows are appended in the name of this operation, until the next call.</summary>
    internal void Begin(Guid operation, byte[]? digest, bool isCharge)
    {
        operationId = operation;
        detailsDigest = digest;
        ofCharge = isCharge;
        undo.Clear();
        mark = (pendingTransfers.Count, pendingCharges.Count, pendingRefunds.Count, newGrants.Count);
        BeginHolds();
    }

    /// <summary>Transfers appended since <see cref="Begin"/>.</summary>
    internal Transfer[] TransfersSinceBegin() => pendingTransfers.Count == mark.Transfers ? [] : [.. pendingTransfers.Skip(mark.Transfers)];

    internal Charge? ChargeSinceBegin => pendingCharges.Count > mark.Charges ? pendingCharges[^1] : null;
    internal ChargeRefund? RefundSinceBegin => pendingRefunds.Count > mark.Refunds ? pendingRefunds[^1] : null;

    /// <summary>A balance that no hash or column could hold; null: all are in range. A request moves at most 10⁹, so it is met long before anything overflows.</summary>
    internal Refusal? OutOfRange => touchedWallets.Any(w => Math.Abs(w.Balance.Value) > LargestBalance)
        ? Refusal.Invalid("amount", "The balance would leave the range that the ledger holds, 1,000,000,000,000. Nothing was done.", ErrorCode.InvalidAmount)
        : null;

    /// <summary>Undoes everything since <see cref="Begin"/>: a refused operation leaves no row.</summary>
    internal void RollBack()
    {
        for (var i = undo.Count - 1; i >= 0; i--)
        {
            undo[i]();
        }

        undo.Clear();
        pendingTransfers.RemoveRange(mark.Transfers, pendingTransfers.Count - mark.Transfers);
        pendingCharges.RemoveRange(mark.Charges, pendingCharges.Count - mark.Charges);
        pendingRefunds.RemoveRange(mark.Refunds, pendingRefunds.Count - mark.Refunds);
        for (var i = newGrants.Count - 1; i >= mark.Grants; i--)
        {
            grants.Remove(newGrants[i].Id);
            open.Remove(newGrants[i]);
        }

        newGrants.RemoveRange(mark.Grants, newGrants.Count - mark.Grants);
        RollBackHolds();
    }

    private void TouchHead()
    {
        HeadTouched = true;
        var (uses, currency, plan, status, grace) = (Head.TotalUses, Head.Currency, Head.Plan, Head.Status, Head.GraceUntil);
        var (anchor, start, end) = (Head.PeriodAnchor, Head.PeriodStart, Head.PeriodEnd);
        var (policy, limit, overrides, planThen, budgeted, levelled) = (Head.LowBalancePolicy, Head.OverdraftLimit, Head.Overrides, Plan, Head.HasBudgets, Head.HasLevels);
        undo.Add(() =>
        {
            (Head.TotalUses, Head.Currency, Head.Plan, Head.Status, Head.GraceUntil) = (uses, currency, plan, status, grace);
            (Head.PeriodAnchor, Head.PeriodStart, Head.PeriodEnd) = (anchor, start, end);
            (Head.LowBalancePolicy, Head.OverdraftLimit, Head.Overrides, Plan, Head.HasBudgets, Head.HasLevels) = (policy, limit, overrides, planThen, budgeted, levelled);
        });
    }

    private Wallet Touch(Unit unit)
    {
        if (!wallets.TryGetValue(unit, out var wallet))
        {
            wallet = new Wallet { AccountId = Account, Unit = unit, IsNew = true };
            wallets.Add(unit, wallet);
            undo.Add(() => wallets.Remove(unit));
        }

        if (touchedWallets.Add(wallet))
        {
            undo.Add(() => touchedWallets.Remove(wallet));
        }

        var (balance, held, debt, seq, hash, used) = (wallet.Balance, wallet.Held, wallet.Debt, wallet.Seq, wallet.LastHash, wallet.UsedInPeriod);
        undo.Add(() => (wallet.Balance, wallet.Held, wallet.Debt, wallet.Seq, wallet.LastHash, wallet.UsedInPeriod) = (balance, held, debt, seq, hash, used));
        return wallet;
    }

    private void Touch(Grant grant)
    {
        if (touchedGrants.Add(grant))
        {
            undo.Add(() => touchedGrants.Remove(grant));
        }

        var (remaining, reserved, isOpen) = (grant.Remaining, grant.Reserved, grant.IsOpen);
        undo.Add(() => (grant.Remaining, grant.Reserved, grant.IsOpen) = (remaining, reserved, isOpen));
    }

    private Transfer Append(Wallet wallet, bool isCredit, Amount amount, TransferKind kind, Book book, List<GrantDraw> draws)
    {
        wallet.Seq++;
        var ids = draws.Count == 0 ? [] : new Guid[draws.Count];
        var amounts = draws.Count == 0 ? [] : new decimal[draws.Count];
        for (var i = 0; i < draws.Count; i++)
        {
            ids[i] = draws[i].Grant.Value;
            amounts[i] = draws[i].Amount.Value;
        }

        var transfer = new Transfer
        {
            AccountId = Account,
            Unit = wallet.Unit,
            Seq = wallet.Seq,
            Id = TransferId.New(),
            IsCredit = isCredit,
            Amount = amount,
            BalanceAfter = wallet.Balance,
            Kind = kind,
            Book = book,
            OperationId = operationId,
            ChargeId = kind == TransferKind.Refund ? LoadedCharge?.Id : ofCharge ? operationId : null,
            GrantIds = ids,
            GrantAmounts = amounts,
            CreatedAt = Now,
            DetailsDigest = detailsDigest,
        };
        transfer.Hash = HashChain.Next(wallet.LastHash, transfer);
        wallet.LastHash = transfer.Hash;
        pendingTransfers.Add(transfer);
        return transfer;
    }
}
