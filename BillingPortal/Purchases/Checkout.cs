using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Subscriptions;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>Begins a purchase: the order is written down first, then Stripe is asked for a page to pay on. Nothing is granted here.</summary>
public sealed class Checkout(Tenants tenants, CatalogSnapshot catalog, StripeClient stripe, CustomerLinks customers, SoldPrices prices, MeteredPrices metered, Discounts discounts, TimeProvider time, ILogger<Checkout> log)
{
    /// <param name="clientKey">The caller's own idempotency key; null for none.</param>
    /// <returns>In <paramref name="clientKey"/>'s name the same checkout again; or why there is none, with nothing done.</returns>
    public async Task<Result<CheckoutStarted>> StartAsync(AccountId account, CheckoutRequest request, CheckoutReturn back, string? clientKey = null, CancellationToken ct = default)
    {
        if (stripe.CheckoutsPaused)
        {
            return StripeRefusals.Paused;
        }

        var (order, refusal) = await WriteDownAsync(account, request, back, clientKey, ct);
        if (refusal is not null)
        {
            return refusal;
        }

        if (order!.Url is { } before)
        {
            return new CheckoutStarted(order.ShownId, before, Replayed: true);
        }

        if (!(await LinesAsync(order, ct)).TryGet(out var items, out var unsold))
        {
            log.LogWarning("checkout.unsold {Order} {Reason}", order.ShownId, unsold.Message);
            return unsold.ToRefusal();
        }

        if (!(await discounts.FindAsync(new(order.Coupon, order.PromotionCode), ct)).TryGet(out var off, out var invalid) && invalid is not null)
        {
            return Discounts.Refused(invalid) ?? invalid.ToRefusal();
        }

        var made = await customers.CallAsync(account, (customer, generation) =>
            stripe.CheckoutSessions.CreateAsync(Options(order, customer, items, off), $"order:{order.Id:N}:{generation}", ct), ct);
        if (!made.TryGet(out var session, out var error))
        {
            log.LogWarning("checkout.failed {Order} {Reason}", order.ShownId, error.Message);
            return error.ToRefusal();
        }

        await KeepAsync(order, session, ct);
        log.LogInformation("checkout.started {Order} {Account} {Session}", order.ShownId, account, session.Id);
        return new CheckoutStarted(order.ShownId, session.Url!);
    }

    private async Task<(Order? Order, Refusal? Refusal)> WriteDownAsync(AccountId account, CheckoutRequest request, CheckoutReturn back, string? clientKey, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        if (clientKey is not null)
        {
            // Two requests of one key: the second waits for the first's row and finds it.
            await scope.Db.Database.ExecuteSqlAsync($"select pg_advisory_xact_lock(hashtextextended({$"order:{account}:{clientKey}"}, 8))", ct);
            if (await scope.Db.Set<Order>().AsNoTracking().FirstOrDefaultAsync(o => o.AccountId == account && o.ClientKey == clientKey, ct) is { } same)
            {
                return same.ClientDigest!.AsSpan().SequenceEqual(Ordering.Digest(request, back))
                    ? (same, null)
                    : (null, new(ErrorCode.IdempotencyConflict, "This Idempotency-Key was used for another checkout. Nothing was done."));
            }
        }

        if (request is CheckoutRequest.Subscription && await CurrentSubscription.FindAsync(scope, account, ct) is { } current)
        {
            return (null, new(ErrorCode.Conflict, $"There is a subscription to {current.Plan} already: change it instead of buying a second one. Nothing was done."));
        }

        var currency = await scope.Db.Set<Account>().Where(a => a.AccountId == account).Select(a => a.Currency).FirstOrDefaultAsync(ct);
        var hadSubscription = await scope.Db.Set<Subscription>().AnyAsync(s => s.AccountId == account, ct);
        var (order, refusal) = Ordering.Make(account, request, back, catalog.Current, new(currency, hadSubscription), clientKey, time.Now());
        if (order is not null)
        {
            scope.Db.Add(order);
            await scope.CommitAsync(ct);
        }

        return (order, refusal);
    }

    /// <summary>What is paid now and, with a subscription, what is billed by use afterwards.</summary>
    private async Task<StripeResult<IReadOnlyList<StripeLineItemOptions>>> LinesAsync(Order order, CancellationToken ct)
    {
        if (!(await LineAsync(order, ct)).TryGet(out var line, out var error))
        {
            return error;
        }

        if (order.Kind != OrderKind.Subscription || !BillingIntervals.TryParse(order.Interval, out var interval))
        {
            return new StripeResult<IReadOnlyList<StripeLineItemOptions>>.Answered([line]);
        }

        return (await metered.FindAsync(catalog.Current.FindPlan(order.Plan!)!, interval, order.Currency, ct)).Match<StripeResult<IReadOnlyList<StripeLineItemOptions>>>(
            prices => new StripeResult<IReadOnlyList<StripeLineItemOptions>>.Answered([line, .. prices.Select(p => new StripeLineItemOptions { Price = p, Quantity = null })]), failed => failed);
    }

    private async Task<StripeResult<StripeLineItemOptions>> LineAsync(Order order, CancellationToken ct)
    {
        if (order.Kind == OrderKind.Reserve)
        {
            return new StripeLineItemOptions { PriceData = new(order.Currency.Code, StripeMoney.ToMinor(order.Price, order.Currency), new("Prepaid balance")) };
        }

        if (Sold(order) is not { } sold)
        {
            return new StripeError(StripeFailure.Missing, "The catalog changed meanwhile.");
        }

        return (await prices.FindAsync(sold, ct)).Match<StripeResult<StripeLineItemOptions>>(id => new StripeLineItemOptions { Price = id }, error => error);
    }

    private SoldPrice? Sold(Order order)
    {
        var document = catalog.Current;
        return order.Kind == OrderKind.Credits
            ? document.FindCreditPack(order.Pack!) is { } pack ? SoldPrice.Of(pack) : null
            : document.FindPlan(order.Plan!) is { } plan && plan.Prices.FirstOrDefault(p => SoldPrice.Word(p.Interval) == order.Interval && p.Currency == order.Currency) is { } price ? SoldPrice.Of(plan, price) : null;
    }

    private static StripeCheckoutSessionOptions Options(Order order, string customer, IReadOnlyList<StripeLineItemOptions> lines, IReadOnlyList<StripeDiscountOptions>? off)
    {
        var metadata = new Dictionary<string, string> { ["account"] = order.AccountId.ToString(), ["order"] = order.ShownId };
        var recurring = order.Kind == OrderKind.Subscription;
        return new()
        {
            Mode = recurring ? "subscription" : "payment",
            Customer = customer,
            SuccessUrl = order.SuccessUrl,
            CancelUrl = order.CancelUrl,
            ClientReferenceId = order.ShownId,
            LineItems = lines,
            Metadata = metadata,
            Discounts = off,
            AllowPromotionCodes = off is null ? true : null,
            SubscriptionData = recurring ? new() { Metadata = metadata, TrialPeriodDays = order.TrialDays } : null,
            PaymentIntentData = recurring ? null : new() { Metadata = metadata },
        };
    }

    private async Task KeepAsync(Order order, StripeCheckoutSession session, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(order.AccountId, ct);
        await scope.Db.Set<Order>().Where(o => o.AccountId == order.AccountId && o.Id == order.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(o => o.SessionId, session.Id).SetProperty(o => o.Url, session.Url), ct);
        await scope.CommitAsync(ct);
    }
}
