using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Gating;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

internal sealed record RefundView(string Id, string? StripeId, RefundStatus Status, Amount Amount, Unit Currency, Amount DrawnBack, string Actor, string? Reason, DateTimeOffset CreatedAt, string? Outcome)
{
    public static RefundView Of(Refund r) => new(r.ShownId, r.StripeId, r.Status, r.Amount, r.Currency, r.DrawnBack + r.BonusDrawnBack, r.Actor, r.Reason, r.CreatedAt, r.Outcome);
}

/// <param name="Id">The PaymentIntent.</param>
/// <param name="Granted">What it put in, bonus included, in <paramref name="Unit"/>.</param>
/// <param name="DrawnBack">What refunds and disputes took back of it.</param>
internal sealed record PaymentView(
    string Id, string Account, DateTimeOffset PaidAt, string Bought, bool IsAutomatic, Amount Paid, Unit Currency, Amount Refunded, Unit Unit, Amount Granted, Amount DrawnBack, IReadOnlyList<RefundView> Refunds)
{
    public static PaymentView Of(PaymentWithRefunds row)
    {
        var p = row.Payment;
        return new(p.Id, p.AccountId.ToString(), p.PaidAt, p.Bought, p.IsAutomatic, p.Paid, p.Currency, p.Refunded, p.Unit, p.Granted + p.Bonus, p.DrawnBack + p.BonusDrawnBack, [.. row.Refunds.Select(RefundView.Of)]);
    }
}

/// <param name="Amount">In the payment's currency; absent: all that is left.</param>
/// <param name="Reason">1 to 500 characters; on the audit record.</param>
internal sealed record PaymentRefundBody(Amount? Amount = null, string? Reason = null);

/// <summary>Payments that bought credits or money, and giving them back.</summary>
internal static class PaymentEndpoints
{
    public static RouteGroupBuilder MapPaymentsAdmin(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/payments", ListAsync).WithName("ListPayments").WithSummary("Payments for credits and money with their refunds, newest first").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapGet("/admin/payments/{id}", GetAsync).WithName("GetPayment").WithSummary("One payment with its refunds").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost("/admin/payments/{id}/refunds", RefundAsync).WithName("RefundPayment").WithSummary("Give a payment back, in part or whole; what it bought is drawn back").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<ListAnswer<PaymentView>>, ProblemHttpResult>> ListAsync(
        HttpContext context, AccountDirectory directory, PaymentList payments, string? account, string? cursor, int? limit, CancellationToken ct)
    {
        if (limit is < 1 or > 200)
        {
            return Refusal.Invalid("limit", "Must be a whole number from 1 to 200.").ToProblem();
        }

        AccountId? wanted = null;
        if (account is not null && (wanted = await directory.FindAsync(context.Caller(), account, ct)) is null)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (cursor is not null && (!PlainText.IsValid(cursor, 255) || await payments.FindAsync(cursor, ct) is null))
        {
            return Refusal.Invalid("cursor", "Must be a next_cursor of this list.").ToProblem();
        }

        var rows = await payments.ReadAsync(wanted, cursor, limit ?? 50, ct);
        return TypedResults.Ok(new ListAnswer<PaymentView>([.. rows.Select(PaymentView.Of)], rows.Count < (limit ?? 50) ? null : rows[^1].Payment.Id));
    }

    private static async Task<Results<Ok<PaymentView>, ProblemHttpResult>> GetAsync(string id, PaymentList payments, CancellationToken ct) =>
        PlainText.IsValid(id, 255) && await payments.FindAsync(id, ct) is { } found ? TypedResults.Ok(PaymentView.Of(found)) : Unknown.ToProblem();

    private static async Task<Results<Created<RefundView>, ProblemHttpResult>> RefundAsync(string id, PaymentRefundBody body, HttpContext context, Refunds refunds, CancellationToken ct)
    {
        if (KeyHeader.Read(context, out var key) is { } noKey)
        {
            return noKey.ToProblem();
        }

        if (body.Reason is not { } reason || !PlainText.IsValid(reason, 500) || string.IsNullOrWhiteSpace(reason))
        {
            return Refusal.Invalid("reason", "Is required: at most 500 characters without line breaks. Nothing was refunded.").ToProblem();
        }

        if (!PlainText.IsValid(id, 255))
        {
            return Unknown.ToProblem();
        }

        return (await refunds.StartAsync(id, body.Amount, reason.Trim(), context.Caller().Actor, key, ct)).Match<Results<Created<RefundView>, ProblemHttpResult>>(
            (refund, replayed) =>
            {
                if (replayed)
                {
                    context.Response.Headers[KeyHeader.Replayed] = "true";
                }

                return TypedResults.Created($"/api/v1/admin/payments/{Uri.EscapeDataString(id)}", RefundView.Of(refund));
            },
            refusal => refusal.ToProblem());
    }

    private static Refusal Unknown => new(ErrorCode.NotFound, "There is no such payment. Nothing was done.");
}
