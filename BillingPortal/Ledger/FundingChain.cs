using BillingPortal.Catalog;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Ledger;

/// <summary>Which wallets pay for a demand, in the order of the plan's chain. Pure.</summary>
/// <remarks>
/// First every link pays out of what is there; only then, again in order, links go below zero as far as their floors let them. So credits are used up before a
/// plan's overage begins, where a chain has both.
/// </remarks>
public static class FundingChain
{
    /// <summary>Says who would pay what. Nothing moves.</summary>
    public static FundingQuote Quote(AccountState account, Demand demand)
    {
        var chain = account.Plan.Funding.TryGetValue(demand.Unit, out var steps) ? steps : [new FundingStep(demand.Unit)];
        Span<Payment> payments = chain.Count <= 8 ? stackalloc Payment[8] : new Payment[chain.Count];
        var left = demand.Amount;
        for (var i = 0; i < chain.Count && left.IsPositive; i++)
        {
            payments[i] = MayPay(chain[i], demand) ? Pay(account, chain[i], demand, left, Amount.Max(Amount.Zero, account.Available(chain[i].Wallet))) : default;
            left -= payments[i].Covers;
        }

        for (var i = 0; i < chain.Count && left.IsPositive; i++)
        {
            if (MayPay(chain[i], demand) && !chain[i].PerUse)
            {
                var below = PayBelowZero(account, chain[i], demand, left, payments[i].Amount);
                payments[i] = payments[i] with { Amount = payments[i].Amount + below.Amount, Covers = payments[i].Covers + below.Covers };
                left -= below.Covers;
            }
        }

        var parts = new List<FundingQuotePart>(1);
        for (var i = 0; i < chain.Count; i++)
        {
            if (payments[i].Covers.IsPositive)
            {
                parts.Add(new(chain[i].Wallet, payments[i].Amount, payments[i].Covers, payments[i].Unlimited));
            }
        }

        return new(demand, parts, left, left.IsPositive ? Refuse(account, chain, demand, left) : null);
    }

    /// <summary>Lets the chain's last wallet that pays amounts owe what nobody covers, past its floor: for what has happened already (DESIGN §7.1).</summary>
    public static FundingQuote PastFloor(AccountState account, FundingQuote quote)
    {
        if (!quote.Uncovered.IsPositive)
        {
            return quote;
        }

        var (demand, rest) = (quote.Demand, quote.Uncovered);
        var chain = account.Plan.Funding.TryGetValue(demand.Unit, out var steps) ? steps : [new FundingStep(demand.Unit)];
        var step = chain.LastOrDefault(s => MayPay(s, demand) && !s.PerUse) ?? new FundingStep(demand.Unit);
        if (!MayPay(step, demand))
        {
            return quote;
        }

        var parts = quote.Parts.ToList();
        var at = parts.FindIndex(p => p.Wallet == step.Wallet);
        var owed = Needed(step, rest);
        if (at < 0)
        {
            parts.Add(new(step.Wallet, owed, rest, Unlimited: false));
        }
        else
        {
            parts[at] = parts[at] with { Amount = parts[at].Amount + owed, Covers = parts[at].Covers + rest };
        }

        return quote with { Parts = parts, Uncovered = Amount.Zero, PastFloor = rest };
    }

    /// <summary>Posts what was quoted: to be called on the same state, at once.</summary>
    /// <returns>The parts for the receipt; a conflict for a second currency.</returns>
    public static (List<FundingPart> Parts, Refusal? Refusal) Take(AccountState account, FundingQuote quote)
    {
        var taken = new List<FundingPart>(quote.Parts.Count);
        foreach (var part in quote.Parts)
        {
            if (account.TakeCurrency(part.Wallet) is { } conflict)
            {
                return (taken, conflict);
            }

            if (part.Unlimited)
            {
                taken.Add(account.CountUnlimited(part.Wallet, part.Amount));
            }
            else if (part.Amount.IsPositive)
            {
                taken.Add(account.Debit(part.Wallet, part.Amount, Book.Revenue, TransferKind.Charge));
            }
        }

        return (taken, null);
    }

    /// <summary>With a key of the customer's own there is nothing for credits, free uses or money to pay (A8).</summary>
    private static bool MayPay(FundingStep step, Demand demand) => !demand.OwnKey || step.Wallet.IsMeter;

    private static Payment Pay(AccountState account, FundingStep step, Demand demand, Amount left, Amount there)
    {
        if (step.Wallet.IsMeter && account.Plan.AllowanceOf(step.Wallet.Code) is { Included: null })
        {
            return new(Needed(step, left), left, Unlimited: true);
        }

        return step.PerUse ? PayByUse(step, demand, left, there) : PayByAmount(step, left, there);
    }

    private static Payment PayByAmount(FundingStep step, Amount left, Amount there)
    {
        var needed = Needed(step, left);
        if (needed <= there)
        {
            return new(needed, left);
        }

        // What a part of the price buys is rounded down: a wallet never covers more than it pays for.
        return there.IsPositive ? new(there, Amount.Of(decimal.Round(there.Value / step.Price, Amount.Scale, MidpointRounding.ToZero))) : default;
    }

    private static Payment PayByUse(FundingStep step, Demand demand, Amount left, Amount there)
    {
        if (demand.Uses <= 0m || step.Price <= 0m)
        {
            return default;
        }

        var usesLeft = decimal.Ceiling(demand.Uses * left.Value / demand.Amount.Value);
        var usesThere = decimal.Floor(there.Value / step.Price);
        if (usesThere >= usesLeft)
        {
            return new(Amount.Round(usesLeft * step.Price), left);
        }

        return usesThere > 0m
            ? new(Amount.Round(usesThere * step.Price), Amount.Min(left, Amount.Round(demand.Amount.Value * usesThere / demand.Uses)))
            : default;
    }

    private static Payment PayBelowZero(AccountState account, FundingStep step, Demand demand, Amount left, Amount already)
    {
        var available = account.Available(step.Wallet) - already;
        return Floor.Of(account, step.Wallet).Room(available) is { } room ? PayByAmount(step, left, room) : new(Needed(step, left), left);
    }

    private static Amount Needed(FundingStep step, Amount left) => step.Price == 1m ? left : Amount.Max(Amount.Least, Amount.Round(left.Value * step.Price));

    private static Refusal Refuse(AccountState account, IReadOnlyList<FundingStep> chain, Demand demand, Amount left)
    {
        var last = chain.LastOrDefault(step => MayPay(step, demand));
        if (last is null)
        {
            return Shortage.Of(account, demand.Unit, left, Amount.Zero);
        }

        // What the last link would have had to pay, had it enough.
        var available = account.Available(last.Wallet);
        var room = Floor.Of(account, last.Wallet).Room(available) ?? Amount.Zero;
        var missing = last.PerUse && demand.Amount.IsPositive
            ? Amount.Round(decimal.Ceiling(demand.Uses * left.Value / demand.Amount.Value) * last.Price)
            : Needed(last, left);
        return Shortage.Of(account, last.Wallet, room + missing, room);
    }

    private readonly record struct Payment(Amount Amount, Amount Covers, bool Unlimited = false);
}

/// <param name="Parts">Who pays, in the order of the chain.</param>
/// <param name="Uncovered">What nobody pays, in the demand's unit.</param>
/// <param name="Refusal">The refusal that enforcing gives, with the code of the chain's last link (DESIGN §7.6); null when all is covered.</param>
public sealed record FundingQuote(Demand Demand, IReadOnlyList<FundingQuotePart> Parts, Amount Uncovered, Refusal? Refusal)
{
    /// <summary>How much of the demand is owed beyond the floor.</summary>
    public Amount PastFloor { get; init; }
}

/// <param name="Amount">In the wallet's unit.</param>
/// <param name="Covers">In the demand's unit.</param>
/// <param name="Unlimited">Counted only.</param>
public sealed record FundingQuotePart(Unit Wallet, Amount Amount, Amount Covers, bool Unlimited);
