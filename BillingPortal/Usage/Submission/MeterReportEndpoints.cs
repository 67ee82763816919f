using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Usage.Submission;

/// <summary>A report of overage as programs read it.</summary>
/// <param name="At">When it was used.</param>
/// <param name="Price">What <paramref name="Per"/> of the meter cost.</param>
/// <param name="Way">Null: not tried yet.</param>
/// <param name="Identifier">Under which Stripe knows it.</param>
internal sealed record MeterReportView(
    string Id, string Account, string Meter, long Value, DateTimeOffset At, decimal Price, int Per, string Currency, string Plan, ReportStatus Status, ReportWay? Way, string Identifier, int Attempts,
    DateTimeOffset CreatedAt, DateTimeOffset? FirstSentAt, DateTimeOffset? SentAt, ParkedAs? ParkedAs, string? Reason)
{
    public static MeterReportView Of(MeterReport r) => new(
        r.ShownId, r.AccountId.ToString(), r.Meter.Code, r.Value, r.At, r.Price, r.Per, r.Currency.Code, r.Plan, r.Status, r.Way, r.Identifier, r.Attempts, r.CreatedAt, r.FirstSentAt, r.SentAt, r.ParkedAs, r.Reason);
}

/// <param name="NextCursor">For the next page; null: this is the last.</param>
internal sealed record MeterReportList(IReadOnlyList<MeterReportView> Data, string? NextCursor);

internal static class MeterReportEndpoints
{
    private const string Path = "/admin/meter-reports";
    private const int Default = 50, Most = 200;

    public static RouteGroupBuilder MapMeterReports(this RouteGroupBuilder api)
    {
        api.MapGet(Path, ListAsync).WithName("ListMeterReports").WithSummary("Overage that was reported to Stripe, newest first").WithDescription("`status` is `waiting`, `sending`, `sent` or `parked`; `account` is an account's id.").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost($"{Path}/{{id}}/retry", RetryAsync).WithName("RetryMeterReport").WithSummary("Try a parked report again; Stripe counts it once").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<MeterReportList>, ProblemHttpResult>> ListAsync(MeterReports reports, string? status, string? account, string? limit, string? cursor, CancellationToken ct)
    {
        if (status is not null && (status.Length == 0 || char.IsDigit(status[0]) || !Enum.TryParse<ReportStatus>(status, ignoreCase: true, out _)))
        {
            return Refusal.Invalid("status", "status is waiting, sending, sent or parked.").ToProblem();
        }

        var take = Default;
        if (limit is not null && (!int.TryParse(limit, out take) || take is < 1 or > Most))
        {
            return Refusal.Invalid("limit", $"limit is 1 to {Most}.").ToProblem();
        }

        Guid before = default;
        AccountId of = default;
        if (cursor is not null && !ShownId.TryParse(MeterReport.Prefix, cursor, out before))
        {
            return Refusal.Invalid("cursor", "Take the cursor from next_cursor of the page before.").ToProblem();
        }

        if (account is not null && !AccountId.TryParse(account, out of))
        {
            return Refusal.Invalid("account", "account is an id like acc_….").ToProblem();
        }

        var rows = await reports.ListAsync(status is null ? null : Enum.Parse<ReportStatus>(status, ignoreCase: true), account is null ? null : of, cursor is null ? null : before, take + 1, ct);
        return TypedResults.Ok(new MeterReportList([.. rows.Take(take).Select(MeterReportView.Of)], rows.Count > take ? rows[take - 1].ShownId : null));
    }

    private static async Task<Results<Ok<MeterReportView>, ProblemHttpResult>> RetryAsync(string id, HttpContext http, MeterReports reports, CancellationToken ct) =>
        !ShownId.TryParse(MeterReport.Prefix, id, out Guid known)
            ? new Refusal(ErrorCode.NotFound, "No such report is parked. Nothing was done.").ToProblem()
            : (await reports.RetryAsync(http.Caller().Actor, known, ct)).Match<Results<Ok<MeterReportView>, ProblemHttpResult>>(row => TypedResults.Ok(MeterReportView.Of(row)), refusal => refusal.ToProblem());
}
