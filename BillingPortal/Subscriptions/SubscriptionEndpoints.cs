using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Observability;
using BillingPortal.Payments;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Subscriptions;

/// <param name="ProrationDate">From a preview, so that the bill equals it; absent: now.</param>
/// <param name="At"><c>now</c> or <c>period_end</c>; absent: an upgrade at once, a downgrade with the period.</param>
/// <param name="Coupon">Id of a coupon, for a new subscription.</param>
/// <param name="PromotionCode">A code that people type, for a new subscription.</param>
internal sealed record SubscriptionBody(string? Plan = null, string? Interval = null, DateTimeOffset? ProrationDate = null, string? At = null, string? Coupon = null, string? PromotionCode = null);

/// <summary>An account's subscription. Without one: the plan it stands on, and <c>none</c>.</summary>
internal sealed record SubscriptionView(
    string Plan, string Status, string? Id = null, string? Interval = null, Amount? Price = null, Unit? Currency = null, DateTimeOffset? CurrentPeriodStart = null,
    DateTimeOffset? CurrentPeriodEnd = null, bool CancelAtPeriodEnd = false, DateTimeOffset? TrialEnd = null, DateTimeOffset? StartedAt = null, PendingChange? PendingChange = null)
{
    public static SubscriptionView Of(Subscription s) =>
        new(s.Plan, s.Status, s.Id, s.Interval, s.Price, s.Currency, s.CurrentPeriodStart, s.CurrentPeriodEnd, s.CancelAtPeriodEnd, s.TrialEnd, s.StartedAt,
            s.PendingPlan is null ? null : new(s.PendingPlan, s.PendingInterval ?? s.Interval, s.PendingAt));
}

/// <summary>What the subscription becomes at its period's end.</summary>
internal sealed record PendingChange(string Plan, string Interval, DateTimeOffset? At);

internal sealed record PortalBody(string? ReturnUrl = null);

internal sealed record PortalView(string Url);

internal static class SubscriptionEndpoints
{
    private const string Path = "/accounts/{account}/subscription";

    public static RouteGroupBuilder MapSubscriptionEndpoints(this RouteGroupBuilder api)
    {
        api.MapGet(Path, GetAsync).WithName("GetSubscription").WithSummary("The subscription that counts").WithTags("Subscription").RequireScope(Scope.Read, Scope.Accounts);
        api.MapPost(Path, StartAsync).WithName("CreateSubscription").WithSummary("Start one on the card on file").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapPut(Path, ChangeAsync).WithName("ChangeSubscription").WithSummary("Change plan or interval: more at once, less at the period's end; the present plan withdraws what is scheduled").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapDelete(Path, CancelAsync).WithName("CancelSubscription").WithSummary("Cancel at the period's end, or now").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapPost($"{Path}/preview", PreviewAsync).WithName("PreviewSubscription").WithSummary("What a change would bill").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapPost($"{Path}/pause", PauseAsync).WithName("PauseSubscription").WithSummary("No access and no bills until it is resumed").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapPost($"{Path}/resume", ResumeAsync).WithName("ResumeSubscription").WithSummary("Withdraw a cancellation, or go on with a paused subscription").WithTags("Subscription").RequireScope(Scope.Accounts);
        api.MapPost("/accounts/{account}/stripe-portal-sessions", PortalAsync).WithName("CreateStripePortalSession").WithTags("Subscription")
            .WithSummary("A link into Stripe's own portal, for one visit").RequireScope(Scope.Accounts, Scope.Checkout);
        return api;
    }

    private static async Task<Results<Ok<SubscriptionView>, ProblemHttpResult>> GetAsync(
        string account, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CatalogSnapshot catalog, CancellationToken ct) =>
        await directory.FindAsync(http.Caller(), account, ct) is not { } id ? AccountDirectory.Unknown.ToProblem()
            : TypedResults.Ok((await lifecycle.FindAsync(id, ct) ?? await lifecycle.FindPausedAsync(id, ct)) is { } found ? SubscriptionView.Of(found) : new(catalog.Current.DefaultPlan, "none"));

    private static async Task<Results<Created<SubscriptionView>, ProblemHttpResult>> StartAsync(
        string account, SubscriptionBody body, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct)
    {
        var wanted = new DiscountWish(body.Coupon, body.PromotionCode);
        if ((Read(body, out var plan, out var interval) ?? wanted.Check()) is { } malformed)
        {
            return malformed.ToProblem();
        }

        return await directory.OpenAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : (await lifecycle.StartAsync(id, plan, interval, http.Caller().Actor, wanted, ct)).Match<Results<Created<SubscriptionView>, ProblemHttpResult>>(
                made => TypedResults.Created($"/api/v1/accounts/{Uri.EscapeDataString(account)}/subscription", SubscriptionView.Of(made)), refusal => refusal.ToProblem());
    }

    private static async Task<Results<Ok<SubscriptionView>, ProblemHttpResult>> ChangeAsync(
        string account, SubscriptionBody body, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct)
    {
        if (Read(body, out var plan, out var interval) is { } malformed)
        {
            return malformed.ToProblem();
        }

        return await directory.FindAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : View(await lifecycle.ChangeAsync(id, plan, interval, body.ProrationDate?.ToUniversalTime(), http.Caller().Actor, TimeOf(body), ct));
    }

    private static async Task<Results<Ok<SubscriptionPreview>, ProblemHttpResult>> PreviewAsync(
        string account, SubscriptionBody body, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct)
    {
        if (Read(body, out var plan, out var interval) is { } malformed)
        {
            return malformed.ToProblem();
        }

        return await directory.FindAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : (await lifecycle.PreviewAsync(id, plan, interval, TimeOf(body), ct)).Match<Results<Ok<SubscriptionPreview>, ProblemHttpResult>>(preview => TypedResults.Ok(preview), refusal => refusal.ToProblem());
    }

    private static async Task<Results<Ok<SubscriptionView>, ProblemHttpResult>> CancelAsync(
        string account, string? at, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct)
    {
        if (at is not (null or "period_end" or "now"))
        {
            return Refusal.Invalid("at", "at is period_end or now. Nothing was done.").ToProblem();
        }

        return await directory.FindAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : View(await lifecycle.CancelAsync(id, at == "now", http.Caller().Actor, ct));
    }

    private static async Task<Results<Ok<SubscriptionView>, ProblemHttpResult>> ResumeAsync(
        string account, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct) =>
        await directory.FindAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : View(await lifecycle.ResumeAsync(id, http.Caller().Actor, ct));

    private static async Task<Results<Created<PortalView>, ProblemHttpResult>> PortalAsync(
        string account, PortalBody? body, HttpContext http, AccountDirectory directory, ReturnUrls urls, StripePortal portal, CancellationToken ct)
    {
        var back = body?.ReturnUrl ?? $"{urls.Own(http.Request)}/portal/plan";
        if (!urls.MayGoTo(back, http.Request))
        {
            return Refusal.Invalid("return_url", "The URL must be absolute and on this portal or an origin of Portal:ReturnOrigins. Nothing was done.").ToProblem();
        }

        if (await directory.FindAsync(http.Caller(), account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        var (url, refusal) = await portal.OpenAsync(id, back, ct);
        return url is null ? refusal!.ToProblem() : TypedResults.Created(url, new PortalView(url));
    }

    private static async Task<Results<Ok<SubscriptionView>, ProblemHttpResult>> PauseAsync(
        string account, HttpContext http, AccountDirectory directory, SubscriptionLifecycle lifecycle, CancellationToken ct) =>
        await directory.FindAsync(http.Caller(), account, ct) is not { } id
            ? AccountDirectory.Unknown.ToProblem()
            : View(await lifecycle.PauseAsync(id, http.Caller().Actor, ct));

    private static ChangeTime? TimeOf(SubscriptionBody body) => body.At switch { "now" => ChangeTime.Now, "period_end" => ChangeTime.PeriodEnd, _ => null };

    private static Refusal? Read(SubscriptionBody body, out string plan, out BillingInterval interval)
    {
        plan = body.Plan ?? "";
        return !BillingIntervals.TryParse(body.Interval, out interval) ? Refusal.Invalid("interval", "interval is month or year. Nothing was done.")
            : body.At is not (null or "now" or "period_end") ? Refusal.Invalid("at", "at is now or period_end. Nothing was done.")
            : plan.Length == 0 ? Refusal.Invalid("plan", "Name the plan. Nothing was done.")
            : null;
    }

    private static Results<Ok<SubscriptionView>, ProblemHttpResult> View(Result<Subscription> result) =>
        result.Match<Results<Ok<SubscriptionView>, ProblemHttpResult>>(done => TypedResults.Ok(SubscriptionView.Of(done)), refusal => refusal.ToProblem());
}
