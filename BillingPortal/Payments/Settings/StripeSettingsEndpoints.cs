using System.Text.Json;
using BillingPortal.Access;
using BillingPortal.Observability;
using BillingPortal.Payments.Stripe;
using BillingPortal.Primitives;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BillingPortal.Payments.Settings;

/// <summary>Body of <c>PUT /admin/payment-providers/stripe</c>. A field that is absent stays; null gives it back to the configuration.</summary>
internal sealed record StripeSettingsBody
{
    /// <summary><c>sk_…</c> or <c>rk_…</c></summary>
    public JsonElement SecretKey { get; init; }
    /// <summary><c>pk_…</c></summary>
    public JsonElement PublishableKey { get; init; }
    /// <summary>Newest first, <c>whsec_…</c>; several while one is being replaced.</summary>
    public JsonElement WebhookSecrets { get; init; }
    /// <summary>True: no new checkouts are begun; webhooks go on being taken.</summary>
    public JsonElement CheckoutsPaused { get; init; }
    /// <summary>Existing price ids by the catalog's lookup keys; replaces all bindings.</summary>
    public JsonElement Prices { get; init; }

    /// <returns>Null: some field is not what it must be, and <paramref name="refusal"/> says which.</returns>
    public StripeKeysChange? Read(out Refusal? refusal)
    {
        refusal = !IsText(SecretKey) ? Refusal.Invalid("secret_key", "Must be a text or null.")
            : !IsText(PublishableKey) ? Refusal.Invalid("publishable_key", "Must be a text or null.")
            : !(WebhookSecrets.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null || (WebhookSecrets.ValueKind == JsonValueKind.Array && WebhookSecrets.EnumerateArray().All(s => s.ValueKind == JsonValueKind.String)))
                ? Refusal.Invalid("webhook_secrets", "Must be a list of texts or null.")
            : CheckoutsPaused.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.True or JsonValueKind.False) ? Refusal.Invalid("checkouts_paused", "Must be true or false.")
            : !(Prices.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null || (Prices.ValueKind == JsonValueKind.Object && Prices.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String)))
                ? Refusal.Invalid("prices", "Must be price ids by lookup key, or null.")
            : null;
        return refusal is not null ? null : new()
        {
            SecretKey = Text(SecretKey),
            PublishableKey = Text(PublishableKey),
            WebhookSecrets = WebhookSecrets.ValueKind == JsonValueKind.Undefined ? default
                : Wish.Of<IReadOnlyList<string>>(WebhookSecrets.ValueKind == JsonValueKind.Null ? null : [.. WebhookSecrets.EnumerateArray().Select(s => s.GetString()!)]),
            CheckoutsPaused = CheckoutsPaused.ValueKind == JsonValueKind.Undefined ? null : CheckoutsPaused.GetBoolean(),
            BoundPrices = Prices.ValueKind switch
            {
                JsonValueKind.Undefined => null,
                JsonValueKind.Null => new Dictionary<string, string>(),
                _ => Prices.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!),
            },
        };
    }

    private static bool IsText(JsonElement value) => value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.String;

    private static Wish<string> Text(JsonElement value) => value.ValueKind == JsonValueKind.Undefined ? default : Wish.Of<string>(value.ValueKind == JsonValueKind.Null ? null : value.GetString());
}

/// <summary>How the body is described.</summary>
internal sealed record StripeSettingsSchema(string? SecretKey, string? PublishableKey, IReadOnlyList<string>? WebhookSecrets, bool? CheckoutsPaused, IReadOnlyDictionary<string, string>? Prices);

/// <summary>A key to try before it is kept.</summary>
internal sealed record ConnectionTestBody(string? SecretKey = null);

/// <param name="Source"><c>settings</c>, <c>configuration</c> or <c>none</c>.</param>
/// <param name="Masked">Its kind and its end.</param>
internal sealed record KeyView(string Source, string? Masked);

/// <param name="Payments">Who takes them now: <c>stripe</c>, <c>simulator</c>, <c>none</c>.</param>
/// <param name="Mode"><c>test</c> or <c>live</c>, by the key in force.</param>
/// <param name="CanKeepSecrets">False: <c>Encryption__Keys</c> is not set, and keys come from the configuration only.</param>
/// <param name="Unreadable">True: what is stored was sealed under keys that are no longer given.</param>
internal sealed record StripeSettingsView(
    PaymentsMode Payments, string? Mode, KeyView SecretKey, KeyView PublishableKey, string WebhookSecretsSource, IReadOnlyList<string> WebhookSecrets,
    bool CheckoutsPaused, IReadOnlyDictionary<string, string> Prices, bool CanKeepSecrets, bool Unreadable)
{
    public static StripeSettingsView Of(StripeSettings settings, StripeConnection connection)
    {
        var (own, keys) = (settings.Own, settings.InForce);
        return new(
            connection.Mode, StripeKeys.ModeOf(keys.SecretKey), View(own.SecretKey, keys.SecretKey), View(own.PublishableKey, keys.PublishableKey),
            Source(own.WebhookSecrets, keys.WebhookSecrets is { Count: > 0 }), [.. keys.WebhookSecrets!.Select(s => StripeKeys.Masked(s)!)],
            keys.CheckoutsPaused, keys.BoundPrices, settings.CanKeepSecrets, settings.IsUnreadable);
    }

    private static KeyView View(string? own, string? inForce) => new(Source(own, inForce is not null), StripeKeys.Masked(inForce));

    private static string Source(object? own, bool any) => own is not null ? "settings" : any ? "configuration" : "none";
}

internal static class StripeSettingsEndpoints
{
    private const string Path = "/admin/payment-providers/stripe";

    public static RouteGroupBuilder MapStripeSettings(this RouteGroupBuilder api)
    {
        api.MapGet(Path, Ok<StripeSettingsView> (StripeSettings settings, IStripeConnection connection) => TypedResults.Ok(StripeSettingsView.Of(settings, connection.Current)))
            .WithName("GetStripeSettings").WithSummary("How this portal speaks to Stripe; secrets masked").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPut(Path, ChangeAsync).WithName("SetStripeSettings").WithSummary("Change keys, signing secrets, bound prices, or pause new checkouts; in force everywhere within a second")
            .WithDescription("""A field that is absent stays as it is, null gives it back to the configuration: `{"secret_key":"sk_test_…","webhook_secrets":["whsec_…"]}`, `{"checkouts_paused":true}`.""")
            .Accepts<StripeSettingsSchema>("application/json").WithTags("Admin").RequireScope(Scope.Admin);
        api.MapPost($"{Path}/test", async Task<Ok<ConnectionReport>> (ConnectionTestBody? body, ConnectionTest test, CancellationToken ct) => TypedResults.Ok(await test.RunAsync(body?.SecretKey, ct)))
            .WithName("TestStripeSettings").WithSummary("Try the key in force, or one before it is kept").WithTags("Admin").RequireScope(Scope.Admin);
        return api;
    }

    private static async Task<Results<Ok<StripeSettingsView>, ProblemHttpResult>> ChangeAsync(StripeSettingsBody body, HttpContext http, StripeSettings settings, IStripeConnection connection, CancellationToken ct) =>
        body.Read(out var malformed) is not { } change ? malformed!.ToProblem()
        : await settings.ChangeAsync(http.Caller().Actor, change, ct) is { } refusal ? refusal.ToProblem()
        : TypedResults.Ok(StripeSettingsView.Of(settings, connection.Current));
}
