using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Ledger;

/// <summary><c>POST /admin/ledger/verify</c>: the ledger proves itself on demand.</summary>
internal static class VerifyEndpoint
{
    public static void MapVerify(this RouteGroupBuilder api) =>
        api.MapPost("/admin/ledger/verify", VerifyAsync).RequireScope(Scope.Admin).WithName("VerifyLedger").WithTags("Admin")
            .WithSummary("Proves numbers, hash chains and balances of one account's ledger, or of all");

    private static async Task<Results<Ok<Answer>, ProblemHttpResult>> VerifyAsync(HttpContext context, AccountDirectory accounts, LedgerVerification verification, CancellationToken ct, string? account = null)
    {
        AccountId? only = null;
        if (account is not null)
        {
            only = await accounts.FindAsync(context.Caller(), account, ct);
            if (only is null)
            {
                return AccountDirectory.Unknown.ToProblem();
            }
        }

        var report = await verification.RunAsync(only, ct: ct);
        return TypedResults.Ok(new Answer(report.Ok, report.Wallets, report.Transfers,
            [.. report.Problems.Select(p => new Finding(p.Account.ToString(), p.Unit, p.Seq == 0 ? null : p.Seq, p.What))]));
    }

    internal sealed record Answer(bool Ok, long Wallets, long Transfers, IReadOnlyList<Finding> Problems);

    internal sealed record Finding(string Account, Unit? Unit, long? Seq, string What);
}
