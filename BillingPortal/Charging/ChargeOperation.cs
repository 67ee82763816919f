using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Charging;

/// <summary>Takes one charge: decides it under the account's lock, posts what the wallets pay and records it with its receipt.</summary>
/// <param name="mode">Enforce: refused unless all is paid, but for usage events, whose rest becomes debt. Observe: what can be paid is. Off: recorded, nothing moves (DESIGN §7.2). Not part of the body: a repeat gives the first answer.</param>
public sealed class ChargeOperation(AccountId account, Origin origin, string key, ChargeRequest request, EnforcementMode mode) : Operation(account, origin, key)
{
    private byte[]? bodyHash;

    public override string Kind => "charge";
    public override byte[] BodyHash => bodyHash ??= request.Hash(Kind);
    public override string? Details { get; } = request.Details();
    public override Spender Spender => request.Spender;
    // Which meters stand at a level the catalog says, under the lock; only accounts that have some pay for looking.
    public override bool NeedsLevels => request.Subject.Meter is not null;
    internal override bool IsCharge => true;
    /// <summary>The receipt of the last decision, so that the first answer need not read it back from the charge's JSON.</summary>
    internal Receipt? Receipt { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        if (ChargeDecision.Decide(account, request, out var decision) is { } invalid)
        {
            return invalid;
        }

        if (mode == EnforcementMode.Enforce && decision.Refusal is { } refusal)
        {
            if (request.Events == 0)
            {
                return refusal;
            }

            decision = decision with { Quotes = [.. decision.Quotes.Select(quote => FundingChain.PastFloor(account, quote))] };
        }

        var funding = new List<FundingPart>(1);
        if (mode != EnforcementMode.Off)
        {
            if (Pay(account, decision.Quotes, funding) is { } conflict)
            {
                return conflict;
            }

            if (decision.Rated.Counted is { } counted)
            {
                funding.Add(account.CountUnlimited(counted.Unit, counted.Amount));
            }
        }

        if (decision.Level is not null && request.Subject.Outcome == Catalog.Outcome.Success)
        {
            // Whatever the mode: a level is what is so, and no value moves.
            account.Take(LevelDecision.ReportOf(request));
        }

        if (IsUse(decision))
        {
            account.CountUses(Uses);
        }

        Receipt = ToReceipt(decision, funding);
        var charge = ToCharge(account, decision, Receipt);
        account.Record(charge);
        if (Receipt.IsSuspense)
        {
            account.Record(WaitingOf(charge));
        }

        return null;
    }

    /// <summary>The place of a charge without a price in the queue.</summary>
    internal static SuspenseCharge WaitingOf(Charge charge) => new()
    {
        AccountId = charge.AccountId,
        ChargeId = charge.Id,
        CreatedAt = charge.CreatedAt,
        Provider = charge.Provider,
        Model = charge.Model ?? "",
        Tokens = (charge.InputTokens ?? 0) + (charge.OutputTokens ?? 0) + (charge.CachedInputTokens ?? 0) + (charge.CacheWriteTokens ?? 0) + (charge.ReasoningTokens ?? 0),
    };

    /// <summary>What was attempted and came to nothing is no use.</summary>
    private bool IsUse(ChargeDecision decision) => decision.Level is null && decision.Rated.Unpriced != Catalog.UnpricedModelPolicy.Suspense && (request.Subject.Outcome == Catalog.Outcome.Success || decision.Rated.Demands.Count > 0);

    /// <summary>An action counts as often as it was done; anything else as one use.</summary>
    private long Uses => request.Events > 0 ? request.Events : request.Subject.Action is null ? 1L : (long)Math.Ceiling(request.Subject.Quantity);

    private static Refusal? Pay(AccountState account, IReadOnlyList<FundingQuote> quotes, List<FundingPart> funding)
    {
        foreach (var quote in quotes)
        {
            var (parts, conflict) = FundingChain.Take(account, quote);
            funding.AddRange(parts);
            if (conflict is not null)
            {
                return conflict;
            }
        }

        return null;
    }

    private Receipt ToReceipt(ChargeDecision decision, List<FundingPart> funding)
    {
        var lines = decision.Rated.Lines;
        var shown = new ReceiptLine[lines.Count];
        for (var i = 0; i < shown.Length; i++)
        {
            shown[i] = new(lines[i].What, lines[i].Quantity, lines[i].Price, lines[i].Per, lines[i].Amount, lines[i].Unit.Code);
        }

        return new()
        {
            Lines = shown,
            RateVersion = decision.Rated.RateVersion,
            IsSuspense = decision.Rated.Unpriced == Catalog.UnpricedModelPolicy.Suspense && mode != EnforcementMode.Off,
            Price = decision.Price(),
            Funding = funding,
            Uncovered = mode == EnforcementMode.Off ? decision.Price() : decision.Uncovered(),
            Warnings = decision.Level is { IsOverIncluded: true } ? [request.Subject.Meter!, .. Receipt.WarningsOf(funding)] : Receipt.WarningsOf(funding),
            Level = decision.Level is { } level ? new(request.Subject.Meter!, request.Subject.Outcome == Catalog.Outcome.Success ? level.After : level.Before, level.Included) : null,
            PastFloor = decision.PastFloor(),
            Events = request.Events,
            OwnKey = request.Subject.Byok,
            TiersFrom = decision.Rated.TiersFrom,
        };
    }

    private Charge ToCharge(AccountState account, ChargeDecision decision, Receipt receipt) => Charge.Of(
        account, Id, request.Subject, new(request.Member, request.Agent, request.Run), request.OccurredAt, OutcomeNames.Of(request.Subject.Outcome), decision.Rated.Cost,
        mode, mode == EnforcementMode.Observe || request.Events > 0 ? decision.Refusal?.Code.Name : null, receipt);
}
