using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Mvc;

namespace BillingPortal.Gating;

/// <summary>May this customer do this, and what would it cost? Advice that changes nothing; a promise is a hold.</summary>
internal static class CheckEndpoints
{
    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/check", CheckAsync).WithName("Check").WithSummary("Whether a charge would be taken now; changes nothing.")
            .RequireScope(Scope.Gate).Accepts<ChargeBodySchema>("application/json").Produces<CheckAnswer>().ProducesProblem(400).ProducesProblem(404);
        api.MapPost("/estimates", EstimateAsync).WithName("Estimate").WithSummary("What a charge would cost, and whether the wallets cover it.")
            .RequireScope(Scope.Gate).Accepts<ChargeBodySchema>("application/json").Produces<EstimateAnswer>().ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<IResult> CheckAsync(HttpContext context, [FromServices] StandingAccounts standing, [FromServices] AccountDirectory accounts, [FromServices] Enforcement enforcement, [FromServices] Refusals refusals)
    {
        var (judged, refused) = await JudgeAsync(context, standing, accounts);
        if (judged is null)
        {
            return refused!.ToProblem();
        }

        var mode = enforcement.ModeOf(judged.Request.Subject);
        var refusal = judged.Decision.Refusal?.WithTopUp(context);
        refusals.NoteCheck(judged.Account, judged.Request, refusal, mode);
        return new JsonAnswer<CheckAnswer>(StatusCodes.Status200OK, CheckAnswer.Of(judged, refusal, mode));
    }

    private static async Task<IResult> EstimateAsync(HttpContext context, [FromServices] StandingAccounts standing, [FromServices] AccountDirectory accounts)
    {
        var (judged, refused) = await JudgeAsync(context, standing, accounts);
        if (judged is null)
        {
            return refused!.ToProblem();
        }

        var refusal = judged.Decision.Refusal;
        return TypedResults.Ok(new EstimateAnswer(judged.Decision.Price(), refusal is null) { Shortfall = refusal?.Shortfall, Unit = refusal?.Unit, ErrorCode = refusal?.Code.Name, Affordable = refusal?.Affordable, BlockingScope = refusal?.BlockingScope });
    }

    private static async ValueTask<(Judged? Judged, Refusal? Refusal)> JudgeAsync(HttpContext context, StandingAccounts standing, AccountDirectory accounts)
    {
        var (request, malformed) = await RequestBody.ReadAsync(context, (ref Utf8JsonReader json, FieldErrors errors) => ChargeBody.Read(ref json, inBatch: false, errors, out _));
        if (request is null)
        {
            return (null, malformed);
        }

        return await JudgeAsync(context.Caller(), request, standing, accounts);
    }

    /// <summary>What would be decided about the account as it stands; one that is not known is judged as a new one, and not made (DESIGN §7.5).</summary>
    internal static async ValueTask<(Judged? Judged, Refusal? Refusal)> JudgeAsync(Caller caller, ChargeRequest request, StandingAccounts standing, AccountDirectory accounts)
    {
        var account = await accounts.FindAsync(caller, request.Account);
        if (account is null && (caller.Accounts is not null || !accounts.MayOpen(request.Account)))
        {
            return (null, AccountDirectory.Unknown);
        }

        var (judged, unavailable) = await standing.ReadAsync(account, request.Spender, state => Judge(state, request, account));
        return judged is null ? (null, unavailable) : judged.Invalid is { } invalid ? (null, invalid) : (judged, null);
    }

    private static Judged Judge(AccountState state, ChargeRequest request, AccountId? account)
    {
        var invalid = ChargeDecision.Decide(state, request, out var decision);
        var remaining = new List<RemainingAnswer>();
        foreach (var demand in decision.Rated.Demands)
        {
            foreach (var wallet in state.Plan.Funding.TryGetValue(demand.Unit, out var chain) ? chain.Select(step => step.Wallet) : [demand.Unit])
            {
                var isUnlimited = wallet.IsMeter && state.Plan.AllowanceOf(wallet.Code) is { Included: null };
                remaining.Add(new(wallet, isUnlimited ? null : state.Available(wallet)) { Unlimited = isUnlimited ? true : null });
            }
        }

        if (decision.Level is { } level)
        {
            remaining.Add(new(Unit.Of(request.Subject.Meter!), level.Limit is { } limit ? Amount.Max(Amount.Zero, limit - level.Before) : null) { Unlimited = level.Limit is null ? true : null });
        }

        return new(account, request, decision, remaining, invalid);
    }
}

/// <summary>What was decided on the account as it stood.</summary>
internal sealed record Judged(AccountId? Account, ChargeRequest Request, ChargeDecision Decision, IReadOnlyList<RemainingAnswer> Remaining, Refusal? Invalid);

/// <summary>The answer to a check. With enforcement <c>observe</c> or <c>off</c> everything is allowed; <c>would_refuse</c> says what enforcing would do.</summary>
/// <param name="Remaining">What the wallets that may pay hold now, before such a charge.</param>
internal sealed record CheckAnswer(bool Allowed, IReadOnlyList<UnitAmount> Price, IReadOnlyList<RemainingAnswer> Remaining, EnforcementMode Enforcement)
{
    public string? ErrorCode { get; init; }
    public string? WouldRefuse { get; init; }
    public string? Detail { get; init; }
    public Unit? Unit { get; init; }
    public Amount? Required { get; init; }
    public Amount? Available { get; init; }
    public Amount? Shortfall { get; init; }
    public string? BlockingScope { get; init; }
    public Affordable? Affordable { get; init; }
    public IReadOnlyList<string>? CheaperModels { get; init; }
    public string? UpgradePlan { get; init; }
    public string? TopUpUrl { get; init; }
    public DateTimeOffset? ResetsAt { get; init; }

    public static CheckAnswer Of(Judged judged, Refusal? refusal, EnforcementMode mode)
    {
        var answer = new CheckAnswer(refusal is null || mode != EnforcementMode.Enforce, judged.Decision.Price(), judged.Remaining, mode);
        if (refusal is null || mode == EnforcementMode.Off)
        {
            return answer;
        }

        return answer with
        {
            ErrorCode = mode == EnforcementMode.Enforce ? refusal.Code.Name : null,
            WouldRefuse = mode == EnforcementMode.Observe ? refusal.Code.Name : null,
            Detail = refusal.Detail,
            Unit = refusal.Unit,
            Required = refusal.Required,
            Available = refusal.Available,
            Shortfall = refusal.Shortfall,
            BlockingScope = refusal.BlockingScope,
            Affordable = refusal.Affordable,
            CheaperModels = refusal.CheaperModels,
            UpgradePlan = refusal.UpgradePlan,
            TopUpUrl = refusal.TopUpUrl,
            ResetsAt = refusal.ResetsAt,
        };
    }
}

/// <param name="Amount">Null for an unlimited allowance.</param>
internal sealed record RemainingAnswer(Unit Unit, Amount? Amount)
{
    public bool? Unlimited { get; init; }
}

/// <param name="Covered">Whether the plan allows it and the wallets pay for it.</param>
internal sealed record EstimateAnswer(IReadOnlyList<UnitAmount> Price, bool Covered)
{
    /// <summary>What is missing, in <see cref="Unit"/>.</summary>
    public Amount? Shortfall { get; init; }
    public Unit? Unit { get; init; }
    public string? ErrorCode { get; init; }
    public Affordable? Affordable { get; init; }
    public string? BlockingScope { get; init; }
}
