using BillingPortal.Access;
using BillingPortal.Accounts;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Charging;

/// <summary>What became of a request to hold.</summary>
/// <param name="Account">Null: the account is not known, or the caller may not reach it.</param>
/// <param name="Hold">What was asked for; null with a refusal.</param>
/// <param name="State">How the operation left it: on a repeat, as it was then.</param>
public sealed record HoldOutcome(AccountId? Account, Hold? Hold, HoldState? State, bool Replayed, Refusal? Refusal);

/// <summary>Opens, captures, extends and releases holds: the one way in for API and pages.</summary>
public sealed class Holds(AccountDirectory accounts, Enforcement enforcement, Ledger.Ledger ledger, HoldReads reads)
{
    /// <summary>Holds what a charge of the same body would take. An account that is new is made.</summary>
    public async Task<HoldOutcome> OpenAsync(Caller caller, HoldRequest request, IdempotencyKey key)
    {
        if (await accounts.OpenAsync(caller, request.Charge.Account) is not { } account)
        {
            return new(null, null, null, false, AccountDirectory.Unknown);
        }

        var operation = new HoldOperation(account, Origin.Api, key.Value, request, enforcement.ModeOf(request.Charge.Subject));
        return await (await ledger.PostAsync(operation)).Match(
            async posted => new HoldOutcome(account, posted.Replayed ? await reads.ReadAsync(new(account, posted.OperationId)) : operation.Hold, posted.Hold!.State, posted.Replayed, null),
            refusal => Task.FromResult(new HoldOutcome(account, null, null, false, refusal)));
    }

    /// <param name="hold">As it was read: only what it was made for is looked at.</param>
    public async Task<ChargeOutcome> CaptureAsync(Hold hold, CaptureRequest request, IdempotencyKey key)
    {
        var operation = new CaptureOperation(hold, Origin.Api, key.Value, request, enforcement.ModeOf(hold.Asked.Subject));
        return (await ledger.PostAsync(operation)).Match(
            posted => new ChargeOutcome(hold.AccountId, new(posted.Charge!, !posted.Replayed && operation.Receipt is { } receipt ? receipt : StoredReceipt.Read(posted.Charge!), posted.Replayed), null),
            refusal => new ChargeOutcome(hold.AccountId, null, refusal));
    }

    /// <inheritdoc cref="CaptureAsync"/>
    public Task<HoldOutcome> ExtendAsync(Hold hold, TimeSpan expiresIn, Amount? amount, IdempotencyKey key) =>
        PostAsync(hold, new ExtendHoldOperation(hold, Origin.Api, key.Value, expiresIn, amount, enforcement.ModeOf(hold.Asked.Subject)));

    /// <inheritdoc cref="CaptureAsync"/>
    public Task<HoldOutcome> ReleaseAsync(Hold hold, IdempotencyKey key) => PostAsync(hold, new ReleaseHoldOperation(hold.ShownId, Origin.Api, key.Value));

    private async Task<HoldOutcome> PostAsync(Hold hold, Operation operation) => (await ledger.PostAsync(operation)).Match(
        posted => new HoldOutcome(hold.AccountId, hold, posted.Hold!.State, posted.Replayed, null),
        refusal => new HoldOutcome(hold.AccountId, null, null, false, refusal));
}
