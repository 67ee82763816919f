using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using FsCheck;
using FsCheck.Fluent;

namespace BillingPortal.Tests.Ledger;

/// <summary>One thing that may happen to an account.</summary>
public sealed record Step(string What, string Unit, decimal Amount, int Hours, int Pick);

/// <summary>An account's ledger in memory, driven through the pure core as the writer drives it: a state is read, advanced, decided on, and what it appended is kept.</summary>
internal sealed class History
{
    public static readonly Gen<Step[]> Steps = Gen.ArrayOf(
        from what in Gen.Elements("grant", "grant", "debit", "charge", "charge", "charge", "hold", "hold", "hold", "capture", "capture", "release", "extend", "refund", "clawback", "adjust", "plan", "policy", "wait")
        from unit in Gen.Elements("credit", "usd", "messages", "llm_tokens", "calls")
        from amount in Gen.Choose(1, 40_000_000)
        from hours in Gen.Frequency((6, Gen.Choose(0, 3)), (2, Gen.Choose(3, 400)), (1, Gen.Choose(400, 3_000)))
        from pick in Gen.Choose(0, 1_000)
        select new Step(what, unit, amount / 1_000_000m * (unit == "llm_tokens" ? 100 : 1), hours, pick));

    private readonly Dictionary<Unit, Wallet> wallets = [];
    private readonly Dictionary<GrantId, Grant> grants = [];
    private readonly Dictionary<Guid, Hold> holds = [];
    private readonly List<(DateTimeOffset At, IReadOnlyList<FundingPart> Parts, Dictionary<Unit, Amount> Returned)> charges = [];
    private LedgerHead head;
    private DateTimeOffset now = new(2026, 1, 31, 10, 0, 0, TimeSpan.Zero);

    public History() => head = AccountState.NewHead(AccountId.New(), LedgerFixture.Catalog, now);

    public List<Transfer> Transfers { get; } = [];

    /// <returns>What does not hold after it; null when all does.</returns>
    public string? Run(Step step)
    {
        now = now.AddHours(step.Hours);
        var state = Read();
        state.Begin(Guid.CreateVersion7(), null, isCharge: false);
        state.Advance();
        var appended = state.PendingTransfers.Count;
        state.Advance();
        if (state.PendingTransfers.Count != appended)
        {
            return "advancing twice is not advancing once";
        }

        var before = Picture(state);
        state.Begin(Guid.CreateVersion7(), null, isCharge: false);
        var refusal = Apply(state, step, out var floored);
        if (refusal is not null)
        {
            state.RollBack();
            if (Picture(state) != before)
            {
                return $"a refused {step.What} left a trace";
            }
        }

        Keep(state);
        return (refusal is null && floored is { } unit && Floor.Of(state, unit).Lowest is { } lowest && state.Available(unit) < lowest ? $"{unit} is under its floor" : null) ?? Broken();
    }

    /// <summary>The "always true" of the design.</summary>
    public string? Broken()
    {
        foreach (var wallet in wallets.Values)
        {
            List<Grant> own = [.. grants.Values.Where(g => g.Unit == wallet.Unit)];
            var proof = new WalletProof(wallet, own, [.. holds.Values.Where(h => h.IsOpen).Select(h => h.State)]);
            foreach (var row in Transfers.Where(t => t.Unit == wallet.Unit))
            {
                proof.Add(row);
            }

            proof.Close();
            if (proof.Problems.Count > 0)
            {
                return $"{wallet.Unit}: {proof.Problems[0].What}";
            }

            if (own.Any(g => g.Remaining.IsNegative || g.Remaining > g.Amount || g.IsOpen != g.Remaining.IsPositive))
            {
                return $"{wallet.Unit}: a grant holds less than nothing or more than was put in";
            }

            if (own.Any(g => g.ExpiresAt <= head.AdvancedAt && g.Remaining > g.Reserved))
            {
                return $"{wallet.Unit}: something expired and is still there";
            }
        }

        return holds.Values.Select(Broken).FirstOrDefault(what => what is not null);
    }

    private static string? Broken(Hold hold)
    {
        var state = hold.State;
        return state.Captured.Any(c => c.Amount.IsNegative) || state.Remaining.Any(r => !r.Amount.IsPositive) ? "a hold holds less than nothing"
            : hold.IsOpen && hold.Enforcement == EnforcementMode.Enforce && state.Covered != state.PriceLeft ? $"of {state.PriceLeft} promised only {state.Covered} is covered"
            : !hold.IsOpen && state.Parts.Count > 0 ? "a closed hold keeps something"
            : null;
    }

    private Refusal? Apply(AccountState state, Step step, out Unit? floored)
    {
        var unit = Unit.Of(step.Unit);
        var amount = Amount.Of(step.Amount);
        floored = null;
        switch (step.What)
        {
            case "grant":
                return state.Grant(new(unit, amount, (GrantSource)(step.Pick % 3 == 0 ? 0 : 4)) { ExpiresAt = step.Pick % 2 == 0 ? now.AddHours(step.Pick + 1) : null, Reference = $"ref-{step.Pick % 5}" });
            case "debit" or "adjust":
                floored = unit;
                return state.DebitAboveFloor(unit, amount, Book.Adjustment, TransferKind.Adjustment);
            case "charge":
                var quote = FundingChain.Quote(state, new Demand(unit, amount, (step.Pick % 4) + 1));
                if (quote.Refusal is { } shortage)
                {
                    return shortage;
                }

                var (parts, conflict) = FundingChain.Take(state, quote);
                if (conflict is null)
                {
                    charges.Add((state.Now, parts, []));
                }

                return conflict;
            case "hold":
                return Decide(state, new HoldOperation(state.Account, Origin.Api, "h", new HoldRequest(Raw(step), TimeSpan.FromHours(1 + (step.Pick % 200)), (HoldExpiry)(step.Pick % 2)), Mode(step.Pick)));
            case "capture" when holds.Count > 0:
                return Capture(state, step);
            case "release" when holds.Count > 0:
                return Decide(state, new ReleaseHoldOperation(Some(step).ShownId, Origin.Api, "r"));
            case "extend" when holds.Count > 0:
                return Decide(state, new ExtendHoldOperation(Some(step), Origin.Api, "e", TimeSpan.FromHours(step.Pick % 100 + 1), step.Pick % 3 == 0 ? null : amount, EnforcementMode.Enforce));
            case "refund" when charges.Count > 0:
                Refund(state, step);
                return null;
            case "clawback":
                state.Debit(unit, amount, Book.Stripe, TransferKind.Reversal, $"ref-{step.Pick % 5}");
                return null;
            case "plan":
                return state.ChangePlan(step.Pick % 5 == 0 ? "nothing" : step.Pick % 2 == 0 ? "standard" : "free", step.Pick % 3 == 0 ? now.AddDays(-(step.Pick % 40)) : null);
            case "policy":
                state.ChangeLowBalancePolicy((LowBalancePolicy)(step.Pick % 3), Amount.Of(step.Pick));
                return null;
            default:
                return null;
        }
    }

    /// <summary>Now and then somebody lets go of enforcement.</summary>
    private static EnforcementMode Mode(int pick) => pick % 11 == 0 ? EnforcementMode.Observe : pick % 13 == 0 ? EnforcementMode.Off : EnforcementMode.Enforce;

    private static ChargeRequest Raw(Step step) => new(new ChargeSubject { Unit = Unit.Of(step.Unit), Amount = Amount.Of(step.Amount), Quantity = (step.Pick % 4) + 1 });

    /// <summary>A closed one now and then.</summary>
    private Hold Some(Step step) => holds.Values.OrderByDescending(h => h.IsOpen).ThenByDescending(h => h.Id).ElementAt(step.Pick % Math.Min(holds.Count, 4));

    private Refusal? Capture(AccountState state, Step step)
    {
        var hold = Some(step);
        var before = hold.State;
        var over = step.Pick % 3 == 0 ? OverHold.Charge : OverHold.Cap;
        var amount = step.Pick % 5 == 0 ? (Amount?)null : Amount.Of(step.Amount);
        var request = new CaptureRequest(new ChargeRequest(new ChargeSubject { Amount = amount }), HasQuantity: false, IsFinal: step.Pick % 2 == 0, over);
        var refusal = Decide(state, new CaptureOperation(hold, Origin.Api, "c", request, Mode(step.Pick)));
        if (refusal is { } no && before.Status == HoldStatus.Open && over == OverHold.Cap && hold.Asked.Unit is not null)
        {
            throw new InvalidOperationException($"A capture within a hold was refused: {no.Detail}");
        }

        if (refusal is null && over == OverHold.Cap && hold.Enforcement == EnforcementMode.Enforce
            && state.PendingCharges[^1] is var charge && StoredReceipt.Read(charge).Funding.Any(f => !f.Unlimited && f.Amount > before.Remaining.FirstOrDefault(r => r.Unit == f.Unit).Amount))
        {
            throw new InvalidOperationException("A capped capture took more than was held.");
        }

        return refusal;
    }

    private static Refusal? Decide(AccountState state, Operation operation)
    {
        state.Begin(operation.Id, null, operation.IsCharge);
        return operation.Decide(state);
    }

    private void Refund(AccountState state, Step step)
    {
        var (at, parts, returned) = charges[step.Pick % charges.Count];
        foreach (var part in parts)
        {
            var already = returned.GetValueOrDefault(part.Unit);
            var back = Amount.Min(part.Amount - already, Amount.Of(step.Amount));
            if (back.IsPositive)
            {
                state.PutBack(part, already, back, at, "chg_test");
                returned[part.Unit] = already + back;
            }
        }
    }

    private AccountState Read()
    {
        var state = new AccountState(head, LedgerFixture.Catalog, now);
        foreach (var wallet in wallets.Values)
        {
            state.Add(wallet);
        }

        // Refunds read closed grants too; reading all of them every time is the same and simpler.
        foreach (var grant in grants.Values)
        {
            state.Add(grant);
        }

        foreach (var hold in holds.Values)
        {
            state.Add(hold);
        }

        return state;
    }

    private void Keep(AccountState state)
    {
        head.AdvancedAt = state.Now;
        Transfers.AddRange(state.PendingTransfers);
        foreach (var wallet in state.Wallets)
        {
            wallets[wallet.Unit] = wallet;
        }

        foreach (var grant in state.Grants)
        {
            grants[grant.Id] = grant;
        }

        foreach (var hold in state.NewHolds)
        {
            holds[hold.Id] = hold;
        }

        charges.AddRange(state.PendingCharges.Select(c => (c.CreatedAt, StoredReceipt.Read(c).Funding, new Dictionary<Unit, Amount>())));
    }

    private static string Picture(AccountState state) => string.Join('|',
        state.Wallets.Where(w => w.Seq > 0 || !w.Held.IsZero).OrderBy(w => w.Unit).Select(w => $"{w.Unit} {w.Balance} {w.Held} {w.Debt} {w.UsedInPeriod} {w.Seq} {Convert.ToHexString(w.LastHash)}")
            .Concat(state.Grants.Select(g => $"{g.Id} {g.Remaining} {g.Reserved} {g.IsOpen} {g.ExpiresAt}"))
            .Concat(state.OpenHolds.OrderBy(h => h.Id).Select(h => $"{h.Id} {h.ExpiresAt} {h.StateJson}"))
            .Append($"{state.PendingTransfers.Count} {state.NewGrants.Count} {state.NewHolds.Count} {state.HoldChanges.Count} {state.EndedGrants.Count} {state.Head.Plan} {state.Plan.Id} {state.Head.PeriodEnd:O} {state.Head.Currency} {state.Head.TotalUses}"));
}
