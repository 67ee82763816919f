using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Audit;
using BillingPortal.Catalog;
using BillingPortal.Data;
using BillingPortal.Gating;
using BillingPortal.Ledger;
using BillingPortal.Observability;
using BillingPortal.Primitives;
using BillingPortal.Purchases;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Api;

/// <param name="LowBalancePolicy"><c>block</c>, <c>warn</c> or <c>limited</c>; admin.</param>
/// <param name="OverdraftLimit">How far below zero <c>limited</c> lets go; admin.</param>
/// <param name="AutoTopUp">Buys by itself when the balance dips.</param>
/// <param name="LowBalanceNotice">A mail goes out when what is available falls below; 0: none.</param>
/// <param name="TimeZone">IANA name: where the account's days and calendar months begin.</param>
internal sealed record AccountPatch(
    string? Email, string? Name, string? Currency, IReadOnlyDictionary<string, string?>? Metadata, ConsentChange? MarketingConsent, LowBalancePolicy? LowBalancePolicy, Amount? OverdraftLimit,
    AutoTopUpChange? AutoTopUp, Amount? LowBalanceNotice, string? TimeZone)
{
    public AccountChanges Changes => new(Email, Name, Currency, Metadata, MarketingConsent, TimeZone);
    public bool TouchesWatch => AutoTopUp is not null || LowBalanceNotice is not null;
    public bool TouchesPolicy => LowBalancePolicy is not null || OverdraftLimit is not null;
}

/// <summary>Who the accounts are: made, read, changed and listed.</summary>
internal static class AccountEndpoints
{
    public static RouteGroupBuilder MapAccountsApi(this RouteGroupBuilder api)
    {
        var accounts = api.MapGroup("/accounts").WithTags("Accounts");
        accounts.MapPut("/{account}", PutAsync).WithName("PutAccount").WithSummary("Makes the account, or changes what is said of it").RequireScope(Scope.Accounts);
        accounts.MapGet("/{account}", GetAsync).WithName("GetAccount").WithSummary("Who the account is and where it stands").RequireScope(Scope.Accounts, Scope.Read);
        accounts.MapPatch("/{account}", PatchAsync).WithName("PatchAccount").WithSummary("Changes settings; the low-balance policy needs the scope admin").RequireScope(Scope.Accounts);
        accounts.MapGet("", ListAsync).WithName("ListAccounts").WithSummary("Accounts, newest first; query is the beginning of an id, e-mail or name").RequireScope(Scope.Accounts, Scope.Read);
        return api;
    }

    private static async Task<Results<Ok<AccountView>, Created<AccountView>, ProblemHttpResult>> PutAsync(
        string account, AccountChanges? body, HttpContext context, AccountDirectory directory, AccountJoin join, CancellationToken ct)
    {
        var changes = body ?? new();
        if (changes.Check() is { } refusal)
        {
            return refusal.ToProblem();
        }

        var caller = context.Caller();
        var id = await directory.FindAsync(caller, account, ct);
        var made = false;
        if (id is null)
        {
            if (caller.Accounts is not null || AccountId.TryParse(account, out _))
            {
                return AccountDirectory.Unknown.ToProblem();
            }

            if (!ExternalId.MayBeNew(account))
            {
                return Refusal.Invalid("account", "An id has 1 to 200 characters without control characters, no space at its ends, and does not begin with acc_.").ToProblem();
            }

            (id, made) = await directory.MakeAsync(account, ct);
        }

        if (await join.CurrencyConflictAsync(id.Value, changes.Currency, ct) is { } conflict)
        {
            return conflict.ToProblem();
        }

        var view = await join.ChangeAsync(id.Value, changes, ct);
        return made ? TypedResults.Created($"/api/v1/accounts/{view.Id}", view) : TypedResults.Ok(view);
    }

    private static async Task<Results<Ok<AccountView>, ProblemHttpResult>> GetAsync(string account, HttpContext context, AccountDirectory directory, AccountJoin join, CancellationToken ct) =>
        await directory.FindAsync(context.Caller(), account, ct) is { } id ? TypedResults.Ok(await join.ReadAsync(id, ct)) : AccountDirectory.Unknown.ToProblem();

    private static async Task<Results<Ok<AccountView>, ProblemHttpResult>> PatchAsync(
        string account, AccountPatch body, HttpContext context, AccountDirectory directory, AccountJoin join, CancellationToken ct)
    {
        var caller = context.Caller();
        if (await directory.FindAsync(caller, account, ct) is not { } id)
        {
            return AccountDirectory.Unknown.ToProblem();
        }

        if (body.TouchesPolicy && !caller.Has(Scope.Admin))
        {
            return new Refusal(ErrorCode.ForbiddenScope, "The low-balance policy is changed with the scope admin. Nothing was done.").ToProblem();
        }

        if (body.Changes.Check() is { } refusal)
        {
            return refusal.ToProblem();
        }

        if (body.OverdraftLimit is { } limit && (limit.IsNegative || !limit.IsWithinRequestLimit))
        {
            return Refusal.Invalid("overdraft_limit", "Must be 0 to 1,000,000,000.", ErrorCode.InvalidAmount).ToProblem();
        }

        if (await join.CurrencyConflictAsync(id, body.Currency, ct) is { } conflict)
        {
            return conflict.ToProblem();
        }

        if (body.TouchesWatch && await join.ChangeWatchAsync(id, caller.Actor, body.AutoTopUp, body.LowBalanceNotice, ct) is { } unusable)
        {
            return unusable.ToProblem();
        }

        if (body.TouchesPolicy && await join.ChangePolicyAsync(id, caller.Actor, body.LowBalancePolicy, body.OverdraftLimit, ct) is { } refused)
        {
            return refused.ToProblem();
        }

        return TypedResults.Ok(await join.ChangeAsync(id, body.Changes, ct));
    }

    private static async Task<Results<Ok<ListAnswer<AccountListed>>, ProblemHttpResult>> ListAsync(
        HttpContext context, AccountRegister register, CancellationToken ct, string? query = null)
    {
        if (ListQuery.Read(context.Request, out var page) is { } refusal)
        {
            return refusal.ToProblem();
        }

        if (query is { Length: > 0 } && !PlainText.IsValid(query, 200))
        {
            return Refusal.Invalid("query", "Must be at most 200 characters without control characters.").ToProblem();
        }

        var rows = await register.ListAsync(context.Caller(), query, page.Before is { } last ? new(last) : null, page.Limit, ct);
        return TypedResults.Ok(new ListAnswer<AccountListed>([.. rows.Select(AccountListed.Of)], page.Next(rows, a => a.AccountId.Value)));
    }
}

/// <summary>Joins who an account is with where it stands.</summary>
internal sealed class AccountJoin(AccountRegister register, LedgerReads reads, Ledger.Ledger ledger, CatalogSnapshot catalog, BalanceWatches watches, AuditTrail audit, Tenants tenants)
{
    public async Task<AccountView> ReadAsync(AccountId id, CancellationToken ct) =>
        View(await register.ReadAsync(id, ct), await reads.StandingAsync(id, ct), await watches.FindAsync(id, ct));

    public async Task<AccountView> ChangeAsync(AccountId id, AccountChanges changes, CancellationToken ct) =>
        View(await register.ChangeAsync(id, changes, ct), await reads.StandingAsync(id, ct), await watches.FindAsync(id, ct));

    public async Task<Refusal?> ChangeWatchAsync(AccountId id, string actor, AutoTopUpChange? change, Amount? notifyBelow, CancellationToken ct)
    {
        if (await watches.ChangeAsync(id, change, notifyBelow, ct) is { } refusal)
        {
            return refusal;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        audit.Record(scope, actor, "auto_top_up.changed", id.ToString(), after: new { auto_top_up = change, low_balance_notice = notifyBelow }, account: id);
        await scope.CommitAsync(ct);
        return null;
    }

    /// <returns>409 when money has moved in another currency already.</returns>
    public async Task<Refusal?> CurrencyConflictAsync(AccountId id, string? wanted, CancellationToken ct) =>
        wanted is not null && (await reads.StandingAsync(id, ct)).Currency is { } fixedOn && fixedOn.Code != wanted
            ? new(ErrorCode.Conflict, $"Money has moved in {fixedOn.Code} already; the currency stays. Nothing was changed.")
            : null;

    public async Task<Refusal?> ChangePolicyAsync(AccountId id, string actor, LowBalancePolicy? policy, Amount? limit, CancellationToken ct)
    {
        var before = await reads.StandingAsync(id, ct);
        var operation = new LowBalanceOperation(id, Origin.Api, $"policy:{Guid.CreateVersion7():N}", policy ?? before.LowBalancePolicy, limit ?? before.OverdraftLimit);
        if ((await ledger.PostAsync(operation, ct)).Match(_ => (Refusal?)null, refusal => refusal) is { } refused)
        {
            return refused;
        }

        await using var scope = await tenants.ForStaffAsync(ct);
        audit.Record(scope, actor, "low_balance_policy.changed", id.ToString(), new { before.LowBalancePolicy, before.OverdraftLimit },
            new { low_balance_policy = policy ?? before.LowBalancePolicy, overdraft_limit = limit ?? before.OverdraftLimit }, account: id);
        await scope.CommitAsync(ct);
        return null;
    }

    private AccountView View(Account? account, Standing standing, BalanceWatch? watch) =>
        AccountView.Of(account ?? throw new InvalidOperationException("An account that was found is gone; accounts are never deleted."), standing, standing.PlanIn(catalog.Current)) with { AutoTopUp = AutoTopUpView.Of(watch), LowBalanceNotice = watch?.NotifyBelow };
}
