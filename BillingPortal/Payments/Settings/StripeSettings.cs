using System.Collections.Frozen;
using System.Text.Json;
using BillingPortal.Audit;
using BillingPortal.Data;
using BillingPortal.Primitives;
using Microsoft.EntityFrameworkCore;

namespace BillingPortal.Payments.Settings;

/// <summary>The settings that staff made, in memory on every instance within a second of a change. Secrets stand sealed in the database and nowhere else.</summary>
public sealed class StripeSettings : ISnapshotPart, ISealedSecrets
{
    private const string KeyPurpose = "stripe_settings.secret_key";
    private const string WebhookPurpose = "stripe_settings.webhook_secrets";

    private readonly Tenants tenants;
    private readonly SecretBox box;
    private readonly AuditTrail audit;
    private readonly IConfiguration configuration;
    private readonly TimeProvider time;
    private readonly IServiceProvider services;
    private volatile StripeKeys own = StripeKeys.None;

    internal StripeSettings(Tenants tenants, SecretBox box, AuditTrail audit, IConfiguration configuration, TimeProvider time, IServiceProvider services) =>
        (this.tenants, this.box, this.audit, this.configuration, this.time, this.services) = (tenants, box, audit, configuration, time, services);

    /// <summary>What staff set; a null is the configuration's.</summary>
    public StripeKeys Own => own;

    /// <summary>True when something is stored that none of <c>Encryption:Keys</c> opens: then there are no payments until it is mended.</summary>
    public bool IsUnreadable { get; private set; }

    /// <summary>Whether secrets can be kept here.</summary>
    public bool CanKeepSecrets => box.HasKeys;

    /// <summary>What is in force: the settings, and the configuration (environment, secret files) behind them.</summary>
    public StripeKeys InForce => Over(own);

    /// <summary>Changes settings, on record without their values.</summary>
    /// <returns>Null when done; why not otherwise, and nothing was changed.</returns>
    public async Task<Refusal?> ChangeAsync(string actor, StripeKeysChange change, CancellationToken ct = default)
    {
        change = Cleaned(change);
        await using var scope = await tenants.ForStaffAsync(ct);
        var row = await LockAsync(scope, ct);
        var before = Read(row, out var unreadable);
        var after = change.ApplyTo(before);
        if (StripeKeyRules.Check(after, Over(after), Over(before), change) is { } refused)
        {
            return refused;
        }

        if (!box.HasKeys && (change.SecretKey.Value is not null || change.WebhookSecrets.Value is not null))
        {
            return new(ErrorCode.Conflict, "Encryption__Keys is not set, so a secret cannot be kept here safely. Set it, or give the keys by Stripe__SecretKey and Stripe__WebhookSecret. Nothing was changed.");
        }

        // What no key opens stays as it is until it is replaced.
        row.SecretKey = change.SecretKey.IsSaid ? Seal(after.SecretKey, KeyPurpose) : row.SecretKey;
        row.WebhookSecrets = change.WebhookSecrets.IsSaid ? Seal(after.WebhookSecrets is { } all ? string.Join('\n', all) : null, WebhookPurpose) : row.WebhookSecrets;
        row.PublishableKey = after.PublishableKey;
        row.CheckoutsPaused = after.CheckoutsPaused;
        row.PortalConfiguration = after.PortalConfiguration;
        row.BoundPrices = after.BoundPrices.Count == 0 ? null : JsonSerializer.Serialize(after.BoundPrices);
        row.ChangedAt = time.Now();
        audit.Record(scope, actor, "stripe_settings.changed", "stripe", before: Told(before, change, unreadable), after: Told(after, change, unreadable: false));
        await SnapshotVersion.BumpAsync(scope.Connection, scope.Transaction, ct);
        await scope.CommitAsync(ct);
        await services.GetRequiredService<SnapshotVersion>().RefreshAsync(ct);
        return null;
    }

    public async Task LoadAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var row = await scope.Db.Set<StripeSetting>().AsNoTracking().SingleOrDefaultAsync(ct);
        own = row is null ? StripeKeys.None : Read(row, out _);
        IsUnreadable = row is not null && IsAnyUnreadable(row);
    }

    public async Task<int> ResealAsync(CancellationToken ct)
    {
        await using var scope = await tenants.ForStaffAsync(ct);
        var row = await LockAsync(scope, ct);
        var resealed = 0;
        (byte[]? Box, string Purpose, Action<byte[]> Keep)[] kept = [(row.SecretKey, KeyPurpose, b => row.SecretKey = b), (row.WebhookSecrets, WebhookPurpose, b => row.WebhookSecrets = b)];
        foreach (var (sealedBefore, purpose, keep) in kept)
        {
            if (sealedBefore is not null && box.Open(sealedBefore, purpose) is { IsNewest: false } opened)
            {
                keep(box.Seal(opened.Plain, purpose));
                resealed++;
            }
        }

        await scope.CommitAsync(ct);
        return resealed;
    }

    private StripeKeys Over(StripeKeys first) => first with
    {
        SecretKey = first.SecretKey ?? (IsUnreadable ? null : StripeKeyRules.Clean(configuration["Stripe:SecretKey"])),
        PublishableKey = first.PublishableKey ?? StripeKeyRules.Clean(configuration["Stripe:PublishableKey"]),
        WebhookSecrets = first.WebhookSecrets ?? [.. (configuration["Stripe:WebhookSecret"] ?? "").Split(',').Select(StripeKeyRules.Clean).OfType<string>()],
    };

    private static StripeKeysChange Cleaned(StripeKeysChange change) => change with
    {
        SecretKey = change.SecretKey with { Value = StripeKeyRules.Clean(change.SecretKey.Value) },
        PublishableKey = change.PublishableKey with { Value = StripeKeyRules.Clean(change.PublishableKey.Value) },
        WebhookSecrets = change.WebhookSecrets with { Value = change.WebhookSecrets.Value?.Select(StripeKeyRules.Clean).OfType<string>().Distinct().ToList() is { Count: > 0 } some ? some : null },
        BoundPrices = change.BoundPrices?.Where(b => StripeKeyRules.Clean(b.Value) is not null).ToDictionary(b => b.Key.Trim(), b => StripeKeyRules.Clean(b.Value)!),
    };

    private static async Task<StripeSetting> LockAsync(TenantScope scope, CancellationToken ct)
    {
        await scope.Db.Database.ExecuteSqlAsync($"insert into stripe_settings (id, checkouts_paused, changed_at) values (1, false, now()) on conflict do nothing", ct);
        return await scope.Db.Set<StripeSetting>().FromSql($"select * from stripe_settings for update").SingleAsync(ct);
    }

    private byte[]? Seal(string? text, string purpose) => text is null ? null : box.Seal(text, purpose);

    private bool IsAnyUnreadable(StripeSetting row) =>
        (row.SecretKey is { } key && box.Open(key, KeyPurpose) is null) || (row.WebhookSecrets is { } secrets && box.Open(secrets, WebhookPurpose) is null);

    private StripeKeys Read(StripeSetting row, out bool unreadable)
    {
        unreadable = IsAnyUnreadable(row);
        return new()
        {
            SecretKey = row.SecretKey is { } key ? box.Open(key, KeyPurpose)?.Text : null,
            WebhookSecrets = row.WebhookSecrets is { } secrets ? box.Open(secrets, WebhookPurpose)?.Text.Split('\n') : null,
            PublishableKey = row.PublishableKey,
            CheckoutsPaused = row.CheckoutsPaused,
            PortalConfiguration = row.PortalConfiguration,
            BoundPrices = row.BoundPrices is { } prices ? JsonSerializer.Deserialize<Dictionary<string, string>>(prices)!.ToFrozenDictionary() : FrozenDictionary<string, string>.Empty,
        };
    }

    // What was touched, never a value: the record is read by more people than the keys.
    private static Dictionary<string, object?> Told(StripeKeys keys, StripeKeysChange change, bool unreadable)
    {
        var told = new Dictionary<string, object?>();
        void Tell(bool touched, string name, object? value)
        {
            if (touched)
            {
                told[name] = value;
            }
        }

        Tell(change.SecretKey.IsSaid, "secret_key", keys.SecretKey is null ? unreadable ? "unreadable" : "none" : $"set ({StripeKeys.ModeOf(keys.SecretKey)})");
        Tell(change.PublishableKey.IsSaid, "publishable_key", keys.PublishableKey is null ? "none" : $"set ({StripeKeys.ModeOf(keys.PublishableKey)})");
        Tell(change.WebhookSecrets.IsSaid, "webhook_secrets", keys.WebhookSecrets?.Count ?? 0);
        Tell(change.CheckoutsPaused is not null, "checkouts_paused", keys.CheckoutsPaused);
        Tell(change.BoundPrices is not null, "prices", keys.BoundPrices);
        Tell(change.PortalConfiguration is not null, "portal_configuration", keys.PortalConfiguration);
        return told;
    }
}
