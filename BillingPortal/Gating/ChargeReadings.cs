using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>Why was I charged? One charge with its receipt, and the list of an account's.</summary>
internal static class ChargeReadings
{
    /// <summary>The same for a charge that is not there and for one of another's account.</summary>
    public static Refusal Unknown { get; } = new(ErrorCode.NotFound, "There is no such charge. Nothing was done.");

    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/charges/{id}", FindAsync).WithName("GetCharge").WithSummary("A charge with its receipt: quantities, rate version, price, grants drawn.")
            .RequireScope(Scope.Read, Scope.Gate).Produces<ChargeDetail>().ProducesProblem(404);
        api.MapGet("/accounts/{account}/charges", ListAsync).WithName("ListCharges").WithSummary("An account's charges, newest first; filters run, agent, member.")
            .RequireScope(Scope.Read).Produces<ListAnswer<ChargeDetail>>().ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<IResult> FindAsync(HttpContext context, string id, [FromServices] ChargeReads charges, [FromServices] AccountNames names)
    {
        if (!ChargeId.TryParse(id, out var charge) || !context.Caller().MayReach(charge.Account) || await charges.FindAsync(charge, context.RequestAborted) is not { } found)
        {
            return Unknown.ToProblem();
        }

        var account = await names.OfAsync(charge.Account, context.RequestAborted);
        return TypedResults.Ok(ChargeDetail.Of(found.Charge, account) with { Refunds = [.. found.Refunds.Select(RefundDetail.Of)], ReratedBy = (await charges.ReratedByAsync(charge.Account, found.Refunds, context.RequestAborted))?.ToString() });
    }

    private static async Task<IResult> ListAsync(HttpContext context, string account, string? limit, string? cursor, string? run, string? agent, string? member,
        [FromServices] ChargeReads charges, [FromServices] AccountDirectory accounts, [FromServices] AccountNames names)
    {
        if (await accounts.FindAsync(context.Caller(), account, context.RequestAborted) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (ListQuery.Read(limit, cursor, out var query) is { } refusal)
        {
            return refusal.ToProblem();
        }

        var rows = await charges.ListAsync(id, new(run, agent, member), query.Before, query.Limit, context.RequestAborted);
        var name = await names.OfAsync(id, context.RequestAborted);
        return TypedResults.Ok(new ListAnswer<ChargeDetail>([.. rows.Select(row => ChargeDetail.Of(row, name))], query.Next(rows, row => row.Id)));
    }
}

/// <summary>A charge with all that was said of it and its receipt.</summary>
internal sealed record ChargeDetail(string Id, string Account, string Status, IReadOnlyList<UnitAmount> Price, IReadOnlyList<FundingDetail> Funding, EnforcementMode Enforcement, DateTimeOffset CreatedAt)
{
    public DateTimeOffset? OccurredAt { get; init; }
    public string? Action { get; init; }
    public string? Meter { get; init; }
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Tool { get; init; }
    public string? Feature { get; init; }
    public string? Member { get; init; }
    public string? Agent { get; init; }
    public string? Run { get; init; }
    public decimal Quantity { get; init; }
    public TokensSchema? Tokens { get; init; }
    public string Outcome { get; init; } = "";
    public string? WouldRefuse { get; init; }
    public IReadOnlyList<UnitAmount>? Uncovered { get; init; }
    public IReadOnlyList<string>? Warnings { get; init; }
    public LevelMark? Level { get; init; }
    /// <summary>The hold that it was captured from.</summary>
    public string? Hold { get; init; }
    /// <summary>What the true price went above the hold and was not charged.</summary>
    public IReadOnlyList<UnitAmount>? Capped { get; init; }
    /// <summary>The charge that it stands for since that was rated again.</summary>
    public string? Rerates { get; init; }
    /// <summary>The charge that stands for this one since it was rated again.</summary>
    public string? ReratedBy { get; init; }
    /// <summary>Label of the rate-card version that priced it.</summary>
    public string? RateVersion { get; init; }
    /// <summary>quantity × price ÷ per = amount, before the one rounding of the sum.</summary>
    public IReadOnlyList<ReceiptLine> Lines { get; init; } = [];
    public IReadOnlyList<RefundDetail>? Refunds { get; init; }

    public static ChargeDetail Of(Charge charge, string account)
    {
        var receipt = StoredReceipt.Read(charge);
        return new(charge.ShownId.ToString(), account, "succeeded", receipt.Price, [.. receipt.Funding.Select(FundingDetail.Of)], charge.Enforcement, charge.CreatedAt)
        {
            OccurredAt = charge.OccurredAt,
            Action = charge.Action,
            Meter = charge.Meter,
            Provider = charge.Provider,
            Model = charge.Model,
            Tool = charge.Tool,
            Feature = charge.Feature,
            Member = charge.Member,
            Agent = charge.Agent,
            Run = charge.Run,
            Quantity = charge.Quantity / 1.0000000000000000000000000000m, // without the column's zeros
            Tokens = charge.InputTokens is null ? null : new(charge.InputTokens, charge.OutputTokens, charge.CachedInputTokens, charge.CacheWriteTokens, charge.ReasoningTokens),
            Outcome = charge.Outcome,
            WouldRefuse = charge.WouldRefuse,
            Uncovered = receipt.Uncovered.Count == 0 ? null : receipt.Uncovered,
            Warnings = receipt.Warnings.Count == 0 ? null : receipt.Warnings,
            Level = receipt.Level,
            Hold = receipt.Hold is { } hold ? new HoldId(charge.AccountId, hold).ToString() : null,
            Capped = receipt.Capped,
            Rerates = receipt.Rerates is { } stood ? new ChargeId(charge.AccountId, stood).ToString() : null,
            RateVersion = receipt.RateVersion,
            Lines = receipt.Lines,
        };
    }
}

/// <summary>One wallet's part, with the grants that it drew on; what they leave of the amount became debt.</summary>
internal sealed record FundingDetail(Unit Unit, Amount Amount, Amount BalanceAfter, bool? Unlimited, IReadOnlyList<DrawDetail> Grants)
{
    public static FundingDetail Of(FundingPart part) =>
        new(part.Unit, part.Amount, part.BalanceAfter, part.Unlimited ? true : null, [.. part.Grants.Select(draw => new DrawDetail(draw.Grant.ToString(), draw.Amount))]);
}

internal sealed record DrawDetail(string Grant, Amount Amount);

internal sealed record RefundDetail(string Id, IReadOnlyList<UnitAmount> Funding, DateTimeOffset CreatedAt)
{
    public static RefundDetail Of(ChargeRefund refund) => new(
        ShownId.Show("ref_", refund.Id), [.. refund.Units.Select((unit, i) => new UnitAmount(Unit.Of(unit), Amount.Of(refund.Amounts[i])))], refund.CreatedAt);
}
