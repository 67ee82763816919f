using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Outbox;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>What became of a top-up's payment: granted once, however it is learnt; a decline stops the account's auto top-up; no answer is waited out.</summary>
internal sealed class TopUpSettlement(Tenants tenants, Ledger.Ledger ledger, Outbox.Outbox outbox, TimeProvider time, ILogger<TopUpSettlement> log)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(30);

    /// <summary>Takes over Stripe's answer, or the lack of one.</summary>
    public async Task TakeAsync(TopUp topUp, StripeResult<StripePaymentIntent> answer, CancellationToken ct)
    {
        if (answer.TryGet(out var intent, out var error))
        {
            await InScopeAsync((scope, inner) => ApplyAsync(scope, topUp.AccountId, topUp.Id, intent, inner), ct);
            return;
        }

        if (error.PaymentIntent is { } failed)
        {
            await InScopeAsync((scope, inner) => ApplyAsync(scope, topUp.AccountId, topUp.Id, failed, inner), ct);
            return;
        }

        if (error.IsTransient || error.Failure is StripeFailure.NotConfigured or StripeFailure.Unauthorized or StripeFailure.IdempotencyConflict)
        {
            log.LogWarning("top_up.unknown {TopUp} {Reason}", topUp.ShownId, error.Message);
            await WaitAsync(topUp, ct);
            return;
        }

        await InScopeAsync((scope, inner) => RefuseAsync(scope, topUp.AccountId, topUp.Id, error.Failure == StripeFailure.Declined ? error.Message : "The payment provider did not take the payment. Save the card anew.", inner), ct);
    }

    /// <param name="scope">A writer's transaction.</param>
    /// <param name="intent">As read from Stripe just now.</param>
    /// <returns>Null when done; why not otherwise, and nothing may be kept.</returns>
    public async Task<string?> ApplyAsync(TenantScope scope, AccountId account, Guid id, StripePaymentIntent intent, CancellationToken ct)
    {
        if (await LockAsync(scope, account, id, ct) is not { } topUp)
        {
            return "The payment names a top-up that is not known here.";
        }

        if (topUp.Status == TopUpStatus.Succeeded)
        {
            return null;
        }

        topUp.PaymentId = intent.Id;
        switch (intent.Status)
        {
            case "succeeded":
                return await FulfilAsync(scope, topUp, intent, ct);
            case "processing":
                topUp.Status = TopUpStatus.Processing;
                topUp.NextTryAt = time.Now().AddHours(1);
                return null;
            default:
                return topUp.Status == TopUpStatus.Declined ? null : await DeclineAsync(scope, topUp, intent.LastPaymentError?.Message ?? "The card's bank asks you to confirm the payment yourself.", ct);
        }
    }

    /// <summary>Stripe knows nothing of it and will not be asked again: the next look may begin anew.</summary>
    public Task AbandonAsync(TopUp topUp, CancellationToken ct) => InScopeAsync(async (scope, inner) =>
    {
        if (await LockAsync(scope, topUp.AccountId, topUp.Id, inner) is { Status: TopUpStatus.Sent } row)
        {
            (row.Status, row.SettledAt, row.Outcome) = (TopUpStatus.Abandoned, time.Now(), "It never reached the payment provider.");
        }

        return null;
    }, ct);

    private async Task<string?> FulfilAsync(TenantScope scope, TopUp topUp, StripePaymentIntent intent, CancellationToken ct)
    {
        if (intent.AmountReceived != StripeMoney.ToMinor(topUp.Price, topUp.Currency) || intent.Currency != topUp.Currency.Code)
        {
            return $"The payment is about {intent.AmountReceived} {intent.Currency}, the top-up about {topUp.Price} {topUp.Currency}.";
        }

        (topUp.Status, topUp.SettledAt, topUp.Outcome) = (TopUpStatus.Succeeded, time.Now(), null);
        DateTimeOffset? expires = topUp.ExpiresAfterDays is { } days ? topUp.SettledAt.Value.AddDays(days) : null;
        var terms = new List<GrantTerms> { new(topUp.Unit, topUp.Granted, GrantSource.Purchase) { Reference = topUp.ShownId, ExpiresAt = expires } };
        if (topUp.Bonus.IsPositive)
        {
            terms.Add(new(topUp.Unit, topUp.Bonus, GrantSource.Bonus) { Reference = topUp.ShownId, ExpiresAt = expires });
        }

        var posted = await ledger.PostAsync(scope, new GrantOperation(topUp.AccountId, Origin.Stripe, $"top_up:{topUp.Id:N}", terms), ct);
        if (posted.Match(_ => (string?)null, refusal => refusal.Code.Status == 503 ? throw new InvalidOperationException(refusal.Detail) : refusal.Detail) is { } refused)
        {
            return refused;
        }

        scope.Db.Add(new Payment
        {
            AccountId = topUp.AccountId,
            Id = intent.Id,
            PaidAt = topUp.SettledAt.Value,
            Bought = topUp.Pack ?? "reserve",
            IsAutomatic = true,
            Reference = topUp.ShownId,
            Paid = topUp.Price,
            Currency = topUp.Currency,
            Unit = topUp.Unit,
            Granted = topUp.Granted,
            Bonus = topUp.Bonus,
        });
        await TopUpMails.ReceiptAsync(outbox, scope, await WhoAsync(scope, topUp.AccountId, ct), new(topUp.Price, topUp.Currency, topUp.Granted + topUp.Bonus, topUp.Unit, intent.Id), ct);
        log.LogInformation("top_up.granted {TopUp} {Account} {Payment}", topUp.ShownId, topUp.AccountId, intent.Id);
        return null;
    }

    private async Task<string?> RefuseAsync(TenantScope scope, AccountId account, Guid id, string why, CancellationToken ct) =>
        await LockAsync(scope, account, id, ct) is { Status: TopUpStatus.Sent or TopUpStatus.Processing } topUp ? await DeclineAsync(scope, topUp, why, ct) : null;

    private async Task<string?> DeclineAsync(TenantScope scope, TopUp topUp, string why, CancellationToken ct)
    {
        (topUp.Status, topUp.SettledAt, topUp.Outcome) = (TopUpStatus.Declined, time.Now(), why.Length <= 1000 ? why : why[..1000]);
        var reason = why.Length <= 500 ? why : why[..500];
        await scope.Db.Set<BalanceWatch>().Where(w => w.AccountId == topUp.AccountId).ExecuteUpdateAsync(set => set.SetProperty(w => w.StoppedAt, time.Now()).SetProperty(w => w.StopReason, reason), ct);
        await TopUpMails.StoppedAsync(outbox, scope, await WhoAsync(scope, topUp.AccountId, ct), why, $"top-up-declined:{topUp.Id:N}", ct);
        log.LogWarning("top_up.declined {TopUp} {Account}", topUp.ShownId, topUp.AccountId);
        return null;
    }

    private Task WaitAsync(TopUp topUp, CancellationToken ct) => InScopeAsync(async (scope, inner) =>
    {
        if (await LockAsync(scope, topUp.AccountId, topUp.Id, inner) is { Status: TopUpStatus.Sent } row)
        {
            var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, 5 * Math.Pow(2, Math.Min(row.Attempts, 12))));
            (row.Attempts, row.NextTryAt) = (row.Attempts + 1, time.Now() + pause);
        }

        return null;
    }, ct);

    private async Task InScopeAsync(Func<TenantScope, CancellationToken, Task<string?>> act, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if (await act(scope, ct) is { } refused)
        {
            log.LogError("top_up.not_taken {Reason}", refused);
            return;
        }

        await scope.CommitAsync(ct);
    }

    private static Task<TopUp?> LockAsync(TenantScope scope, AccountId account, Guid id, CancellationToken ct) =>
        scope.Db.Set<TopUp>().FromSql($"select * from top_ups where account_id = {account.Value} and id = {id} for update").SingleOrDefaultAsync(ct);

    private static Task<Account> WhoAsync(TenantScope scope, AccountId account, CancellationToken ct) => scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == account, ct);
}

/// <summary>What any event about an off-session payment does: it is read afresh; only those of top-ups are ours to take.</summary>
internal sealed class TopUpEvents(StripeClient stripe, TopUpSettlement settlement) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } =
        ["payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action", "payment_intent.canceled"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct) => received.ObjectId is not { } id
        ? new StripeEffect.Park("The event names no payment.")
        : (await stripe.PaymentIntents.GetAsync(id, ct)).Match(
            intent => intent.Metadata.TryGetValue("account", out var account) && AccountId.TryParse(account, out var accountId)
                && intent.Metadata.TryGetValue("top_up", out var topUp) && ShownId.TryParse(TopUp.Prefix, topUp, out Guid topUpId)
                ? new StripeEffect.Apply((scope, inner) => settlement.ApplyAsync(scope, accountId, topUpId, intent, inner))
                : new StripeEffect.Nothing("Not a payment of an auto top-up: its invoice or checkout tells."),
            StripeEffect.Of);
}
