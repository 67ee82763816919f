using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using BillingPortal.Subscriptions;

namespace BillingPortal.Charging;

/// <summary>What a charge would cost an account as it stands, who would pay, and why it would be refused. Pure: nothing is posted, so checks and estimates ask it too.</summary>
/// <param name="Rated">The price and how it came about.</param>
/// <param name="Quotes">Which wallets pay what, per demand.</param>
/// <param name="Refusal">Why enforcing refuses; null: it does not.</param>
public sealed record ChargeDecision(RatedCharge Rated, IReadOnlyList<FundingQuote> Quotes, Refusal? Refusal)
{
    /// <summary>For a meter that stands at a level: where it would stand.</summary>
    public LevelChange? Level { get; init; }

    private static readonly RatedCharge Unpriced = new([], null, []);

    public UnitAmount[] Price()
    {
        var price = new UnitAmount[Rated.Demands.Count];
        for (var i = 0; i < price.Length; i++)
        {
            price[i] = new(Rated.Demands[i].Unit, Rated.Demands[i].Amount);
        }

        return price;
    }

    /// <summary>What no wallet can pay, in the units of the price.</summary>
    public UnitAmount[] Uncovered()
    {
        List<UnitAmount>? uncovered = null;
        foreach (var quote in Quotes)
        {
            if (quote.Uncovered.IsPositive)
            {
                (uncovered ??= []).Add(new(quote.Demand.Unit, quote.Uncovered));
            }
        }

        return uncovered?.ToArray() ?? [];
    }

    /// <summary>What became debt beyond the wallet's floor, in the units of the price; null: nothing.</summary>
    public UnitAmount[]? PastFloor()
    {
        List<UnitAmount>? past = null;
        foreach (var quote in Quotes)
        {
            if (quote.PastFloor.IsPositive)
            {
                (past ??= []).Add(new(quote.Demand.Unit, quote.PastFloor));
            }
        }

        return past?.ToArray();
    }

    /// <param name="decision">The decision, where there is one.</param>
    /// <returns>Null, or why the request can never be meant so (unknown action or meter, a price out of range), whatever the enforcement.</returns>
    public static Refusal? Decide(AccountState account, ChargeRequest request, out ChargeDecision decision)
    {
        var subject = request.Subject;
        var refusal = Standing(account) ?? Entitlements.Check(account.Catalog, account.Plan, subject);
        if (LevelDecision.IsFor(account.Catalog, subject))
        {
            return LevelDecision.Decide(account, request, refusal, out decision);
        }

        decision = new(Unpriced, [], refusal);
        // What has happened costs what it cost then.
        if (!Rate(account, subject, request.Events > 0 ? request.OccurredAt : null).TryGet(out var rated, out var unrated))
        {
            decision = decision with { Refusal = refusal ?? unrated };
            return unrated.Code == ErrorCode.UnpricedModel ? null : unrated;
        }

        var quotes = new FundingQuote[rated.Demands.Count];
        for (var i = 0; i < quotes.Length; i++)
        {
            quotes[i] = FundingChain.Quote(account, rated.Demands[i]);
            if (quotes[i].Refusal is { } shortage)
            {
                refusal ??= RefusalAdvice.Add(shortage, account, subject, quotes[i]);
            }
        }

        if (refusal is null && account.OverBudget(request.Spender, quotes) is { } over)
        {
            refusal = RefusalAdvice.Add(over.Refusal, account, subject, quotes, over.Room);
        }

        decision = new(rated, quotes, refusal);
        return null;
    }

    /// <param name="at">Whose card it is priced by; null: the account's now.</param>
    internal static Result<RatedCharge> Rate(AccountState account, ChargeSubject subject, DateTimeOffset? at = null) =>
        Rater.Rate(account.Catalog, account.Plan, subject, at ?? account.Now, UsedOf(account, subject));

    private static Amount UsedOf(AccountState account, ChargeSubject subject) =>
        subject.Meter is { } meter && account.Catalog.FindMeter(meter) is { } known ? account.WalletOf(known.Unit).UsedInPeriod : Amount.Zero;

    private static Refusal? Standing(AccountState account) => account.Head.Status switch
    {
        AccountStatus.Active => null,
        AccountStatus.PastDue when account.Head.GraceUntil is { } until && until > account.Now => null,
        AccountStatus.PastDue => new(ErrorCode.PaymentRequired, "A payment has failed and its grace period is over. Nothing was charged. Pay the open invoice to go on."),
        AccountStatus.Suspended => new(ErrorCode.AccountSuspended, "The account is suspended. Nothing was charged."),
        AccountStatus.Closed => new(ErrorCode.AccountSuspended, "The account is closed. Nothing was charged."),
    };
}
