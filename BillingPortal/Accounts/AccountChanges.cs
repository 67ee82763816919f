using System.Text.Json;
using BillingPortal.Primitives;

namespace BillingPortal.Accounts;

/// <summary>What a caller may say about an account. A field that is absent or null stays as it is; an empty text is removed.</summary>
/// <param name="Currency">Of the money balance; fixed by the first money transfer.</param>
/// <param name="Metadata">Up to 50 pairs; replaces what was there.</param>
/// <param name="MarketingConsent">Kept with the time.</param>
/// <param name="TimeZone">IANA name, such as <c>Europe/Oslo</c>: where the account's days and calendar months begin. A period that has begun keeps its end.</param>
public sealed record AccountChanges(string? Email = null, string? Name = null, string? Currency = null, IReadOnlyDictionary<string, string?>? Metadata = null, ConsentChange? MarketingConsent = null, string? TimeZone = null)
{
    private const int LongestEmail = 320;
    private const int LongestName = 200;
    private const int MostPairs = 50;
    private const int LongestKey = 100;
    private const int LongestValue = 1_000;

    /// <returns>Null when every field can be taken.</returns>
    public Refusal? Check()
    {
        if (Email is { Length: > 0 } && (!PlainText.IsValid(Email, LongestEmail) || !Email.Contains('@', StringComparison.Ordinal)))
        {
            return Refusal.Invalid("email", "Must be an e-mail address.");
        }

        if (Name is { Length: > 0 } && !PlainText.IsValid(Name, LongestName))
        {
            return Refusal.Invalid("name", $"Must be 1 to {LongestName} characters without control characters.");
        }

        if (Currency is not null && !(Unit.TryParse(Currency, out var unit) && unit.IsCurrency))
        {
            return Refusal.Invalid("currency", "Must be the three lower-case letters of a currency, such as usd.");
        }

        if (Metadata is not null && (Metadata.Count > MostPairs || Metadata.Any(p => !PlainText.IsValid(p.Key, LongestKey) || (p.Value is { Length: > 0 } && !PlainText.IsValid(p.Value, LongestValue)))))
        {
            return Refusal.Invalid("metadata", $"Up to {MostPairs} pairs of texts; keys of 1 to {LongestKey}, values of up to {LongestValue} characters.");
        }

        if (TimeZone is not null && !Zones.TryFind(TimeZone, out _))
        {
            return Refusal.Invalid("time_zone", "Must be the IANA name of a time zone, such as Europe/Oslo, or UTC.");
        }

        return MarketingConsent is { } consent && !PlainText.IsValid(consent.Source, 200)
            ? Refusal.Invalid("marketing_consent.source", "Say where the person agreed or declined, in 1 to 200 characters.")
            : null;
    }

    internal void ApplyTo(Account account, DateTimeOffset now)
    {
        account.Email = Changed(account.Email, Email);
        account.Name = Changed(account.Name, Name);
        account.Currency = Currency is null ? account.Currency : Unit.Of(Currency);
        account.TimeZone = TimeZone ?? account.TimeZone;
        account.Metadata = Metadata is null ? account.Metadata : JsonSerializer.Serialize(Metadata);
        if (MarketingConsent is { } consent)
        {
            account.MarketingConsent = consent.Agreed;
            account.MarketingConsentAt = now;
            account.MarketingConsentSource = consent.Source;
        }
    }

    private static string? Changed(string? was, string? said) => said switch
    {
        null => was,
        "" => null,
        _ => said,
    };
}

/// <param name="Agreed">False: declined or withdrawn.</param>
/// <param name="Source">Where they said so.</param>
public sealed record ConsentChange(bool Agreed, string? Source);
