using System.Text.Json;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Subscriptions;

/// <summary>Who or what brought a change.</summary>
/// <param name="Actor"><c>stripe</c>, or the caller as the audit log names them.</param>
/// <param name="Reference">Event or request.</param>
public sealed record SubscriptionCause(string Actor, string Reference);

/// <summary>Takes over a subscription as Stripe has it now: mirror row, record of the change, and what it means for the account's plan and standing, in one transaction.</summary>
public sealed class SubscriptionMirror(SoldPrices prices, CatalogSnapshot catalog, Ledger.Ledger ledger, TimeProvider time)
{
    /// <param name="scope">A writer's transaction.</param>
    /// <param name="now">As read from Stripe just now, while the customer's turn is held.</param>
    /// <returns>Null when done; why not otherwise, and nothing may be kept.</returns>
    public async Task<string?> ApplyAsync(TenantScope scope, StripeSubscription now, SubscriptionCause cause, CancellationToken ct)
    {
        if (await AccountOfAsync(scope, now, ct) is not { } account)
        {
            return "No account is known for this customer. Bind the customer to an account, then replay.";
        }

        if (now.BaseItem is not { } item || prices.PlanOf(item.Price) is not var (plan, interval))
        {
            return $"Price {now.BaseItem?.Price.Id ?? "(none)"} stands for no plan of the catalog. Bind it to a plan, then replay.";
        }

        var standing = await LockAsync(scope, account, ct);
        var rows = await scope.Db.Set<Subscription>().Where(s => s.AccountId == account).ToListAsync(ct);
        var row = rows.FirstOrDefault(s => s.Id == now.Id);
        var before = row is null ? null : Snapshot(row);
        if (row is null)
        {
            row = new Subscription { AccountId = account, Id = now.Id };
            scope.Db.Add(row);
            rows.Add(row);
        }

        Copy(now, item, plan, interval, row);
        Record(scope, row, before, cause);
        return await StandAsync(scope, account, standing, rows, ct);
    }

    private static async Task<AccountId?> AccountOfAsync(TenantScope scope, StripeSubscription subscription, CancellationToken ct) =>
        await CustomerLinks.AccountOfAsync(scope, subscription.Customer, ct) is { } linked ? linked : null;

    private static async Task<SubscriptionStanding> LockAsync(TenantScope scope, AccountId account, CancellationToken ct)
    {
        await scope.Db.Database.ExecuteSqlAsync(
            $"insert into subscription_standings (account_id, plan, status, version) values ({account.Value}, '', 'Active', 0) on conflict do nothing", ct);
        return await scope.Db.Set<SubscriptionStanding>().FromSql($"select * from subscription_standings where account_id = {account.Value} for update").SingleAsync(ct);
    }

    private void Copy(StripeSubscription now, StripeSubscriptionItem item, Plan plan, BillingInterval interval, Subscription row)
    {
        row.CustomerId = now.Customer;
        row.ItemId = item.Id;
        row.PriceId = item.Price.Id;
        row.Metered = [.. now.MeteredItems.Where(i => i.Price.Metadata.ContainsKey(MeteredPrice.MeterMark)).Select(i => $"{i.Price.Metadata[MeteredPrice.MeterMark]}={MeteredPrice.AmountOf(i.Price)}").Order(StringComparer.Ordinal)];
        row.Plan = plan.Id;
        row.Interval = SoldPrice.Word(interval);
        row.Status = now.Status;
        row.Currency = Unit.TryParse(item.Price.Currency, out var currency) ? currency : catalog.Current.Currency;
        row.Price = StripeMoney.FromMinor((item.Price.UnitAmount ?? 0) * (item.Quantity ?? 1), row.Currency);
        row.Anchor = now.BillingCycleAnchor;
        row.CurrentPeriodStart = item.CurrentPeriodStart;
        row.CurrentPeriodEnd = item.CurrentPeriodEnd;
        row.CancelAtPeriodEnd = now.CancelAtPeriodEnd || now.CancelAt is not null;
        row.TrialEnd = now.TrialEnd;
        (row.PendingPlan, row.PendingInterval, row.PendingAt) = Pending(now, item);
        row.EndedAt = now.EndedAt;
        row.StartedAt = now.StartDate;
        row.UpdatedAt = time.Now();
    }

    /// <summary>What its schedule makes of it at the next border.</summary>
    private (string? Plan, string? Interval, DateTimeOffset? At) Pending(StripeSubscription now, StripeSubscriptionItem item) =>
        now.Schedule?.Value is { Status: "active" or "not_started" } schedule && schedule.Phases.FirstOrDefault(p => p.StartDate >= item.CurrentPeriodEnd) is { Items: [var next, ..] } phase
        && next.Price.Value is { } price && price.Id != item.Price.Id && prices.PlanOf(price) is var (plan, interval)
            ? (plan.Id, SoldPrice.Word(interval), phase.StartDate)
            : (null, null, null);

    /// <summary>What the account's subscriptions together mean: the newest that gives access decides; without any, the catalog's default plan.</summary>
    private async Task<string?> StandAsync(TenantScope scope, AccountId account, SubscriptionStanding standing, List<Subscription> rows, CancellationToken ct)
    {
        var governing = CurrentSubscription.Of(rows);
        if ((governing ?? CurrentSubscription.LastOf(rows)) is not { } shaping)
        {
            return null; // a first payment that never went through changes nothing
        }

        var plan = governing?.Plan ?? catalog.Current.DefaultPlan;
        // After the end the periods go on as they ran, also where nothing was heard before the end.
        var anchor = shaping.Anchor;
        var status = governing?.Status == "past_due" ? AccountStatus.PastDue : AccountStatus.Active;
        var grace = status != AccountStatus.PastDue ? null
            : standing.Status == AccountStatus.PastDue ? standing.GraceUntil : time.Now().AddDays(catalog.Current.PaymentGraceDays);
        if (standing.Version > 0 && (plan, anchor, status, grace) == (standing.Plan, standing.Anchor, standing.Status, standing.GraceUntil))
        {
            return null;
        }

        (standing.Plan, standing.Anchor, standing.Status, standing.GraceUntil, standing.Version) = (plan, anchor, status, grace, standing.Version + 1);
        var posted = await ledger.PostAsync(scope, new PlanChangeOperation(account, Origin.Stripe, $"standing:{standing.Version}", plan, anchor, status, grace), ct);
        return posted.Match(_ => (string?)null, refusal => refusal.Code.Status == 503 ? throw new InvalidOperationException(refusal.Detail) : refusal.Detail);
    }

    private static SubscriptionState Snapshot(Subscription row) => new(row.Plan, row.Interval, row.Status, row.CurrentPeriodStart, row.CurrentPeriodEnd, row.CancelAtPeriodEnd, row.PendingPlan, row.PendingInterval);

    private void Record(TenantScope scope, Subscription row, SubscriptionState? before, SubscriptionCause cause)
    {
        var after = Snapshot(row);
        if (before == after)
        {
            return;
        }

        scope.Db.Add(new SubscriptionChange
        {
            AccountId = row.AccountId,
            Id = Guid.CreateVersion7(),
            SubscriptionId = row.Id,
            At = time.Now(),
            Actor = cause.Actor.Length <= 200 ? cause.Actor : cause.Actor[..200],
            Reference = cause.Reference,
            Kind = KindOf(before, after),
            Before = before is null ? null : JsonSerializer.Serialize(before, Json.Options),
            After = JsonSerializer.Serialize(after, Json.Options),
        });
    }

    private static string KindOf(SubscriptionState? before, SubscriptionState after) => before switch
    {
        null => "started",
        _ when after.Status is "canceled" or "incomplete_expired" && before.Status != after.Status => "ended",
        _ when (before.Plan, before.Interval) != (after.Plan, after.Interval) => "plan_changed",
        _ when before.Status != after.Status => "status_changed",
        { CancelAtPeriodEnd: false } when after.CancelAtPeriodEnd => "cancellation_scheduled",
        { CancelAtPeriodEnd: true } when !after.CancelAtPeriodEnd => "cancellation_withdrawn",
        _ when (after.PendingPlan, after.PendingInterval) != (before.PendingPlan, before.PendingInterval) => after.PendingPlan is null ? "change_withdrawn" : "change_scheduled",
        _ => "renewed",
    };

    private sealed record SubscriptionState(string Plan, string Interval, string Status, DateTimeOffset PeriodStart, DateTimeOffset PeriodEnd, bool CancelAtPeriodEnd, string? PendingPlan = null, string? PendingInterval = null);
}

/// <summary>Which of an account's subscriptions counts.</summary>
public static class CurrentSubscription
{
    /// <returns>The newest that gives access; null for none.</returns>
    public static Subscription? Of(IEnumerable<Subscription> rows) => Newest(rows.Where(s => s.IsEntitled));

    /// <returns>The newest that gave access at some time; null for none.</returns>
    public static Subscription? LastOf(IEnumerable<Subscription> rows) => Newest(rows.Where(s => s.Status is not ("incomplete" or "incomplete_expired")));

    private static Subscription? Newest(IEnumerable<Subscription> rows) => rows.OrderByDescending(s => s.StartedAt).ThenByDescending(s => s.Id, StringComparer.Ordinal).FirstOrDefault();

    /// <returns>The newest that is paused; null for none.</returns>
    public static async Task<Subscription?> FindPausedAsync(TenantScope scope, AccountId account, CancellationToken ct) =>
        await scope.Db.Set<Subscription>().AsNoTracking().Where(s => s.AccountId == account && s.Status == "paused").OrderByDescending(s => s.StartedAt).FirstOrDefaultAsync(ct);

    /// <summary>Reads it, in any scope that sees the account.</summary>
    public static async Task<Subscription?> FindAsync(TenantScope scope, AccountId account, CancellationToken ct) =>
        Of(await scope.Db.Set<Subscription>().AsNoTracking().Where(s => s.AccountId == account).ToListAsync(ct));
}
