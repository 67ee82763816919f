using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Primitives;

namespace BillingPortal.Admin;

/// <summary>A model's rate as a person writes it. Empty: not named.</summary>
internal sealed class ModelRateDraft
{
    public string Provider { get; set; } = "";
    public string Model { get; set; } = "";
    public string Input { get; set; } = "";
    public string Output { get; set; } = "";
    public string CachedInput { get; set; } = "";
    public string CacheWrite { get; set; } = "";
    public string Reasoning { get; set; } = "";
    public int Per { get; set; } = 1_000_000;
    /// <summary>Instead of prices: percent on top of the cost.</summary>
    public string Markup { get; set; } = "";
    public string Minimum { get; set; } = "";
}

/// <summary>A meter's rate as a person writes it.</summary>
internal sealed class MeterRateDraft
{
    public string Meter { get; set; } = "";
    /// <summary>One price, or tiers: <c>100: 0.1; 1000: 0.05; 0.02</c>.</summary>
    public string Price { get; set; } = "";
    public int Per { get; set; } = 1;
    public bool IsVolume { get; set; }
    public bool ByCharge { get; set; }
    public string Minimum { get; set; } = "";
}

/// <summary>The next version of a rate card as a person writes it. What it says is checked by the catalog's own rules, with the place.</summary>
internal sealed class RateCardDraft
{
    private RateCard basis = new("", 1, DateTimeOffset.UnixEpoch, Unit.Credit);

    public string Id => basis.Id;
    public int Version { get; private set; }
    /// <summary>In UTC, to the microsecond: <c>2026-12-01T00:00:00Z</c>.</summary>
    public string From { get; set; } = "";
    public List<ModelRateDraft> Models { get; private init; } = [];
    public List<MeterRateDraft> Meters { get; private init; } = [];

    /// <summary>Begins with what the newest version says.</summary>
    public static RateCardDraft After(CatalogDocument catalog, string card, DateTimeOffset from)
    {
        var newest = catalog.RateCards.Where(c => c.Id == card).OrderByDescending(c => c.Version).First();
        return new()
        {
            basis = newest,
            Version = newest.Version + 1,
            From = from.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            Models = [.. newest.Models.Select(Of)],
            Meters = [.. newest.Meters.Select(Of)],
        };
    }

    /// <returns>The catalog with the version added; a refusal that names the field which is no number or time.</returns>
    public Result<CatalogDocument> AddTo(CatalogDocument catalog)
    {
        var wrong = new Dictionary<string, string[]>();
        if (!Timestamps.TryRead(From.Trim(), out var from) || from is null)
        {
            wrong["effective_from"] = ["must be a time such as 2026-12-01T00:00:00Z"];
        }

        var card = basis with
        {
            Version = Version,
            EffectiveFrom = from ?? DateTimeOffset.UnixEpoch,
            Models = [.. Models.Select((m, i) => Read(m, $"models[{i}]", wrong))],
            Meters = [.. Meters.Select((m, i) => Read(m, $"meters[{i}]", wrong))],
        };
        return wrong.Count > 0 ? new Refusal(ErrorCode.InvalidRequest, $"{wrong.Keys.First()} {wrong.Values.First()[0]}. Nothing was changed.") { Errors = wrong } : catalog with { RateCards = [.. catalog.RateCards, card] };
    }

    /// <summary>The rates that differ from the version before, as people read them. Null: it has none.</summary>
    public IReadOnlyList<(string What, string? Before, string? After)> Changes
    {
        get
        {
            var (before, after) = (Lines(basis.Models.Select(Of), basis.Meters.Select(Of)), Lines(Models, Meters));
            return [.. before.Select(l => l.Key).Union(after.Select(l => l.Key)).Select(what => (What: what, Before: before.GetValueOrDefault(what), After: after.GetValueOrDefault(what))).Where(c => c.Before != c.After)];
        }
    }

    private static Dictionary<string, string> Lines(IEnumerable<ModelRateDraft> models, IEnumerable<MeterRateDraft> meters) =>
        models.Select(m => (What: $"{m.Provider.Trim()} / {m.Model.Trim()}", Line: Line([("input", m.Input), ("output", m.Output), ("cached input", m.CachedInput), ("cache write", m.CacheWrite), ("reasoning", m.Reasoning), ("cost and %", m.Markup), ("at least", m.Minimum)], m.Markup.Trim().Length > 0 ? null : m.Per)))
            .Concat(meters.Select(m => (What: m.Meter.Trim(), Line: Line([("price", m.Price), ("at least", m.Minimum), ("all at the last tier's price", m.IsVolume ? "yes" : ""), ("each charge by itself", m.ByCharge ? "yes" : "")], m.Per))))
            .GroupBy(l => l.What).ToDictionary(g => g.Key, g => string.Join("; ", g.Select(l => l.Line)));

    private static string Line(IEnumerable<(string Name, string Value)> fields, int? per) =>
        string.Join(", ", fields.Where(f => f.Value.Trim().Length > 0).Select(f => $"{f.Name} {f.Value.Trim()}")) + (per is > 1 and { } size ? string.Create(CultureInfo.InvariantCulture, $" per {size:#,0}") : "");

    private static ModelRateDraft Of(ModelRate rate) => new()
    {
        Provider = rate.Provider,
        Model = rate.Model,
        Input = Text(rate.Prices?.Input),
        Output = Text(rate.Prices?.Output),
        CachedInput = Text(rate.Prices?.CachedInput),
        CacheWrite = Text(rate.Prices?.CacheWrite),
        Reasoning = Text(rate.Prices?.Reasoning),
        Per = rate.Prices?.Per ?? 1_000_000,
        Markup = Text(rate.MarkupPercent),
        Minimum = rate.Minimum.IsZero ? "" : rate.Minimum.ToString(),
    };

    private static MeterRateDraft Of(MeterRate rate) => new()
    {
        Meter = rate.Meter,
        Price = rate.Price is { } price ? Text(price) : string.Join("; ", rate.Tiers.Select(t => t.UpTo is { } last ? $"{Text(last)}: {Text(t.Price)}" : Text(t.Price))),
        Per = rate.Per,
        IsVolume = rate.Tiering == Tiering.Volume,
        ByCharge = rate.TiersOver == TierSpan.Charge,
        Minimum = rate.Minimum.IsZero ? "" : rate.Minimum.ToString(),
    };

    private static ModelRate Read(ModelRateDraft draft, string at, Dictionary<string, string[]> wrong)
    {
        var prices = draft.Input.Trim().Length + draft.Output.Trim().Length == 0 ? null : new TokenPrices(
            Number(draft.Input, $"{at}.prices.input", wrong) ?? 0m, Number(draft.Output, $"{at}.prices.output", wrong) ?? 0m, Number(draft.CachedInput, $"{at}.prices.cached_input", wrong), draft.Per)
        {
            CacheWrite = Number(draft.CacheWrite, $"{at}.prices.cache_write", wrong),
            Reasoning = Number(draft.Reasoning, $"{at}.prices.reasoning", wrong),
        };
        return new(draft.Provider.Trim(), draft.Model.Trim(), prices) { MarkupPercent = Number(draft.Markup, $"{at}.markup_percent", wrong), Minimum = AmountOf(draft.Minimum, $"{at}.minimum", wrong) };
    }

    private static MeterRate Read(MeterRateDraft draft, string at, Dictionary<string, string[]> wrong)
    {
        var parts = draft.Price.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var rate = new MeterRate(draft.Meter.Trim(), null, draft.Per) { Minimum = AmountOf(draft.Minimum, $"{at}.minimum", wrong) };
        if (parts is [var single] && !single.Contains(':', StringComparison.Ordinal))
        {
            return rate with { Price = Number(single, $"{at}.price", wrong) };
        }

        return rate with
        {
            Tiering = draft.IsVolume ? Tiering.Volume : Tiering.Graduated,
            TiersOver = draft.ByCharge ? TierSpan.Charge : TierSpan.Period,
            Tiers = [.. parts.Select((part, i) => part.Split(':', 2) is [var upTo, var price]
                ? new PriceTier(Number(upTo, $"{at}.tiers[{i}].up_to", wrong), Number(price, $"{at}.tiers[{i}].price", wrong) ?? 0m)
                : new PriceTier(null, Number(part, $"{at}.tiers[{i}].price", wrong) ?? 0m))],
        };
    }

    private static decimal? Number(string text, string at, Dictionary<string, string[]> wrong)
    {
        if (text.Trim().Length == 0)
        {
            return null;
        }

        if (decimal.TryParse(text.Trim(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        wrong.TryAdd(at, ["must be a number such as 0.03"]);
        return null;
    }

    private static Amount AmountOf(string text, string at, Dictionary<string, string[]> wrong)
    {
        if (Amount.TryOf(Number(text, at, wrong) ?? 0m, out var amount))
        {
            return amount;
        }

        wrong.TryAdd(at, ["has more than six decimals"]);
        return Amount.Zero;
    }

    private static string Text(decimal? number) => number?.ToString("0.############", CultureInfo.InvariantCulture) ?? "";
}
