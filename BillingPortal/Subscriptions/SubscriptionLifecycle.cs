using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BillingPortal.Subscriptions;

/// <summary>What a change would cost.</summary>
/// <param name="DueNow">Taken at once, before tax; negative is a credit for the next bill.</param>
/// <param name="NextTotal">The bill at <paramref name="NextAt"/>, before tax, with what is left over from the change.</param>
/// <param name="At">When it takes effect.</param>
/// <param name="ProrationDate">The instant the sum is made for: pass it on, and the bill equals the preview.</param>
public sealed record SubscriptionPreview(string Plan, BillingInterval Interval, Unit Currency, Amount DueNow, DateTimeOffset ProrationDate, IReadOnlyList<PreviewLine> Lines, Amount NextTotal, DateTimeOffset? NextAt, ChangeTime At);

/// <summary>When a change takes effect: an upgrade at once, a downgrade with the period that is paid already.</summary>
public enum ChangeTime { Now, PeriodEnd }

public sealed record PreviewLine(string Description, Amount Amount, bool IsProration);

/// <summary>A subscription's life at the customer's or the product's word: start, change, cancel, resume. Stripe decides; the mirror follows at once and again by event.</summary>
public sealed class SubscriptionLifecycle(
    Tenants tenants, NpgsqlDataSource database, CatalogSnapshot catalog, StripeClient stripe, CustomerLinks customers, SoldPrices prices, SubscriptionItems items, Discounts discounts, SubscriptionMirror mirror, TimeProvider time)
{
    /// <returns>The subscription that counts; null for none.</returns>
    public async Task<Subscription?> FindAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await CurrentSubscription.FindAsync(scope, account, ct);
    }

    /// <summary>Starts one on the card on file. Without a card: 402, and a checkout is the way.</summary>
    public async Task<Result<Subscription>> StartAsync(AccountId account, string planId, BillingInterval interval, string actor, DiscountWish? wanted = null, CancellationToken ct = default)
    {
        var (currency, hadOne) = await FactsAsync(account, ct);
        var wish = Sold(planId, interval, currency);
        if (wish.Price is not { } sold)
        {
            return wish.Refusal!;
        }

        if (await FindAsync(account, ct) is { } current)
        {
            return new Refusal(ErrorCode.Conflict, $"There is a subscription to {current.Plan} already: change it with PUT. Nothing was done.");
        }

        if (!(await prices.FindAsync(sold, ct)).TryGet(out var price, out var error))
        {
            return error.ToRefusal();
        }

        if (!(await discounts.FindAsync(wanted ?? new(), ct)).TryGet(out var off, out error) && error is not null)
        {
            return Discounts.Refused(error) ?? error.ToRefusal();
        }

        if (!(await items.OfNewAsync(price, wish.Plan!, interval, sold.Currency, ct)).TryGet(out var lines, out error))
        {
            return error.ToRefusal();
        }

        var request = await UnknownStartAsync(account, planId, interval, ct) ?? await WriteDownAsync(account, "start", planId, interval, actor, ct);
        var made = await customers.CallAsync<StripeSubscription>(account, async (customer, generation) =>
            await CardOfAsync(customer, ct) is { } card
                ? await stripe.Subscriptions.CreateAsync(new()
                {
                    Customer = customer,
                    Items = lines,
                    DefaultPaymentMethod = card,
                    PaymentBehavior = "error_if_incomplete",
                    OffSession = true,
                    Discounts = off,
                    TrialPeriodDays = wish.Plan!.TrialDays > 0 && !hadOne ? wish.Plan.TrialDays : null,
                    Metadata = new Dictionary<string, string> { ["account"] = account.ToString() },
                }, $"{request.StripeKey}:{generation}", ct)
                : new StripeError(StripeFailure.Declined, "There is no card on file: start a checkout instead. Nothing was done.") { Type = "card_error" }, ct);
        return await FollowAsync(request, made, ct);
    }

    /// <summary>
    /// Changes plan or interval. At once: what is unused is credited and the difference billed now. At the period's end: nothing is billed, and what is paid for stays until then.
    /// The present plan again withdraws what was scheduled.
    /// </summary>
    /// <param name="prorationDate">From a preview; null: now.</param>
    /// <param name="at">Null: an upgrade at once, a downgrade at the period's end.</param>
    public async Task<Result<Subscription>> ChangeAsync(AccountId account, string planId, BillingInterval interval, DateTimeOffset? prorationDate, string actor, ChangeTime? at = null, CancellationToken ct = default)
    {
        if (await FindAsync(account, ct) is { PendingPlan: not null } waiting && waiting.Plan == planId && waiting.Interval == SoldPrice.Word(interval))
        {
            var withdrawal = await WriteDownAsync(account, "unschedule", planId, interval, actor, ct);
            return await FollowAsync(withdrawal, await ReleaseAsync(waiting, withdrawal, ct), ct);
        }

        var (current, price, refusal) = await ChangeOfAsync(account, planId, interval, ct);
        if (refusal is not null)
        {
            return refusal;
        }

        if ((at ?? TimeOf(current!, planId, interval)) == ChangeTime.PeriodEnd)
        {
            var scheduled = await WriteDownAsync(account, "schedule", planId, interval, actor, ct);
            return await FollowAsync(scheduled, await ScheduleAsync(current!, price!, (catalog.Current.PlanOrDefault(planId), interval), scheduled, ct), ct);
        }

        var request = await WriteDownAsync(account, "change", planId, interval, actor, ct);
        if (!(await ReleaseAsync(current!, request, ct)).TryGet(out var now, out var busy) || !(await items.OfChangeAsync(now, price!, catalog.Current.PlanOrDefault(planId), interval, current!.Currency, ct)).TryGet(out var lines, out busy))
        {
            return busy.ToRefusal();
        }

        var changed = await stripe.Subscriptions.UpdateAsync(current!.Id, new()
        {
            Items = lines,
            ProrationBehavior = "always_invoice",
            ProrationDate = prorationDate,
            // All or nothing: a declined card leaves the old plan as it was.
            PaymentBehavior = "error_if_incomplete",
        }, request.StripeKey, ct);
        return await FollowAsync(request, changed, ct);
    }

    /// <summary>What <see cref="ChangeAsync"/> would bill. Changes nothing.</summary>
    public async Task<Result<SubscriptionPreview>> PreviewAsync(AccountId account, string planId, BillingInterval interval, ChangeTime? at = null, CancellationToken ct = default)
    {
        var (current, price, refusal) = await ChangeOfAsync(account, planId, interval, ct);
        if (refusal is not null)
        {
            return refusal;
        }

        if ((at ?? TimeOf(current!, planId, interval)) == ChangeTime.PeriodEnd)
        {
            // Nothing is billed now; the first bill is the new price's, at the border.
            return (await prices.OfAsync(price!, ct)).Match<Result<SubscriptionPreview>>(
                sold => new SubscriptionPreview(planId, interval, current!.Currency, Amount.Zero, current.CurrentPeriodEnd, [], StripeMoney.FromMinor(sold.UnitAmount ?? 0, current.Currency), current.CurrentPeriodEnd, ChangeTime.PeriodEnd),
                failed => failed.ToRefusal());
        }

        if (!(await stripe.Subscriptions.GetAsync(current!.Id, ct)).TryGet(out var standing, out var error) || !(await items.OfChangeAsync(standing, price!, catalog.Current.PlanOrDefault(planId), interval, current.Currency, ct)).TryGet(out var lines, out error))
        {
            return error.ToRefusal();
        }

        var now = await stripe.Invoices.CreatePreviewAsync(new() { Subscription = current.Id, SubscriptionDetails = new() { Items = lines, ProrationBehavior = "always_invoice" } }, ct);
        // The instant that Stripe made the sum for, by Stripe's clock: passed on, it makes the bill equal the preview.
        var instant = now.Match(i => i.Lines.Data.FirstOrDefault(l => l.IsProration)?.Period?.Start, _ => null) ?? DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var next = await stripe.Invoices.CreatePreviewAsync(new() { Subscription = current.Id, SubscriptionDetails = new() { Items = lines, ProrationBehavior = "none" } }, ct);
        if (!now.TryGet(out var due, out error) || !next.TryGet(out var later, out error))
        {
            return error.ToRefusal();
        }

        var currency = Unit.Of(due.Currency);
        return new SubscriptionPreview(
            planId, interval, currency, StripeMoney.FromMinor(due.Total, currency), instant,
            [.. due.Lines.Data.Select(l => new PreviewLine(l.Description ?? "", StripeMoney.FromMinor(l.Amount, currency), l.IsProration))],
            StripeMoney.FromMinor(later.Total, currency), later.NextPaymentAttempt, ChangeTime.Now);
    }

    /// <param name="now">True: ends at once, without refund. False: at the period's end.</param>
    public async Task<Result<Subscription>> CancelAsync(AccountId account, bool now, string actor, CancellationToken ct = default)
    {
        if (await FindAsync(account, ct) is not { } current)
        {
            return None;
        }

        var request = await WriteDownAsync(account, now ? "cancel_now" : "cancel", current.Plan, null, actor, ct);
        if (!now && !(await ReleaseAsync(current, request, ct)).TryGet(out _, out var busy))
        {
            return busy.ToRefusal();
        }

        var canceled = now
            ? await stripe.Subscriptions.CancelAsync(current.Id, ct)
            : await stripe.Subscriptions.UpdateAsync(current.Id, new() { CancelAtPeriodEnd = true }, request.StripeKey, ct);
        return await FollowAsync(request, canceled, ct);
    }

    /// <summary>No access and no bills from now on, until it is resumed.</summary>
    public async Task<Result<Subscription>> PauseAsync(AccountId account, string actor, CancellationToken ct = default)
    {
        if (await FindAsync(account, ct) is not { } current)
        {
            return None;
        }

        var request = await WriteDownAsync(account, "pause", current.Plan, null, actor, ct);
        return !(await ReleaseAsync(current, request, ct)).TryGet(out _, out var busy)
            ? busy.ToRefusal()
            : await FollowAsync(request, await stripe.Subscriptions.PauseAsync(current.Id, request.StripeKey, ct), ct);
    }

    /// <summary>Withdraws a cancellation that has not come about yet, or goes on with a paused one: its new period begins now and is billed now.</summary>
    public async Task<Result<Subscription>> ResumeAsync(AccountId account, string actor, CancellationToken ct = default)
    {
        if (await FindAsync(account, ct) is not { } current)
        {
            return await FindPausedAsync(account, ct) is { } paused
                ? await UnpauseAsync(paused, await WriteDownAsync(account, "unpause", paused.Plan, null, actor, ct), ct)
                : None;
        }

        if (!current.CancelAtPeriodEnd)
        {
            return current;
        }

        var request = await WriteDownAsync(account, "resume", current.Plan, null, actor, ct);
        return await FollowAsync(request, await stripe.Subscriptions.UpdateAsync(current.Id, new() { CancelAtPeriodEnd = false }, request.StripeKey, ct), ct);
    }

    /// <summary>The paused subscription, where none gives access.</summary>
    public async Task<Subscription?> FindPausedAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await CurrentSubscription.FindPausedAsync(scope, account, ct);
    }

    private async Task<Result<Subscription>> UnpauseAsync(Subscription paused, SubscriptionRequest request, CancellationToken ct) =>
        await FollowAsync(request, await stripe.Subscriptions.ResumeAsync(paused.Id, request.StripeKey, ct), ct);

    /// <summary>More for the customer takes effect at once; less, when what is paid for has run out. A trial has nothing paid for.</summary>
    private ChangeTime TimeOf(Subscription current, string planId, BillingInterval interval)
    {
        if (current.Status == "trialing")
        {
            return ChangeTime.Now;
        }

        var step = (catalog.Current.FindPlan(planId)?.Rank ?? 0) - (catalog.Current.FindPlan(current.Plan)?.Rank ?? 0);
        return step < 0 || (step == 0 && interval == BillingInterval.Month && current.Interval == "year") ? ChangeTime.PeriodEnd : ChangeTime.Now;
    }

    /// <summary>The present price until the period's end, the other from then on.</summary>
    private async Task<StripeResult<StripeSubscription>> ScheduleAsync(Subscription current, string price, (Plan Plan, BillingInterval Interval) next, SubscriptionRequest request, CancellationToken ct)
    {
        if (!(await stripe.Subscriptions.GetAsync(current.Id, ct)).TryGet(out var now, out var error) || now.BaseItem is not { } item)
        {
            return error ?? new StripeError(StripeFailure.Invalid, "The subscription has no item.");
        }

        if (!(await items.OfNewAsync(price, next.Plan, next.Interval, current.Currency, ct)).TryGet(out var then, out error))
        {
            return error;
        }

        var id = now.Schedule?.Id;
        if (id is null)
        {
            if (!(await stripe.SubscriptionSchedules.CreateAsync(new() { FromSubscription = current.Id }, $"{request.StripeKey}:schedule", ct)).TryGet(out var made, out error))
            {
                return error;
            }

            id = made.Id;
        }

        var phases = new StripeSchedulePhaseOptions[]
        {
            new() { Items = [new() { Price = item.Price.Id, Quantity = 1 }, .. now.MeteredItems.Select(i => new StripeSubscriptionItemOptions { Price = i.Price.Id })], StartDate = item.CurrentPeriodStart, EndDate = item.CurrentPeriodEnd, ProrationBehavior = "none" },
            new() { Items = then, StartDate = item.CurrentPeriodEnd, ProrationBehavior = "none" },
        };
        return !(await stripe.SubscriptionSchedules.UpdateAsync(id, new() { Phases = phases, EndBehavior = "release" }, $"{request.StripeKey}:phases", ct)).TryGet(out _, out error)
            ? error
            : await stripe.Subscriptions.GetAsync(current.Id, ct);
    }

    /// <summary>Drops what is scheduled, where something is: Stripe lets nothing else change meanwhile.</summary>
    private async Task<StripeResult<StripeSubscription>> ReleaseAsync(Subscription current, SubscriptionRequest request, CancellationToken ct)
    {
        var read = await stripe.Subscriptions.GetAsync(current.Id, ct);
        if (!read.TryGet(out var now, out _) || now.Schedule is not { } schedule)
        {
            return read;
        }

        return !(await stripe.SubscriptionSchedules.ReleaseAsync(schedule.Id, $"{request.StripeKey}:release", ct)).TryGet(out _, out var error)
            ? error
            : await stripe.Subscriptions.GetAsync(current.Id, ct);
    }

    /// <summary>A start that got no answer may have happened: asking again asks under its key, while Stripe remembers that.</summary>
    private async Task<SubscriptionRequest?> UnknownStartAsync(AccountId account, string plan, BillingInterval interval, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var (since, word) = (time.Now().AddHours(-23), SoldPrice.Word(interval));
        return await scope.Db.Set<SubscriptionRequest>().AsNoTracking().Where(r => r.AccountId == account && r.Kind == "start" && r.Plan == plan && r.Interval == word && r.Outcome == null && r.CreatedAt > since)
            .OrderByDescending(r => r.CreatedAt).FirstOrDefaultAsync(ct);
    }

    private static Refusal None => new(ErrorCode.NotFound, "There is no subscription. Nothing was done.");

    private async Task<(Subscription? Current, string? Price, Refusal? Refusal)> ChangeOfAsync(AccountId account, string planId, BillingInterval interval, CancellationToken ct)
    {
        if (await FindAsync(account, ct) is not { } current)
        {
            return (null, null, None);
        }

        var wish = Sold(planId, interval, current.Currency);
        if (wish.Refusal is not null)
        {
            return (null, null, wish.Refusal);
        }

        if (current.Plan == planId && current.Interval == SoldPrice.Word(interval))
        {
            return (null, null, new(ErrorCode.Conflict, "The subscription is on that plan already. Nothing was done."));
        }

        return (await prices.FindAsync(wish.Price!, ct)).Match<(Subscription?, string?, Refusal?)>(price => (current, price, null), error => (null, null, error.ToRefusal()));
    }

    private async Task<(Unit? Currency, bool HadOne)> FactsAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return (await scope.Db.Set<Account>().Where(a => a.AccountId == account).Select(a => a.Currency).FirstOrDefaultAsync(ct), await scope.Db.Set<Subscription>().AnyAsync(s => s.AccountId == account, ct));
    }

    private (Plan? Plan, SoldPrice? Price, Refusal? Refusal) Sold(string planId, BillingInterval interval, Unit? currency)
    {
        if (catalog.Current.FindPlan(planId) is not { } plan)
        {
            return (null, null, Refusal.Invalid("plan", $"The catalog has no plan '{planId}'. Nothing was done."));
        }

        if (plan.IsFree)
        {
            return (null, null, Refusal.Invalid("plan", $"{plan.Name} costs nothing: cancel the subscription to return to the free plan. Nothing was done."));
        }

        return SoldPrice.Choose(plan, interval, currency, catalog.Current) is { } price
            ? (plan, SoldPrice.Of(plan, price), null)
            : (null, null, Refusal.Invalid("interval", $"{plan.Name} is not sold by the {SoldPrice.Word(interval)}. Nothing was done."));
    }

    private async Task<string?> CardOfAsync(string customer, CancellationToken ct)
    {
        if ((await stripe.Customers.GetAsync(customer, ct)).TryGet(out var found, out _) && found.InvoiceSettings?.DefaultPaymentMethod is { } preferred)
        {
            return preferred;
        }

        return (await stripe.Customers.ListPaymentMethodsAsync(customer, ct)).Match(list => list.Data.Count > 0 ? list.Data[0].Id : null, _ => null);
    }

    private async Task<SubscriptionRequest> WriteDownAsync(AccountId account, string kind, string plan, BillingInterval? interval, string actor, CancellationToken ct)
    {
        var request = new SubscriptionRequest
        {
            AccountId = account,
            Id = Guid.CreateVersion7(),
            Kind = kind,
            Plan = plan,
            Interval = interval is { } every ? SoldPrice.Word(every) : null,
            Actor = actor.Length <= 200 ? actor : actor[..200],
            CreatedAt = time.Now(),
        };
        await using var scope = await tenants.ForAccountAsync(account, ct);
        scope.Db.Add(request);
        await scope.CommitAsync(ct);
        return request;
    }

    /// <summary>After Stripe has answered: reads the subscription afresh in the customer's turn and takes it over, so that the next page shows it.</summary>
    private async Task<Result<Subscription>> FollowAsync(SubscriptionRequest request, StripeResult<StripeSubscription> answer, CancellationToken ct)
    {
        if (!answer.TryGet(out var subscription, out var error))
        {
            await ConcludeAsync(request, error.IsTransient ? null : error.Message, ct);
            return error.ToRefusal();
        }

        await using var turn = await CustomerTurn.TakeAsync(database, subscription.Customer, time, ct);
        var fresh = turn is null ? subscription : (await stripe.Subscriptions.GetAsync(subscription.Id, ct)).Match(s => s, _ => subscription);
        if (turn is not null)
        {
            await using var scope = await tenants.ForWriterAsync(ct);
            if (await mirror.ApplyAsync(scope, fresh, new(request.Actor, request.StripeKey), ct) is null)
            {
                await scope.CommitAsync(ct);
            }
        }

        await ConcludeAsync(request, "done", ct);
        await using var read = await tenants.ForAccountAsync(request.AccountId, ct);
        var row = await read.Db.Set<Subscription>().FindAsync([request.AccountId, subscription.Id], ct);
        return row is null
            ? new Refusal(ErrorCode.Overloaded, "The change was made, and is not visible here yet. Look again shortly.")
            : row;
    }

    private async Task ConcludeAsync(SubscriptionRequest request, string? outcome, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(request.AccountId, ct);
        scope.Db.Attach(request);
        request.Outcome = outcome is { Length: > 1000 } ? outcome[..1000] : outcome;
        await scope.CommitAsync(ct);
    }
}
