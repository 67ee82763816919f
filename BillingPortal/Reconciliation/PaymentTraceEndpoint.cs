using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Reconciliation;

/// <param name="Data">Newest first, at most 20.</param>
internal sealed record PaymentTraceView(string Query, IReadOnlyList<TracedPayment> Data);

internal static class PaymentTraceEndpoint
{
    public static RouteGroupBuilder MapPaymentTrace(this RouteGroupBuilder api)
    {
        api.MapGet("/admin/payment-trace", TraceAsync).WithName("TracePayment").WithTags("Admin").RequireScope(Scope.Admin)
            .WithSummary("From a checkout session, payment intent, order, event, customer, account or e-mail to the grant, or why there is none")
            .WithDescription("`q` is for example `cs_test_…`, `pi_…`, `ord_…`, `evt_…`, `cus_…`, `acme` or `ada@example.com`.");
        return api;
    }

    private static async Task<Results<Ok<PaymentTraceView>, ProblemHttpResult>> TraceAsync(PaymentTrace trace, CancellationToken ct, string? q = null) =>
        !PlainText.IsValid(q?.Trim(), 320)
            ? Refusal.Invalid("q", "Name a session, payment intent, order, event, customer, account or e-mail, in at most 320 characters.").ToProblem()
            : TypedResults.Ok(new PaymentTraceView(q!.Trim(), await trace.FindAsync(q!, ct)));
}
