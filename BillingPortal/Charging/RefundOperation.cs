using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>Gives a charge back, in part or whole (DESIGN §7.20): never more than was charged, all refunds together. What it counted against an unlimited allowance is uncounted.</summary>
/// <param name="funding">How much of which wallet's part; null: all that is left of the charge.</param>
/// <param name="reason">For people; erasable.</param>
public sealed class RefundOperation(ChargeId charge, Origin origin, string key, IReadOnlyList<UnitAmount>? funding, string reason)
    : Operation(charge.Account, origin, key)
{
    private byte[]? bodyHash;

    public override string Kind => "refund";
    public override byte[] BodyHash => bodyHash ??= Hash();
    public override string? Details { get; } = DetailsJson.OfReason(reason);
    public override Guid? ChargeToLoad => charge.Value;

    public override Refusal? Decide(AccountState account)
    {
        if (account.LoadedCharge is not { } charged)
        {
            return new(ErrorCode.NotFound, "There is no such charge. Nothing was refunded.");
        }

        var receipt = StoredReceipt.Read(charged);
        var parts = receipt.Funding;
        var wanted = funding ?? Left(parts, account.LoadedRefunds);
        if (wanted.Count == 0)
        {
            return new(ErrorCode.Conflict, "Nothing is left of this charge to refund.");
        }

        foreach (var ask in wanted)
        {
            if (PutBack(account, charged, parts, ask) is { } refusal)
            {
                return refusal;
            }
        }

        account.Record(new ChargeRefund
        {
            AccountId = account.Account,
            ChargeId = charged.Id,
            Id = Id,
            Units = [.. wanted.Select(w => w.Unit.Code)],
            Amounts = [.. wanted.Select(w => w.Amount.Value)],
            Price = PaidPrice.TakenOff(receipt, account.LoadedRefunds, wanted),
            CreatedAt = account.Now,
        });
        return null;
    }

    private static Refusal? PutBack(AccountState account, Charge charged, IReadOnlyList<FundingPart> parts, UnitAmount ask)
    {
        var part = parts.FirstOrDefault(p => p.Unit == ask.Unit);
        if (part is null || ask.Amount > part.Amount)
        {
            var most = part?.Amount ?? Amount.Zero;
            return Refusal.Invalid("funding", $"The charge took {most} {ask.Unit}, less than the {ask.Amount} to be refunded. Nothing was refunded.", ErrorCode.InvalidAmount);
        }

        var returned = PaidPrice.Returned(account.LoadedRefunds, ask.Unit);
        if (ask.Amount > part.Amount - returned)
        {
            return new(ErrorCode.Conflict, $"Only {part.Amount - returned} {ask.Unit} of this charge are left to refund. Nothing was refunded.");
        }

        account.PutBack(part, returned, ask.Amount, charged.CreatedAt, charged.ShownId.ToString());
        return null;
    }

    /// <summary>Last drawn, first returned.</summary>
    private static List<UnitAmount> Left(IReadOnlyList<FundingPart> parts, IReadOnlyList<ChargeRefund> refunds)
    {
        var left = new List<UnitAmount>(parts.Count);
        for (var i = parts.Count - 1; i >= 0; i--)
        {
            var amount = parts[i].Amount - PaidPrice.Returned(refunds, parts[i].Unit);
            if (amount.IsPositive)
            {
                left.Add(new(parts[i].Unit, amount));
            }
        }

        return left;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(charge.Value);
        digest.Add(Details);
        digest.Add(funding is null ? -1L : funding.Count);
        foreach (var part in funding ?? [])
        {
            digest.Add(part.Unit);
            digest.Add(part.Amount);
        }

        return digest.Sha256();
    }
}
