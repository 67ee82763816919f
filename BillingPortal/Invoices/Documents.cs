using System.Globalization;
using BillingPortal.Accounts;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Pdf;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Invoices;

/// <summary>A document to download.</summary>
public sealed record Document(string FileName, byte[] Pdf)
{
    public const string ContentType = "application/pdf";
}

/// <summary>Our own documents (D11): a receipt for each pack or top-up that was paid, a statement of credits and money for each month. Invoices of subscriptions are Stripe's own.</summary>
public sealed class Documents(Tenants tenants, StripeClient stripe, CatalogSnapshot catalog, PdfFonts fonts, IConfiguration configuration, TimeProvider time)
{
    public const string StatementPrefix = "statement-";

    /// <summary>Whether this names one of our own documents, <c>ord_…</c> or <c>statement-2026-11</c>, and not an invoice at Stripe.</summary>
    public static bool IsOwn(string id) => id.StartsWith(Order.Prefix, StringComparison.Ordinal) || id.StartsWith(StatementPrefix, StringComparison.Ordinal);

    /// <param name="id">As <see cref="IsOwn"/> knows it.</param>
    public async Task<Result<Document>> MakeAsync(AccountId account, string id, CancellationToken ct = default) =>
        !fonts.Exist ? new Refusal(ErrorCode.Conflict, "This portal has no font to write documents with. Staff: install fonts-dejavu-core, or name a TrueType file in Pdf__Fonts.")
        : id.StartsWith(StatementPrefix, StringComparison.Ordinal) ? await StatementAsync(account, id[StatementPrefix.Length..], ct)
        : await ReceiptAsync(account, id, ct);

    /// <summary>Paid packs and top-ups, newest first: each has a receipt.</summary>
    public async Task<IReadOnlyList<Order>> PaidAsync(AccountId account, int limit, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForAccountAsync(account, ct);
        return await scope.Db.Set<Order>().AsNoTracking().Where(o => o.AccountId == account && o.Status == OrderStatus.Fulfilled && o.Kind != OrderKind.Subscription)
            .OrderByDescending(o => o.Id).Take(limit).ToListAsync(ct);
    }

    private async Task<Result<Document>> ReceiptAsync(AccountId account, string id, CancellationToken ct)
    {
        Account who;
        Order? order;
        await using (var scope = await tenants.ForAccountAsync(account, ct))
        {
            who = await scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == account, ct);
            order = ShownId.TryParse(Order.Prefix, id, out Guid known)
                ? await scope.Db.Set<Order>().AsNoTracking().FirstOrDefaultAsync(o => o.AccountId == account && o.Id == known && o.Kind != OrderKind.Subscription, ct) : null;
        }

        if (order is null)
        {
            return new Refusal(ErrorCode.NotFound, "The account has no such purchase.");
        }

        if (order.Status != OrderStatus.Fulfilled)
        {
            return new Refusal(ErrorCode.Conflict, "The purchase is not paid yet, so there is no receipt.");
        }

        // Tax is known to Stripe alone; a purchase that Stripe has forgotten is shown at its price.
        var answer = order.SessionId is { } session ? await stripe.CheckoutSessions.GetAsync(session, ct) : null;
        if (answer is StripeResult<StripeCheckoutSession>.Failed { Error: { Failure: not StripeFailure.Missing } error })
        {
            return error.ToRefusal();
        }

        var tax = answer is StripeResult<StripeCheckoutSession>.Answered { Value: { AmountTotal: { } total, AmountSubtotal: { } subtotal } } ? StripeMoney.FromMinor(total - subtotal, order.Currency) : Amount.Zero;
        var pdf = DocumentLayout.Receipt(new(fonts, $"Receipt {order.ShownId}"), Issuer, who, order, tax);
        return new Document($"receipt-{order.ShownId}.pdf", pdf.ToArray(time.GetUtcNow()));
    }

    private async Task<Result<Document>> StatementAsync(AccountId account, string month, CancellationToken ct)
    {
        if (!DateOnly.TryParseExact(month, "yyyy-MM", CultureInfo.InvariantCulture, DateTimeStyles.None, out var first) || first.Year < 2000 || first > DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime))
        {
            return new Refusal(ErrorCode.NotFound, "A statement is of a month that has begun, such as statement-2026-11.");
        }

        var from = new DateTimeOffset(first.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        await using var scope = await tenants.ForAccountAsync(account, ct);
        var who = await scope.Db.Set<Account>().AsNoTracking().SingleAsync(a => a.AccountId == account, ct);
        var wallets = await StatementReading.ReadAsync(scope, account, from, from.AddMonths(1), ct);
        var pdf = DocumentLayout.Statement(new(fonts, $"Statement {month}"), Issuer, who, first, wallets);
        return new Document($"statement-{month}.pdf", pdf.ToArray(time.GetUtcNow()));
    }

    /// <summary>Who gives the receipt: <c>Portal:Issuer</c>, one line each between <c>|</c>; else the catalog's name.</summary>
    private IReadOnlyList<string> Issuer =>
        configuration["Portal:Issuer"]?.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } lines ? lines : [catalog.Current.Name];
}
