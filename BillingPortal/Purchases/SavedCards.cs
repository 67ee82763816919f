using BillingPortal.Catalog;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;

namespace BillingPortal.Purchases;

/// <summary>A payment method on file at Stripe; of a card nothing more is known here.</summary>
/// <param name="Id"><c>pm_…</c></param>
/// <param name="IsDefault">What renewals and top-ups are taken from.</param>
public sealed record SavedCard(string Id, string Type, string? Brand, string? Last4, int? ExpMonth, int? ExpYear, bool IsDefault);

/// <summary>The payment methods that a customer has saved: kept at Stripe, read from there each time.</summary>
public sealed class SavedCards(StripeClient stripe, CustomerLinks customers, BalanceWatches watches, CatalogSnapshot catalog)
{
    /// <summary>Where off-session payments are taken from.</summary>
    public sealed record OnFile(string Customer, string PaymentMethod);

    /// <returns>The cards, newest first; or why they cannot be told.</returns>
    public async Task<(IReadOnlyList<SavedCard> Cards, Refusal? Refusal)> ListAsync(AccountId account, CancellationToken ct = default)
    {
        if (await customers.FindAsync(account, ct) is not { } customer)
        {
            return ([], null);
        }

        var who = await stripe.Customers.GetAsync(customer, ct);
        var methods = await stripe.Customers.ListPaymentMethodsAsync(customer, ct);
        if (!who.TryGet(out var found, out var error) || !methods.TryGet(out var all, out error))
        {
            // Deleted at Stripe: the next checkout makes a new one.
            return error.IsMissingCustomer || error.Failure == StripeFailure.Missing ? ([], null) : ([], error.ToRefusal());
        }

        var preferred = found.InvoiceSettings?.DefaultPaymentMethod?.Value ?? (all.Data.Count > 0 ? all.Data[0].Id : null);
        return ([.. all.Data.Select(m => new SavedCard(m.Id, m.Type, m.Card?.Brand, m.Card?.Last4, m.Card?.ExpMonth, m.Card?.ExpYear, m.Id == preferred))], null);
    }

    /// <returns>Customer and card to charge with nobody present; null when there is none. An error when Stripe cannot be asked.</returns>
    internal async Task<StripeResult<OnFile?>> OnFileAsync(AccountId account, CancellationToken ct)
    {
        if (await customers.FindAsync(account, ct) is not { } customer)
        {
            return new StripeResult<OnFile?>.Answered(null);
        }

        var who = await stripe.Customers.GetAsync(customer, ct);
        if (!who.TryGet(out var found, out var error))
        {
            return error.Failure == StripeFailure.Missing ? new StripeResult<OnFile?>.Answered(null) : error;
        }

        if (found.InvoiceSettings?.DefaultPaymentMethod is { } preferred)
        {
            return new OnFile(customer, preferred);
        }

        return found.Deleted
            ? new StripeResult<OnFile?>.Answered(null)
            : (await stripe.Customers.ListPaymentMethodsAsync(customer, ct)).Match<StripeResult<OnFile?>>(
                list => new StripeResult<OnFile?>.Answered(list.Data.Count > 0 ? new OnFile(customer, list.Data[0].Id) : null), failed => failed);
    }

    /// <summary>A page of Stripe's where a card is entered; nothing is charged.</summary>
    /// <param name="back">Checked against the allowed origins by whoever takes it from outside.</param>
    public async Task<(string? Url, Refusal? Refusal)> AddAsync(AccountId account, CheckoutReturn back, CancellationToken ct = default)
    {
        var visit = Guid.NewGuid().ToString("N");
        var metadata = new Dictionary<string, string> { ["account"] = account.ToString(), ["setup"] = visit };
        var made = await customers.CallAsync(account, (customer, generation) => stripe.CheckoutSessions.CreateAsync(new()
        {
            Mode = "setup",
            Customer = customer,
            Currency = catalog.Current.Currency.Code,
            SuccessUrl = back.SuccessUrl,
            CancelUrl = back.CancelUrl,
            Metadata = metadata,
            SetupIntentData = new(metadata),
        }, $"setup:{visit}:{generation}", ct), ct);
        return made.Match<(string?, Refusal?)>(session => (session.Url, null), error => (null, error.ToRefusal()));
    }

    /// <summary>Renewals and top-ups are taken from this card from now on.</summary>
    public async Task<Refusal?> PreferAsync(AccountId account, string card, CancellationToken ct = default)
    {
        var (customer, refusal) = await OwnerAsync(account, card, ct);
        if (customer is null)
        {
            return refusal;
        }

        var act = Guid.NewGuid().ToString("N");
        if (!(await stripe.Customers.UpdateAsync(customer, new() { InvoiceSettings = new(card) }, $"default-card:{act}", ct)).TryGet(out _, out var error))
        {
            return error.ToRefusal();
        }

        // A subscription has a card of its own, which would go on being charged.
        var subscriptions = await stripe.Subscriptions.ListAsync(new() { Customer = customer, Limit = 100 }, ct);
        foreach (var subscription in subscriptions.Match(list => list.Data, _ => []))
        {
            if (!(await stripe.Subscriptions.UpdateAsync(subscription.Id, new() { DefaultPaymentMethod = card }, $"default-card:{act}:{subscription.Id}", ct)).TryGet(out _, out error))
            {
                return error.ToRefusal();
            }
        }

        await watches.ResumeAsync(account, ct);
        return null;
    }

    /// <summary>Forgets a card at Stripe. Not the one that a subscription is paid with.</summary>
    public async Task<Refusal?> RemoveAsync(AccountId account, string card, CancellationToken ct = default)
    {
        var (customer, refusal) = await OwnerAsync(account, card, ct);
        if (customer is null)
        {
            return refusal;
        }

        var subscriptions = await stripe.Subscriptions.ListAsync(new() { Customer = customer, Limit = 100 }, ct);
        if (subscriptions.Match(list => list.Data, _ => []).Any(s => s.Status is "active" or "trialing" or "past_due" && s.DefaultPaymentMethod?.Value == card))
        {
            return new(ErrorCode.Conflict, "The plan is paid with this card: make another one the default first. Nothing was removed.");
        }

        return (await stripe.PaymentMethods.DetachAsync(card, $"detach:{Guid.NewGuid():N}", ct)).Match(_ => (Refusal?)null, error => error.ToRefusal());
    }

    private async Task<(string? Customer, Refusal? Refusal)> OwnerAsync(AccountId account, string card, CancellationToken ct)
    {
        var unknown = new Refusal(ErrorCode.NotFound, "There is no such payment method. Nothing was changed.");
        return !PlainText.IsValid(card, 255) || await customers.FindAsync(account, ct) is not { } customer ? (null, unknown)
            : (await stripe.PaymentMethods.GetAsync(card, ct)).Match(
                method => method.Customer?.Value == customer ? (customer, (Refusal?)null) : (null, unknown),
                error => (null, error.Failure == StripeFailure.Missing ? unknown : error.ToRefusal()));
    }
}

/// <summary>What a card that was just saved does: the first one becomes the default, and a stopped auto top-up may try again.</summary>
internal sealed class SavedCardEvents(StripeClient stripe) : IStripeEventHandler
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["setup_intent.succeeded"];

    public async Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct)
    {
        if (received.ObjectId is not { } id)
        {
            return new StripeEffect.Park("The event names no setup intent.");
        }

        if (!(await stripe.SetupIntents.GetAsync(id, ct)).TryGet(out var setup, out var error))
        {
            return StripeEffect.Of(error);
        }

        if (setup.Customer is not { } customer || setup.PaymentMethod is not { } card || !setup.Metadata.TryGetValue("account", out var text) || !AccountId.TryParse(text, out var account))
        {
            return new StripeEffect.Nothing("Not a card that was saved from here.");
        }

        if (!(await stripe.Customers.GetAsync(customer, ct)).TryGet(out var who, out error))
        {
            return StripeEffect.Of(error);
        }

        if (who is { Deleted: false, InvoiceSettings.DefaultPaymentMethod: null }
            && !(await stripe.Customers.UpdateAsync(customer, new() { InvoiceSettings = new(card) }, $"first-card:{id}", ct)).TryGet(out _, out error))
        {
            return StripeEffect.Of(error);
        }

        return new StripeEffect.Apply(async (scope, inner) =>
        {
            await BalanceWatches.ResumeAsync(scope, account, inner);
            return null;
        });
    }
}
