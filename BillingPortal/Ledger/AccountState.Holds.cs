using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

// How holds reserve, pay and give back. A part is reserved on named grants, so that no expiry takes what was promised; what no grant covers is held below zero.
public sealed partial class AccountState
{
    private readonly Dictionary<Guid, Hold> holds = [];
    private readonly List<Hold> newHolds = [];
    private readonly HashSet<Hold> touchedHolds = [];
    private readonly List<HoldChange> holdChanges = [];
    private readonly HashSet<Grant> endedGrants = [];
    private (int Holds, int Changes) holdMark;

    internal void Add(Hold hold) => holds.TryAdd(hold.Id, hold);

    /// <summary>Holds whose parts are reserved now.</summary>
    public IEnumerable<Hold> OpenHolds => holds.Count == 0 ? [] : holds.Values.Where(hold => hold.IsOpen);

    /// <summary>An open hold, or a closed one that the operation asked for (<see cref="Operation.HoldToLoad"/>); null: the account has no such hold.</summary>
    public Hold? FindHold(Guid id) => holds.GetValueOrDefault(id);

    /// <summary>What some of the open holds (a member's, an agent's, a run's) have reserved in a wallet; what counts against an unlimited allowance is in it.</summary>
    public Amount HeldBy(Func<Hold, bool> which, Unit unit)
    {
        var held = Amount.Zero;
        foreach (var hold in OpenHolds.Where(which))
        {
            held = hold.State.Parts.Where(part => part.Unit == unit).Aggregate(held, (sum, part) => sum + part.Amount);
        }

        return held;
    }

    internal IReadOnlyList<Hold> NewHolds => newHolds;
    internal IEnumerable<Hold> ChangedHolds => touchedHolds.Count == 0 ? [] : touchedHolds.Except(newHolds);
    internal IReadOnlyList<HoldChange> HoldChanges => holdChanges;
    /// <summary>Grants whose end was moved.</summary>
    internal IReadOnlyCollection<Grant> EndedGrants => endedGrants;
    internal HoldChange? HoldChangeSinceBegin => holdChanges.Count > holdMark.Changes ? holdChanges[^1] : null;

    /// <summary>Opens a hold: reserves what was quoted, as <see cref="FundingChain.Take"/> would have paid it. Nothing moves.</summary>
    /// <param name="hold">Without a state.</param>
    /// <returns>Null when taken; a conflict for a second currency.</returns>
    public Refusal? OpenHold(Hold hold, IReadOnlyList<FundingQuote> quotes, DateTimeOffset expiresAt)
    {
        var (parts, conflict) = Reserve(quotes);
        if (conflict is not null)
        {
            return conflict;
        }

        holds.Add(hold.Id, hold);
        newHolds.Add(hold);
        hold.State = new(hold.Asked.Price, Amount.Zero, SumOf(parts), parts, []) { Status = HoldStatus.Open, ExpiresAt = expiresAt };
        Note(hold);
        return null;
    }

    /// <summary>Gives an open hold more time, and, where it was asked for, more value.</summary>
    /// <param name="quotes">What pays for the addition; empty: none.</param>
    public Refusal? ExtendHold(Hold hold, DateTimeOffset expiresAt, Amount addition, IReadOnlyList<FundingQuote> quotes)
    {
        var (parts, conflict) = Reserve(quotes);
        if (conflict is not null)
        {
            return conflict;
        }

        var state = hold.State;
        Change(hold, state with
        {
            ExpiresAt = expiresAt,
            Price = state.Price + addition,
            Parts = [.. state.Parts, .. parts],
            Funding = HoldSums.Of([.. state.Funding, .. SumOf(parts)]),
        });
        return null;
    }

    /// <summary>Closes an open hold and gives back what is reserved still.</summary>
    public void ReleaseHold(Hold hold, HoldStatus becomes = HoldStatus.Released)
    {
        foreach (var part in hold.State.Parts)
        {
            GiveBack(part);
        }

        Change(hold, hold.State with { Status = becomes, Parts = [], ClosedAt = Now });
    }

    /// <summary>Charges an open hold: its parts pay first, then what was quoted beyond it; one transfer for each wallet. The promise was made with the hold, so nothing is refused here.</summary>
    /// <param name="price">What this capture uses of the hold's price.</param>
    /// <param name="covers">How much of it the hold's parts pay: at most <see cref="HoldState.Covered"/>.</param>
    /// <param name="beyond">Who pays the rest, quoted on this state; empty: nobody.</param>
    /// <param name="isFinal">Whether what is left goes back and the hold is closed.</param>
    /// <param name="moves">False: what would have paid is given back instead (enforcement off).</param>
    /// <returns>The parts for the receipt; a conflict for a second currency.</returns>
    public (List<FundingPart> Parts, Refusal? Refusal) CaptureHold(Hold hold, Amount price, Amount covers, IReadOnlyList<FundingQuote> beyond, bool isFinal, bool moves = true)
    {
        var (taken, rest) = Split(hold.State.Parts, covers);
        // Before anything is paid: a payment below zero displaces what this hold keeps like what others keep.
        Change(hold, hold.State with { Parts = rest, PriceCaptured = hold.State.PriceCaptured + price }, isNoted: false);
        if (!moves)
        {
            taken.ForEach(GiveBack);
            taken.Clear();
        }

        var funding = new List<FundingPart>(taken.Count);
        foreach (var payment in Payments(taken, beyond))
        {
            if (TakeCurrency(payment.Unit) is { } conflict)
            {
                return (funding, conflict);
            }

            funding.Add(payment.Unlimited ? CountUnlimited(payment.Unit, payment.Held + payment.Beyond) : DebitHeld(payment.Unit, payment.Held, payment.Grants, payment.Beyond));
        }

        Change(hold, hold.State with { Captured = HoldSums.Of([.. hold.State.Captured, .. funding.Select(part => new UnitAmount(part.Unit, part.Amount))]) }, isNoted: !isFinal);
        if (isFinal)
        {
            ReleaseHold(hold, HoldStatus.Captured);
        }

        return (funding, null);
    }

    private (List<HoldPart> Parts, Refusal? Refusal) Reserve(IReadOnlyList<FundingQuote> quotes)
    {
        var parts = new List<HoldPart>(1);
        foreach (var part in quotes.SelectMany(quote => quote.Parts))
        {
            if (TakeCurrency(part.Wallet) is { } conflict)
            {
                return (parts, conflict);
            }

            parts.Add(part.Unlimited ? new(part.Wallet, part.Amount, part.Covers, [], Unlimited: true) : Reserve(part));
        }

        return (parts, null);
    }

    private HoldPart Reserve(FundingQuotePart part)
    {
        Touch(part.Wallet).Held += part.Amount;
        var reserved = new List<GrantDraw>(1);
        var left = part.Amount;
        foreach (var grant in open)
        {
            var here = grant.Unit == part.Wallet ? Amount.Min(Posting.Free(grant, Now), left) : Amount.Zero;
            if (here.IsPositive)
            {
                Touch(grant);
                grant.Reserved += here;
                reserved.Add(new(grant.Id, here));
                left -= here;
            }
        }

        return new(part.Wallet, part.Amount, part.Covers, reserved);
    }

    /// <summary>Unreserves a part. What its grants have of it is free again, or expires with a grant that is over.</summary>
    private void GiveBack(HoldPart part)
    {
        if (part.Unlimited)
        {
            return;
        }

        Touch(part.Unit).Held -= part.Amount;
        foreach (var draw in part.Grants)
        {
            var grant = grants[draw.Grant];
            Touch(grant);
            grant.Reserved -= draw.Amount;
            if (grant.ExpiresAt <= Moment && !EndsWithPeriod(grant))
            {
                Close(grant, TransferKind.Expiry, Book.Expired);
                RegainAllowance(grant, draw.Amount);
            }
        }
    }

    private FundingPart DebitHeld(Unit unit, Amount held, List<GrantDraw> named, Amount beyond)
    {
        var wallet = Touch(unit);
        wallet.Held -= held;
        var draws = new List<GrantDraw>(named.Count);
        var left = held + beyond;
        foreach (var draw in named)
        {
            var grant = grants[draw.Grant];
            Touch(grant);
            grant.Reserved -= draw.Amount;
            Lower(grant, draw.Amount);
            AddDraw(draws, draw.Grant, draw.Amount);
            left -= draw.Amount;
        }

        return Pay(wallet, held + beyond, left, Book.Revenue, TransferKind.Charge, null, draws);
    }

    /// <summary>Lets a debit that nothing free covers have what holds have reserved of a grant. They then stand below zero, as far as the debit would have: a debt arises only when nothing is left.</summary>
    private Amount Displace(Grant grant, Amount wanted, List<GrantDraw> draws)
    {
        var most = grant.ExpiresAt <= Moment ? Amount.Zero : Amount.Min(grant.Reserved, wanted);
        if (!most.IsPositive)
        {
            return wanted;
        }

        var left = most;
        // The youngest hold gives way first.
        foreach (var hold in OpenHolds.OrderByDescending(hold => hold.Id).ToArray())
        {
            var parts = hold.State.Parts.Select(part => part.Without(grant.Id, ref left)).ToArray();
            if (!parts.SequenceEqual(hold.State.Parts))
            {
                Change(hold, hold.State with { Parts = parts }, isNoted: false);
            }
        }

        Touch(grant);
        grant.Reserved -= most - left;
        return DrawFrom(grant, wanted, draws);
    }

    private static (List<HoldPart> Taken, List<HoldPart> Later) Split(IReadOnlyList<HoldPart> parts, Amount covers)
    {
        var (taken, rest) = (new List<HoldPart>(parts.Count), new List<HoldPart>());
        foreach (var part in parts)
        {
            if (!covers.IsPositive)
            {
                rest.Add(part);
                continue;
            }

            var (now, later) = part.Split(Amount.Min(part.Covers, covers));
            covers -= now.Covers;
            taken.Add(now);
            if (later is not null)
            {
                rest.Add(later);
            }
        }

        return (taken, rest);
    }

    private static List<Payment> Payments(List<HoldPart> held, IReadOnlyList<FundingQuote> beyond)
    {
        var payments = new List<Payment>(held.Count);
        Payment Of(Unit unit, bool unlimited)
        {
            var there = payments.Find(p => p.Unit == unit && p.Unlimited == unlimited);
            if (there is null)
            {
                payments.Add(there = new Payment(unit, unlimited));
            }

            return there;
        }

        foreach (var part in held.Where(part => part.Amount.IsPositive))
        {
            var payment = Of(part.Unit, part.Unlimited);
            payment.Held += part.Amount;
            payment.Grants.AddRange(part.Grants);
        }

        foreach (var part in beyond.SelectMany(quote => quote.Parts).Where(part => part.Amount.IsPositive))
        {
            Of(part.Wallet, part.Unlimited).Beyond += part.Amount;
        }

        return payments;
    }

    private void Change(Hold hold, HoldState next, bool isNoted = true)
    {
        if (touchedHolds.Add(hold))
        {
            undo.Add(() => touchedHolds.Remove(hold));
        }

        var before = hold.State;
        undo.Add(() => hold.State = before);
        hold.State = next;
        if (isNoted)
        {
            Note(hold);
        }
    }

    private void Note(Hold hold) =>
        holdChanges.Add(new() { AccountId = Account, HoldId = hold.Id, OperationId = operationId, CreatedAt = Now, Status = hold.Status, ExpiresAt = hold.ExpiresAt, StateJson = hold.StateJson });

    private void BeginHolds() => holdMark = (newHolds.Count, holdChanges.Count);

    private void RollBackHolds()
    {
        for (var i = newHolds.Count - 1; i >= holdMark.Holds; i--)
        {
            holds.Remove(newHolds[i].Id);
        }

        newHolds.RemoveRange(holdMark.Holds, newHolds.Count - holdMark.Holds);
        holdChanges.RemoveRange(holdMark.Changes, holdChanges.Count - holdMark.Changes);
    }

    private static IReadOnlyList<UnitAmount> SumOf(IEnumerable<HoldPart> parts) => HoldSums.Of(parts.Where(part => part.Amount.IsPositive).Select(part => new UnitAmount(part.Unit, part.Amount)));

    private sealed class Payment(Unit unit, bool unlimited)
    {
        public Unit Unit => unit;
        public bool Unlimited => unlimited;
        public Amount Held { get; set; }
        public Amount Beyond { get; set; }
        public List<GrantDraw> Grants { get; } = [];
    }
}
