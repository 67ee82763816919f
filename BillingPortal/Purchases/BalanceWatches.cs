using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Purchases;

/// <summary>What a caller wants of the auto top-up. A field that is absent stays as it is; <see cref="Pack"/> and <see cref="Amount"/> replace each other.</summary>
/// <param name="Threshold">Top up when what is available falls below; in credits with a pack, in money with an amount.</param>
/// <param name="Pack">Id of a credit pack.</param>
/// <param name="Amount">Of money, within the catalog's limits.</param>
/// <param name="MonthlyLimit">In the currency paid in; 0: none.</param>
public sealed record AutoTopUpChange(bool? Enabled = null, Amount? Threshold = null, string? Pack = null, Amount? Amount = null, Amount? MonthlyLimit = null);

/// <summary>What a top-up buys and costs.</summary>
internal sealed record TopUpOffer(Unit Unit, Amount Granted, Amount Bonus, Amount Price, Unit Currency, int? ExpiresAfterDays);

/// <summary>The settings of notice and auto top-up, and what they buy at today's prices.</summary>
public sealed class BalanceWatches(Tenants tenants, CatalogSnapshot catalog, TimeProvider time)
{
    /// <returns>Null: nothing was ever set.</returns>
    public async Task<BalanceWatch?> FindAsync(AccountId account, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<BalanceWatch>().AsNoTracking().FirstOrDefaultAsync(w => w.AccountId == account, ct);
    }

    /// <summary>Sets them. Saving is an act of the customer: what was stopped may try again.</summary>
    /// <param name="notifyBelow">Null: as it is; 0: no notice.</param>
    /// <returns>Null when saved; what is wrong otherwise, with nothing changed.</returns>
    public async Task<Refusal?> ChangeAsync(AccountId account, AutoTopUpChange? change, Amount? notifyBelow, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var currency = await scope.Db.Set<Account>().Where(a => a.AccountId == account).Select(a => a.Currency).FirstOrDefaultAsync(ct) ?? catalog.Current.Currency;
        var row = await scope.Db.Set<BalanceWatch>().FromSql($"select * from balance_watches where account_id = {account.Value} for update").SingleOrDefaultAsync(ct);
        if (row is null)
        {
            row = new BalanceWatch { AccountId = account, Unit = catalog.Current.CreditPacks.Count > 0 ? Unit.Credit : currency };
            scope.Db.Add(row);
        }

        if (notifyBelow is { } below)
        {
            if (below.IsNegative || !below.IsWithinRequestLimit)
            {
                return Refusal.Invalid("low_balance_notice", "Must be 0 to 1,000,000,000. Nothing was changed.", ErrorCode.InvalidAmount);
            }

            (row.NotifyBelow, row.NotifiedAt) = (below.IsPositive ? below : null, null);
        }

        if (change is not null && Apply(row, change, currency) is { } refusal)
        {
            return refusal;
        }

        row.UpdatedAt = time.Now();
        await scope.CommitAsync(ct);
        return null;
    }

    private Refusal? Apply(BalanceWatch row, AutoTopUpChange change, Unit currency)
    {
        row.TopsUp = change.Enabled ?? row.TopsUp;
        row.Threshold = change.Threshold ?? row.Threshold;
        row.MonthlyLimit = change.MonthlyLimit is { } limit ? limit.IsZero ? null : limit : row.MonthlyLimit;
        if (change is { Pack: not null, Amount: not null })
        {
            return Refusal.Invalid("auto_top_up", "Name a pack or an amount, not both. Nothing was changed.");
        }

        if (change.Pack is not null || change.Amount is not null)
        {
            (row.Pack, row.TopUpAmount) = (change.Pack, change.Amount);
        }

        if (row.Threshold.IsNegative || !row.Threshold.IsWithinRequestLimit)
        {
            return Refusal.Invalid("auto_top_up.threshold", "Must be 0 to 1,000,000,000. Nothing was changed.", ErrorCode.InvalidAmount);
        }

        if (row is { TopsUp: false, Pack: null, TopUpAmount: null })
        {
            return null;
        }

        var (offer, refusal) = Offer(row, currency);
        if (offer is null)
        {
            return refusal;
        }

        if (row.MonthlyLimit is { } most && (most < offer.Price || !most.IsWithinRequestLimit))
        {
            return Refusal.Invalid("auto_top_up.monthly_limit", $"Must cover one top-up at least, {offer.Price} {offer.Currency}. Nothing was changed.", ErrorCode.InvalidAmount);
        }

        row.Unit = offer.Unit;
        (row.StoppedAt, row.StopReason) = (null, null);
        return null;
    }

    /// <returns>What the row's top-up buys today, or why it cannot be bought.</returns>
    internal (TopUpOffer? Offer, Refusal? Refusal) Offer(BalanceWatch row, Unit currency)
    {
        if (row.Pack is { } id)
        {
            return catalog.Current.FindCreditPack(id) is { } pack
                ? (new(Unit.Credit, pack.Credits, pack.Bonus, pack.Price, pack.Currency, pack.ExpiresAfterDays), null)
                : (null, Refusal.Invalid("auto_top_up.pack", $"The catalog has no credit pack '{id}'. Nothing was changed."));
        }

        if (row.TopUpAmount is not { } amount)
        {
            return (null, Refusal.Invalid("auto_top_up", "Name the pack, or the amount of money, that is bought. Nothing was changed."));
        }

        return catalog.Current.ReserveTopUp is not { } limits ? (null, Refusal.Invalid("auto_top_up.amount", "This catalog sells no money reserve: name a pack. Nothing was changed."))
            : amount < limits.Minimum || amount > limits.Maximum || !StripeMoney.TryToMinor(amount, currency, out _)
                ? (null, Refusal.Invalid("auto_top_up.amount", $"A top-up is between {limits.Minimum} and {limits.Maximum} {currency}, in whole coins. Nothing was changed.", ErrorCode.InvalidAmount))
            : (new(currency, amount, Amount.Zero, amount, currency, null), null);
    }

    /// <summary>The customer has acted (a new card): what was stopped may try again.</summary>
    internal async Task ResumeAsync(AccountId account, CancellationToken ct)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        await ResumeAsync(scope, account, ct);
        await scope.CommitAsync(ct);
    }

    /// <inheritdoc cref="ResumeAsync(AccountId, CancellationToken)"/>
    internal static Task ResumeAsync(TenantScope scope, AccountId account, CancellationToken ct) => scope.Db.Set<BalanceWatch>().Where(w => w.AccountId == account && w.StoppedAt != null)
        .ExecuteUpdateAsync(set => set.SetProperty(w => w.StoppedAt, (DateTimeOffset?)null).SetProperty(w => w.StopReason, (string?)null), ct);
}
