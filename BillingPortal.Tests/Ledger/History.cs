using BillingPortal.Catalog;
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
        from what in Gen.Elements("grant", "grant", "debit", "charge", "charge", "charge", "refund", "clawback", "adjust", "plan", "policy", "wait")
        from unit in Gen.Elements("credit", "usd", "messages", "llm_tokens", "calls")
        from amount in Gen.Choose(1, 40_000_000)
        from hours in Gen.Frequency((6, Gen.Choose(0, 3)), (2, Gen.Choose(3, 400)), (1, Gen.Choose(400, 3_000)))
        from pick in Gen.Choose(0, 1_000)
        select new Step(what, unit, amount / 1_000_000m * (unit == "llm_tokens" ? 100 : 1), hours, pick));

    private readonly Dictionary<Unit, Wallet> wallets = [];
    private readonly Dictionary<GrantId, Grant> grants = [];
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
            var proof = new WalletProof(wallet, own);
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

        return null;
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
    }

    private static string Picture(AccountState state) => string.Join('|',
        state.Wallets.Where(w => w.Seq > 0).OrderBy(w => w.Unit).Select(w => $"{w.Unit} {w.Balance} {w.Debt} {w.UsedInPeriod} {w.Seq} {Convert.ToHexString(w.LastHash)}")
            .Concat(state.Grants.Select(g => $"{g.Id} {g.Remaining} {g.IsOpen}"))
            .Append($"{state.PendingTransfers.Count} {state.NewGrants.Count} {state.Head.Plan} {state.Plan.Id} {state.Head.PeriodEnd:O} {state.Head.Currency} {state.Head.TotalUses}"));
}
