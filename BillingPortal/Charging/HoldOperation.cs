using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>Opens a hold: decided like a charge of the same body, and what would have been paid is reserved instead.</summary>
/// <param name="mode">Enforce: refused unless all is covered. Observe: what is covered is reserved. Off: recorded, nothing is reserved. Captures go by it as well.</param>
public sealed class HoldOperation(AccountId account, Origin origin, string key, HoldRequest request, EnforcementMode mode) : Operation(account, origin, key)
{
    public override string Kind => "hold";
    public override bool NeedsLevels => request.Charge.Subject.Meter is not null;
    public override Spender Spender => request.Charge.Spender;
    public override byte[] BodyHash => Hash();
    public override string? Details { get; } = request.Charge.Details();
    /// <summary>The hold that the last decision opened.</summary>
    internal Hold? Hold { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        if (ChargeDecision.Decide(account, request.Charge, out var decision) is { } invalid)
        {
            return invalid;
        }

        if (decision.Level is not null)
        {
            return Refusal.Invalid("meter", $"'{request.Charge.Subject.Meter}' stands at a level: there is nothing to hold. Nothing was done.");
        }

        if (decision.Rated.Unpriced == Catalog.UnpricedModelPolicy.Suspense)
        {
            return new(ErrorCode.UnpricedModel, $"No rate is known for the model '{request.Charge.Subject.Model}', so there is nothing to hold. Nothing was done; charge it when it is done, and its price follows.");
        }

        if (mode == EnforcementMode.Enforce && decision.Refusal is { } refusal)
        {
            return refusal;
        }

        Hold = ToHold(account, decision);
        return account.OpenHold(Hold, mode == EnforcementMode.Off ? [] : decision.Quotes, account.Now + request.ExpiresIn);
    }

    private Hold ToHold(AccountState account, ChargeDecision decision)
    {
        var rated = decision.Rated;
        var demand = rated.Demands.Count == 0 ? default : rated.Demands[0];
        var work = new HeldWork(request.Charge.Subject, rated.Demands.Count == 0 ? null : demand.Unit, demand.Amount, demand.Uses, demand.OwnKey)
        {
            RateVersion = rated.RateVersion,
            Cost = rated.Cost,
            Counted = rated.Counted is { } counted ? new(counted.Unit, counted.Amount) : null,
            Lines = [.. rated.Lines.Select(line => new ReceiptLine(line.What, line.Quantity, line.Price, line.Per, line.Amount, line.Unit.Code))],
        };
        return new()
        {
            AccountId = account.Account,
            Id = Id,
            CreatedAt = account.Now,
            OnExpiry = request.OnExpiry,
            Enforcement = mode,
            WouldRefuse = mode == EnforcementMode.Observe ? decision.Refusal?.Code.Name : null,
            Member = request.Charge.Member,
            Agent = request.Charge.Agent,
            Run = request.Charge.Run,
            AskedJson = StoredHold.Write(work),
        };
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[128]);
        digest.Add(Convert.ToHexString(request.Charge.Hash(Kind)));
        digest.Add((long)request.ExpiresIn.TotalSeconds);
        digest.Add((long)request.OnExpiry);
        return digest.Sha256();
    }
}
