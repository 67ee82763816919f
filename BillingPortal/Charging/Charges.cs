using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>A charge that stands, now or since an earlier request with the same key.</summary>
public sealed record TakenCharge(Charge Charge, Receipt Receipt, bool Replayed);

/// <summary>What became of a request to charge.</summary>
/// <param name="Account">Null: the account is not known, or the caller may not reach it.</param>
public sealed record ChargeOutcome(AccountId? Account, TakenCharge? Taken, Refusal? Refusal);

/// <summary>Takes charges: the one way in for API and jobs.</summary>
public sealed class Charges(AccountDirectory accounts, Enforcement enforcement, Ledger.Ledger ledger)
{
    /// <summary>Charges the account, which is made when it is new. A repeat under the same key gives the first answer.</summary>
    public async Task<ChargeOutcome> TakeAsync(Caller caller, ChargeRequest request, IdempotencyKey key) => await await QueueAsync(caller, request, key);

    /// <summary>The same, in two steps: when the outer task ends the charge is queued, and later ones of the same account come after it.</summary>
    public async ValueTask<Task<ChargeOutcome>> QueueAsync(Caller caller, ChargeRequest request, IdempotencyKey key)
    {
        var account = await accounts.OpenAsync(caller, request.Account);
        return account is { } known
            ? PostAsync(new ChargeOperation(known, Origin.Api, key.Value, request, enforcement.ModeOf(request.Subject)))
            : Task.FromResult(new ChargeOutcome(null, null, AccountDirectory.Unknown));
    }

    /// <summary>Gives a charge back, in part or whole.</summary>
    public Task<PostResult> RefundAsync(ChargeId charge, IReadOnlyList<UnitAmount>? funding, string reason, IdempotencyKey key) =>
        ledger.PostAsync(new RefundOperation(charge, Origin.Api, key.Value, funding, reason));

    private async Task<ChargeOutcome> PostAsync(ChargeOperation operation) => (await ledger.PostAsync(operation)).Match(
        posted => new ChargeOutcome(operation.Account, new(posted.Charge!, !posted.Replayed && operation.Receipt is { } receipt ? receipt : StoredReceipt.Read(posted.Charge!), posted.Replayed), null),
        refusal => new ChargeOutcome(operation.Account, null, refusal));
}
