namespace BillingPortal.Payments.Stripe;

/// <summary>Who takes the payments.</summary>
public enum PaymentsMode
{
    /// <summary>Nobody: nothing can be bought.</summary>
    None,
    Stripe,
    /// <summary>The built-in double, outside Production.</summary>
    Simulator,
}

/// <summary>Where Stripe is and how to speak to it, as of now.</summary>
/// <param name="ApiBase">Null while there is none.</param>
/// <param name="WebhookSecrets">Trimmed; several while a secret is being rotated.</param>
public sealed record StripeConnection(PaymentsMode Mode, Uri? ApiBase, string? SecretKey, IReadOnlyList<string> WebhookSecrets)
{
    public static readonly StripeConnection None = new(PaymentsMode.None, null, null, []);

    public string? PublishableKey { get; init; }
    /// <summary>True: no new checkouts are begun, while webhooks go on being taken.</summary>
    public bool CheckoutsPaused { get; init; }
    /// <summary><c>bpc_…</c>: what Stripe's own portal offers; null: the account's default.</summary>
    public string? PortalConfiguration { get; init; }
    /// <summary>Existing price ids of this environment, by the catalog's lookup keys.</summary>
    public IReadOnlyDictionary<string, string> BoundPrices { get; init; } = new Dictionary<string, string>();

    public bool IsLive => SecretKey is not null && (SecretKey.StartsWith("sk_live_", StringComparison.Ordinal) || SecretKey.StartsWith("rk_live_", StringComparison.Ordinal));

    // Secrets do not belong in logs, where a record's own text would put them.
    public override string ToString() => $"{Mode} {ApiBase}";
}

/// <summary>Asked anew for each call, so that settings may change while the portal runs.</summary>
public interface IStripeConnection
{
    StripeConnection Current { get; }
}
