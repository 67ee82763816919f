using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>Takes in where a level stands or by how much it changed, as an event that happened: it is never refused for a limit (DESIGN §7.1), and what is older than what is known changes nothing.</summary>
/// <remarks>Asking first is a charge for the meter, which is held to the plan's limit.</remarks>
public sealed class LevelOperation(AccountId account, Origin origin, string key, LevelReport report) : Operation(account, origin, key)
{
    public override string Kind => "level";
    public override byte[] BodyHash => Hash();
    public override bool NeedsLevels => true;
    /// <summary>What came of it, once decided; null for a repeat.</summary>
    public LevelChange? Decided { get; private set; }

    public override Refusal? Decide(AccountState account)
    {
        if (account.Catalog.FindMeter(report.Meter.Code) is not { } meter)
        {
            return new(ErrorCode.UnknownMeter, $"The catalog has no meter '{report.Meter}'. Nothing was changed.");
        }

        if (meter.Kind != MeterKind.Level || report.Value is null == report.Quantity is null || report.Value is { IsNegative: true })
        {
            return Refusal.Invalid("meter", $"A level is reported by its value, zero or more, or by the quantity that it changed by; '{meter.Id}' is {(meter.Kind == MeterKind.Level ? "one" : "none")}. Nothing was changed.");
        }

        Decided = account.Take(report);
        return null;
    }

    private byte[] Hash()
    {
        var digest = new DigestWriter(stackalloc byte[256]);
        digest.Add(Kind);
        digest.Add(report.Meter);
        digest.Add(report.Value?.ToString());
        digest.Add(report.Quantity?.ToString());
        digest.Add(report.AsOf);
        return digest.Sha256();
    }
}
