using System.Collections.Frozen;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using BillingPortal.Rating;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Charging;

/// <summary>Who decided the mode in force.</summary>
public enum EnforcementSource
{
    /// <summary>Enforce, or off where there are no payments.</summary>
    Default,
    /// <summary><c>Billing:Enforcement</c>.</summary>
    Configuration,
    /// <summary>The admin's switch.</summary>
    Admin,
}

/// <summary>Whether charges may be refused (DESIGN §7.3): the admin's switch, else the setting, else <c>off</c> without payments, else <c>enforce</c>. Known in memory; a change is in force on every instance within a second.</summary>
public sealed class Enforcement(Tenants tenants, AuditTrail audit, IConfiguration configuration, IStripeConnection payments, TimeProvider time, IServiceProvider services) : ISnapshotPart
{
    private const long LookAgain = 1_000;

    private volatile InForce? inForce;
    private volatile FrozenDictionary<string, EnforcementMode> switches = FrozenDictionary<string, EnforcementMode>.Empty;

    /// <summary>The mode of everything that has no setting of its own.</summary>
    public EnforcementMode Mode => Standing.Mode;

    public EnforcementSource Source => Standing.Source;

    /// <summary>Modes of single actions and meters, by id.</summary>
    public IReadOnlyDictionary<string, EnforcementMode> OfActions => switches.Where(s => s.Key.Length > 0).ToDictionary();

    /// <summary>The mode of what is charged: its action's own, or its meter's, else everything's.</summary>
    public EnforcementMode ModeOf(ChargeSubject subject) => (subject.Action ?? subject.Meter) is { } what && switches.TryGetValue(what, out var own) ? own : Mode;

    /// <summary>Sets the switch, on record. Null gives the decision back to the setting, or to everything's own mode for an action.</summary>
    public async Task ChangeAsync(string actor, EnforcementMode? mode, string? action = null, CancellationToken ct = default)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var setting = await scope.Db.Set<EnforcementSetting>().FindAsync([action ?? ""], ct);
        var before = setting?.Mode;
        if (mode is { } wanted)
        {
            setting ??= scope.Db.Add(new EnforcementSetting { Action = action ?? "" }).Entity;
            setting.Mode = wanted;
            setting.ChangedAt = time.Now();
        }
        else if (setting is not null)
        {
            scope.Db.Remove(setting);
        }

        audit.Record(scope, actor, "enforcement.changed", action ?? "everything", before: new { mode = before }, after: new { mode });
        await SnapshotVersion.BumpAsync(scope.Connection, scope.Transaction, ct);
        await scope.CommitAsync(ct);
        // Not LoadAsync: a reload that began before this commit must not come after it.
        await services.GetRequiredService<SnapshotVersion>().RefreshAsync(ct);
    }

    public async Task LoadAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        switches = (await scope.Db.Set<EnforcementSetting>().AsNoTracking().ToListAsync(ct)).ToFrozenDictionary(s => s.Action, s => s.Mode, StringComparer.Ordinal);
    }

    /// <summary>Asked on every charge: settings and payments are looked up once a second.</summary>
    private InForce Standing
    {
        get
        {
            var now = Environment.TickCount64;
            return inForce is { } known && now < known.Until && ReferenceEquals(known.Switches, switches) ? known : inForce = Decide(switches, now + LookAgain);
        }
    }

    private InForce Decide(FrozenDictionary<string, EnforcementMode> seen, long until)
    {
        if (seen.TryGetValue("", out var admins))
        {
            return new(admins, EnforcementSource.Admin, seen, until);
        }

        return Configured() is { } set
            ? new(set, EnforcementSource.Configuration, seen, until)
            : new(payments.Current.Mode == PaymentsMode.None ? EnforcementMode.Off : EnforcementMode.Enforce, EnforcementSource.Default, seen, until);
    }

    private EnforcementMode? Configured() =>
        configuration["Billing:Enforcement"]?.Trim() is { Length: > 0 } text && Enum.TryParse<EnforcementMode>(text, ignoreCase: true, out var set) && Enum.IsDefined(set) ? set : null;

    private sealed record InForce(EnforcementMode Mode, EnforcementSource Source, FrozenDictionary<string, EnforcementMode> Switches, long Until);
}
