using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Outbox;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>
/// Buys when the balance dips below what the customer set (D8): one payment for each dip, however many instances look. A dip ends with the grant that it brought.
/// Decided under the watch's row lock and written down before Stripe is asked; after a decline nothing is tried until the customer acts.
/// </summary>
public sealed class AutoTopUps
{
    private readonly Tenants tenants;
    private readonly SavedCards cards;
    private readonly BalanceWatches watches;
    private readonly StripeClient stripe;
    private readonly TopUpSettlement settlement;
    private readonly Outbox.Outbox outbox;
    private readonly TimeProvider time;

    internal AutoTopUps(Tenants tenants, SavedCards cards, BalanceWatches watches, StripeClient stripe, TopUpSettlement settlement, Outbox.Outbox outbox, TimeProvider time) =>
        (this.tenants, this.cards, this.watches, this.stripe, this.settlement, this.outbox, this.time) = (tenants, cards, watches, stripe, settlement, outbox, time);

    /// <summary>Looks whether the account needs a top-up, and makes it. Safe at any time, any number of times.</summary>
    public async Task ConsiderAsync(AccountId account, CancellationToken ct = default)
    {
        await using (var look = await tenants.ForWriterAsync(ct))
        {
            if (await DueAsync(look, account, ct) is null)
            {
                return;
            }
        }

        if (!(await cards.OnFileAsync(account, ct)).TryGet(out var onFile, out var error) && error is not null)
        {
            return; // Stripe does not answer: the next look asks again
        }

        if (await WriteDownAsync(account, onFile, ct) is { } topUp)
        {
            await SendAsync(topUp, ct);
        }
    }

    /// <summary>Asks Stripe for the payment, for the first time or again: always under the dip's key, with what was written down.</summary>
    internal async Task SendAsync(TopUp topUp, CancellationToken ct)
    {
        var metadata = new Dictionary<string, string> { ["account"] = topUp.AccountId.ToString(), ["top_up"] = topUp.ShownId };
        var made = await stripe.PaymentIntents.CreateAsync(new()
        {
            Amount = StripeMoney.ToMinor(topUp.Price, topUp.Currency),
            Currency = topUp.Currency.Code,
            Customer = topUp.CustomerId,
            PaymentMethod = topUp.PaymentMethodId,
            Confirm = true,
            OffSession = true,
            Description = "Automatic top-up",
            Metadata = metadata,
        }, topUp.StripeKey, ct);
        await settlement.TakeAsync(topUp, made, ct);
    }

    /// <summary>Finds out by listing what became of a top-up whose key Stripe may have forgotten. It is never sent again.</summary>
    internal async Task LookUpAsync(TopUp topUp, CancellationToken ct)
    {
        if (topUp.PaymentId is { } known)
        {
            await settlement.TakeAsync(topUp, await stripe.PaymentIntents.GetAsync(known, ct), ct);
            return;
        }

        string? after = null;
        do
        {
            if (!(await stripe.PaymentIntents.ListAsync(topUp.CustomerId, new(topUp.CreatedAt.AddMinutes(-5)), after, ct)).TryGet(out var page, out var error))
            {
                await settlement.TakeAsync(topUp, error, ct);
                return;
            }

            if (page.Data.FirstOrDefault(i => i.Metadata.GetValueOrDefault("top_up") == topUp.ShownId) is { } found)
            {
                await settlement.TakeAsync(topUp, found, ct);
                return;
            }

            after = page.HasMore && page.Data.Count > 0 ? page.Data[^1].Id : null;
        }
        while (after is not null);
        await settlement.AbandonAsync(topUp, ct);
    }

    /// <returns>The watch when a top-up is due now; null otherwise.</returns>
    private static async Task<BalanceWatch?> DueAsync(TenantScope scope, AccountId account, CancellationToken ct)
    {
        var watch = await scope.Db.Set<BalanceWatch>().FromSql($"select * from balance_watches where account_id = {account.Value} for update").SingleOrDefaultAsync(ct);
        if (watch is not { TopsUp: true, StoppedAt: null } || await scope.Db.Set<TopUp>().AnyAsync(t => t.AccountId == account && (t.Status == TopUpStatus.Sent || t.Status == TopUpStatus.Processing), ct))
        {
            return null;
        }

        var wallet = await scope.Db.Set<Wallet>().AsNoTracking().FirstOrDefaultAsync(w => w.AccountId == account && w.Unit == watch.Unit, ct);
        return (wallet is null ? Amount.Zero : wallet.Balance - wallet.Held) < watch.Threshold ? watch : null;
    }

    private async Task<TopUp?> WriteDownAsync(AccountId account, SavedCards.OnFile? onFile, CancellationToken ct)
    {
        await using var scope = await tenants.ForWriterAsync(ct);
        if (await DueAsync(scope, account, ct) is not { } watch)
        {
            return null;
        }

        var who = await scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == account, ct);
        var currency = watch.Pack is null ? watch.Unit : who.Currency ?? watch.Unit;
        var (offer, refusal) = watches.Offer(watch, currency);
        if (offer is null || onFile is null)
        {
            await StopAsync(scope, watch, who, onFile is null ? "There is no card on file." : refusal!.Detail, ct);
            return null;
        }

        if (watch.MonthlyLimit is { } most && await SpentThisMonthAsync(scope, who, ct) + offer.Price > most)
        {
            await TellLimitAsync(scope, who, most, offer.Currency, ct);
            return null;
        }

        watch.Dips++;
        var topUp = New(account, watch, offer, onFile);
        scope.Db.Add(topUp);
        await scope.CommitAsync(ct);
        return topUp;
    }

    private TopUp New(AccountId account, BalanceWatch watch, TopUpOffer offer, SavedCards.OnFile onFile) => new()
    {
        AccountId = account,
        Dip = watch.Dips,
        Id = Guid.CreateVersion7(),
        Status = TopUpStatus.Sent,
        Price = offer.Price,
        Currency = offer.Currency,
        Unit = offer.Unit,
        Granted = offer.Granted,
        Bonus = offer.Bonus,
        ExpiresAfterDays = offer.ExpiresAfterDays,
        Pack = watch.Pack,
        CustomerId = onFile.Customer,
        PaymentMethodId = onFile.PaymentMethod,
        CreatedAt = time.Now(),
        Attempts = 1,
        // Should this process die now, another takes it up; not while this one may still be asking.
        NextTryAt = time.Now().AddMinutes(2),
    };

    private async Task StopAsync(TenantScope scope, BalanceWatch watch, Account who, string why, CancellationToken ct)
    {
        (watch.StoppedAt, watch.StopReason) = (time.Now(), why);
        await TopUpMails.StoppedAsync(outbox, scope, who, why, $"top-up-stopped:{who.AccountId}:{watch.Dips}:{watch.StoppedAt.Value.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}", ct);
        await scope.CommitAsync(ct);
    }

    private async Task TellLimitAsync(TenantScope scope, Account who, Amount most, Unit currency, CancellationToken ct)
    {
        if (who.Email is { } email)
        {
            var month = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM}");
            var text = $"Your balance is low, and this month's limit for automatic top-ups, {most} {currency.Code.ToUpperInvariant()}, is reached. Nothing was charged. Raise the limit in the portal's payment settings, or buy by hand.";
            await outbox.PutAsync(scope, new(email, "Automatic top-up: the monthly limit is reached", text, $"top-up-limit:{who.AccountId}:{month}"), who.AccountId, ct);
            await scope.CommitAsync(ct);
        }
    }

    /// <summary>In the calendar month of the account's own zone.</summary>
    private async Task<Amount> SpentThisMonthAsync(TenantScope scope, Account who, CancellationToken ct)
    {
        var from = Zones.Month(time.GetUtcNow(), Zones.Find(who.TimeZone)).Start;
        var spent = await scope.Db.Set<TopUp>().Where(t => t.AccountId == who.AccountId && t.CreatedAt >= from && t.Status != TopUpStatus.Declined && t.Status != TopUpStatus.Abandoned).Select(t => t.Price).ToListAsync(ct);
        return spent.Aggregate(Amount.Zero, (sum, price) => sum + price);
    }
}
