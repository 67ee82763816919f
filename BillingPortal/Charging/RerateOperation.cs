using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>Reverses what is left of a charge and charges it anew at another price, in one step. It happened, so nothing refuses it: what no wallet covers becomes debt.</summary>
/// <remarks>
/// Who paid goes on paying: each wallet the part of the price that it covered, out of the grants that it had drawn; free uses pay the same share of the new price, what is unlimited
/// all of it. What the new price is lower goes back where the charge had drawn last; what it is higher is paid by the plan's funding chain as it stands.
/// </remarks>
/// <param name="key">Names the re-rating and the charge, so that it is posted once.</param>
/// <param name="before">What was left of the price when it was previewed; refused when that has changed.</param>
/// <param name="reason">For people; erasable.</param>
public sealed class RerateOperation(ChargeId charge, string key, UnitAmount? before, NewRating rating, string reason) : Operation(charge.Account, Origin.Job, key)
{
    public override string Kind => "rerate";
    public override byte[] BodyHash => Hash();
    public override string? Details { get; } = DetailsJson.OfReason(reason);
    public override Guid? ChargeToLoad => charge.Value;
    internal override bool IsCharge => true;

    public override Refusal? Decide(AccountState account)
    {
        if (account.LoadedCharge is not { } charged)
        {
            return new(ErrorCode.NotFound, "There is no such charge. Nothing was posted.");
        }

        var receipt = StoredReceipt.Read(charged);
        var left = PaidPrice.Left(receipt, account.LoadedRefunds);
        if (Rerating.IsSettled(receipt, account.LoadedRefunds) || left != (before?.Amount ?? Amount.Zero))
        {
            return new(ErrorCode.Conflict, "The charge was given back or rated again since the preview. Nothing was posted.");
        }

        var shares = ReratedFunding.Of(account, charged, receipt, account.LoadedRefunds, rating.Price, left);
        PutBack(account, charged, receipt, left);
        var (funding, conflict) = charged.Enforcement == EnforcementMode.Off ? ([], null) : Take(account, charged, receipt, shares);
        if (conflict is not null)
        {
            return conflict;
        }

        account.Record(charged.RatedAgain(Id, new()
        {
            Lines = rating.Lines,
            RateVersion = rating.RateVersion,
            Price = rating.Price is { } price ? [price] : [],
            Funding = funding,
            Uncovered = shares.Uncovered.IsPositive ? [new(rating.Price!.Value.Unit, shares.Uncovered)] : [],
            PastFloor = shares.PastFloor.IsPositive ? [new(rating.Price!.Value.Unit, shares.PastFloor)] : null,
            Events = receipt.Events,
            Warnings = Receipt.WarningsOf(funding),
            Hold = receipt.Hold,
            Capped = receipt.Capped,
            OwnKey = receipt.OwnKey,
            TiersFrom = rating.TiersFrom,
            Rerates = charged.Id,
            Whole = rating.Whole,
        }));
        return null;
    }

    private void PutBack(AccountState account, Charge charged, Receipt receipt, Amount left)
    {
        var back = new List<UnitAmount>(receipt.Funding.Count);
        foreach (var part in receipt.Funding.Reverse())
        {
            var returned = PaidPrice.Returned(account.LoadedRefunds, part.Unit);
            if (part.Amount > returned)
            {
                account.PutBack(part, returned, part.Amount - returned, charged.CreatedAt, charged.ShownId.ToString());
                back.Add(new(part.Unit, part.Amount - returned));
            }
        }

        account.Record(new ChargeRefund
        {
            AccountId = account.Account,
            ChargeId = charged.Id,
            Id = Id,
            Units = [.. back.Select(b => b.Unit.Code)],
            Amounts = [.. back.Select(b => b.Amount.Value)],
            Price = left,
            CreatedAt = account.Now,
        });
    }

    private (List<FundingPart> Funding, Refusal? Conflict) Take(AccountState account, Charge charged, Receipt receipt, ReratedFunding shares)
    {
        var funding = new List<FundingPart>(shares.Parts.Count);
        foreach (var (unit, amount, unlimited) in shares.Parts)
        {
            if (account.TakeCurrency(unit) is { } conflict)
            {
                return (funding, conflict);
            }

            funding.Add(unlimited
                ? account.CountAgain(unit, amount, charged.CreatedAt)
                : account.TakeAgain(unit, amount, receipt.Funding.FirstOrDefault(part => part.Unit == unit)?.Grants ?? [], charged.CreatedAt, charged.ShownId.ToString()));
        }

        if (rating.Counted is { } counted)
        {
            funding.Add(account.CountAgain(counted.Unit, counted.Amount, charged.CreatedAt));
        }

        return (funding, null);
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[512]);
        digest.Add(Kind);
        digest.Add(charge.Value);
        digest.Add(before?.Unit.Code);
        digest.Add(before?.Amount.Millionths ?? 0L);
        digest.Add(rating.Price?.Unit.Code);
        digest.Add(rating.Price?.Amount.Millionths ?? 0L);
        digest.Add(rating.RateVersion);
        digest.Add(Details);
        return digest.Sha256();
    }
}
