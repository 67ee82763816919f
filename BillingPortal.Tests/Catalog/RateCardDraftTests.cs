using BillingPortal.Admin;
using BillingPortal.Catalog;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Catalog;

/// <summary>What a person writes into the rate card editor becomes the card's next version, or is refused with its place.</summary>
public sealed class RateCardDraftTests
{
    private static readonly CatalogDocument catalog = CatalogJson.Read(File.ReadAllBytes(Repository.Path("catalogs/prepaid-reserve.json"))).Match(read => read, errors => throw new InvalidOperationException(errors[0].ToString()));

    [Fact]
    public void A_draft_that_is_left_as_it_is_says_what_the_version_before_says()
    {
        var next = Read(Draft()).RateCards[^1];
        var before = catalog.RateCards.Where(c => c.Id == next.Id).MaxBy(c => c.Version)!;
        Assert.Equal((before.Version + 1, new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero)), (next.Version, next.EffectiveFrom));
        Assert.Equal(CatalogJson.Write(catalog with { RateCards = [before] }), CatalogJson.Write(catalog with { RateCards = [next with { Version = before.Version, EffectiveFrom = before.EffectiveFrom }] }));
    }

    [Fact]
    public void Tiers_markups_and_microseconds_are_read()
    {
        var draft = Draft();
        draft.From = "2030-01-01T00:00:00.000001Z";
        draft.Models.Add(new() { Provider = "openai", Model = "new*", Markup = "12.5", Minimum = "0.001" });
        draft.Meters.RemoveAll(m => m.Meter == "documents");
        draft.Meters.Add(new() { Meter = "documents", Price = "100: 0.1; 1000: 0.05; 0.02", IsVolume = true });
        var next = Read(draft).RateCards[^1];
        Assert.Equal(1, next.EffectiveFrom.Microsecond);
        Assert.Equal(12.5m, next.Models[^1].MarkupPercent);
        Assert.Equal<PriceTier>([new PriceTier(100m, 0.1m), new PriceTier(1000m, 0.05m), new PriceTier(null, 0.02m)], next.Meters[^1].Tiers);
        Assert.Equal(Tiering.Volume, next.Meters[^1].Tiering);
    }

    public static TheoryData<string, string> Wrongs => new()
    {
        { "-0.1", "rate_cards[LAST].meters[0].price" },
        { "100: 0.1; 90: 0.05; 0.02", "rate_cards[LAST].meters[0].tiers[1].up_to" },
        { "100: 0.1; 0.05; 200: 0.02", "rate_cards[LAST].meters[0].tiers[1].up_to" },
        { "100: 0.1", "rate_cards[LAST].meters[0].tiers[0].up_to" },
        { "", "rate_cards[LAST].meters[0].price" },
        { "dear", "meters[0].price" },
    };

    [Theory, MemberData(nameof(Wrongs))]
    public void A_gap_an_overlap_and_a_negative_price_are_refused_with_their_place(string price, string place)
    {
        var draft = Draft();
        draft.Meters.Clear();
        draft.Meters.Add(new() { Meter = "documents", Price = price });
        var refusal = Proposed(draft).Match(_ => null!, refused => refused);
        Assert.Contains(place.Replace("LAST", $"{catalog.RateCards.Count}", StringComparison.Ordinal), refusal.Errors!.Keys);
    }

    [Fact]
    public void A_version_cannot_begin_before_or_with_the_one_that_it_follows()
    {
        var draft = Draft();
        draft.From = "2026-01-01T00:00:00Z";
        Assert.Contains($"rate_cards[{catalog.RateCards.Count}].effective_from", Proposed(draft).Match(_ => null!, refused => refused).Errors!.Keys);
        draft.From = "tomorrow";
        Assert.Contains("effective_from", Proposed(draft).Match(_ => null!, refused => refused).Errors!.Keys);
    }

    private static RateCardDraft Draft() => RateCardDraft.After(catalog, catalog.RateCards[0].Id, new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static BillingPortal.Primitives.Result<CatalogDocument> Proposed(RateCardDraft draft) => draft.AddTo(catalog).Match<BillingPortal.Primitives.Result<CatalogDocument>>(
        next => CatalogFile.Proposal(CatalogJson.Read(System.Text.Encoding.UTF8.GetBytes(CatalogJson.Write(next)))), refusal => refusal);

    private static CatalogDocument Read(RateCardDraft draft) => Proposed(draft).Match(next => next, refusal => throw new InvalidOperationException(refusal.Detail));
}
