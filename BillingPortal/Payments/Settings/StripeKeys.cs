using System.Collections.Frozen;
using BillingPortal.Primitives;

namespace BillingPortal.Payments.Settings;

/// <summary>The values that settings hold, in the clear: in memory only.</summary>
public sealed record StripeKeys
{
    public static readonly StripeKeys None = new();

    public string? SecretKey { get; init; }
    public string? PublishableKey { get; init; }
    /// <summary>Newest first; null: none of its own.</summary>
    public IReadOnlyList<string>? WebhookSecrets { get; init; }
    public bool CheckoutsPaused { get; init; }
    public string? PortalConfiguration { get; init; }
    public IReadOnlyDictionary<string, string> BoundPrices { get; init; } = FrozenDictionary<string, string>.Empty;

    // Secrets do not belong in logs, where a record's own text would put them.
    public override string ToString() => $"{Masked(SecretKey)}, {WebhookSecrets?.Count ?? 0} webhook secrets";

    /// <summary>Enough to know a key by: what kind it is, and its end.</summary>
    public static string? Masked(string? secret)
    {
        if (secret is null)
        {
            return null;
        }

        var kind = secret.LastIndexOf('_') is > 0 and var last ? secret[..(last + 1)] : "";
        return secret.Length - kind.Length >= 12 ? $"{kind}…{secret[^4..]}" : $"{kind}…";
    }

    /// <summary><c>test</c> or <c>live</c>; null for what is no such key.</summary>
    public static string? ModeOf(string? key) => key is null ? null
        : key.Contains("_test_", StringComparison.Ordinal) ? "test"
        : key.Contains("_live_", StringComparison.Ordinal) ? "live"
        : null;
}

/// <summary>What to change; a field that is not <see cref="Wish{T}.IsSaid"/> stays as it is, a null gives it back to the configuration.</summary>
public sealed record StripeKeysChange
{
    public Wish<string> SecretKey { get; init; }
    public Wish<string> PublishableKey { get; init; }
    public Wish<IReadOnlyList<string>> WebhookSecrets { get; init; }
    public bool? CheckoutsPaused { get; init; }
    /// <summary>Replaces all bindings.</summary>
    public IReadOnlyDictionary<string, string>? BoundPrices { get; init; }
    public string? PortalConfiguration { get; init; }

    public StripeKeys ApplyTo(StripeKeys keys) => keys with
    {
        SecretKey = SecretKey.Or(keys.SecretKey),
        PublishableKey = PublishableKey.Or(keys.PublishableKey),
        WebhookSecrets = WebhookSecrets.Or(keys.WebhookSecrets),
        CheckoutsPaused = CheckoutsPaused ?? keys.CheckoutsPaused,
        BoundPrices = BoundPrices ?? keys.BoundPrices,
        // It belongs to the account at Stripe that the key opens.
        PortalConfiguration = PortalConfiguration ?? (SecretKey.IsSaid ? null : keys.PortalConfiguration),
    };
}

/// <summary>A value somebody may have said, null included.</summary>
public readonly record struct Wish<T>(bool IsSaid, T? Value) where T : class
{
    public T? Or(T? present) => IsSaid ? Value : present;

    public override string ToString() => IsSaid ? "said" : "not said";
}

public static class Wish
{
    public static Wish<T> Of<T>(T? value) where T : class => new(true, value);
}

/// <summary>What keys may be kept: each of its kind, and all of one mode.</summary>
internal static class StripeKeyRules
{
    private const int MostSecrets = 5;
    private const int Longest = 255;
    private const int MostBindings = 500;

    /// <summary>Without what copying brings along: white space, invisible marks. Empty is nothing.</summary>
    public static string? Clean(string? text)
    {
        var cleaned = text?.Trim().Trim('\uFEFF', '\u200B', '\u200C', '\u200D', '\u2060', '"', '\'').Trim();
        return string.IsNullOrEmpty(cleaned) ? null : cleaned;
    }

    /// <param name="own">What would be kept.</param>
    /// <param name="effective">What would be in force: <paramref name="own"/> with the configuration behind it.</param>
    /// <param name="before">What is in force now.</param>
    /// <returns>Null when it may be.</returns>
    public static Refusal? Check(StripeKeys own, StripeKeys effective, StripeKeys before, StripeKeysChange change)
    {
        if (own.SecretKey is { } key && WrongSecretKey(key) is { } wrongKey)
        {
            return Refusal.Invalid("secret_key", wrongKey);
        }

        if (own.PublishableKey is { } publishable && !Fits(publishable, "pk_test_", "pk_live_"))
        {
            return Refusal.Invalid("publishable_key", "A publishable key begins with pk_test_ or pk_live_. Nothing was changed.");
        }

        if (own.WebhookSecrets is { } secrets && (secrets.Count > MostSecrets || !secrets.All(s => Fits(s, "whsec_"))))
        {
            return Refusal.Invalid("webhook_secrets", $"At most {MostSecrets} signing secrets, each of which begins with whsec_. Nothing was changed.");
        }

        if (own.BoundPrices.Count > MostBindings || own.BoundPrices.Any(b => !PlainText.IsValid(b.Key, 200) || !Fits(b.Value, "price_", "plan_")))
        {
            return Refusal.Invalid("prices", "Each lookup key of the catalog may name one price id of Stripe's, price_…. Nothing was changed.");
        }

        return WrongModes(effective, before, change);
    }

    private static Refusal? WrongModes(StripeKeys effective, StripeKeys before, StripeKeysChange change)
    {
        var mode = StripeKeys.ModeOf(effective.SecretKey);
        if (mode is not null && StripeKeys.ModeOf(effective.PublishableKey) is { } other && other != mode)
        {
            return Refusal.Invalid(change.PublishableKey.IsSaid ? "publishable_key" : "secret_key", $"The secret key is for {mode} and the publishable key for {other}: take both from the same mode. Nothing was changed.");
        }

        // A signing secret does not say its mode; it came with the key that was in force then.
        return mode is not null && StripeKeys.ModeOf(before.SecretKey) is { } was && was != mode && !change.WebhookSecrets.IsSaid && effective.WebhookSecrets is { Count: > 0 }
            ? Refusal.Invalid("webhook_secrets", $"The signing secrets in force belong to the {was} endpoint: give those of the {mode} endpoint with the {mode} key. Nothing was changed.")
            : null;
    }

    private static string? WrongSecretKey(string key) =>
        key.StartsWith("pk_", StringComparison.Ordinal) ? "This is the publishable key. The secret one begins with sk_ or rk_. Nothing was changed."
        : key.StartsWith("whsec_", StringComparison.Ordinal) ? "This is a webhook's signing secret. A secret key begins with sk_ or rk_. Nothing was changed."
        : Fits(key, "sk_test_", "sk_live_", "rk_test_", "rk_live_") ? null
        : "A secret key begins with sk_test_, sk_live_, rk_test_ or rk_live_, and holds no space. Nothing was changed.";

    private static bool Fits(string text, params string[] beginnings) =>
        text.Length <= Longest && beginnings.Any(b => text.StartsWith(b, StringComparison.Ordinal) && text.Length > b.Length) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');
}
