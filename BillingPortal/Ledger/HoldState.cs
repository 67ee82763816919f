using System.Text.Json;
using System.Text.Json.Serialization;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Ledger;

/// <summary>What a hold was made for, as it was rated then.</summary>
/// <param name="Unit">What the price is in; null: it was free.</param>
/// <param name="Uses">How many single uses it is, for wallets that pay by the use.</param>
public sealed record HeldWork(ChargeSubject Subject, Unit? Unit, Amount Price, decimal Uses, bool OwnKey)
{
    public string? RateVersion { get; init; }
    public IReadOnlyList<ReceiptLine> Lines { get; init; } = [];
    /// <summary>What it was to cost us, in the catalog's currency; null: not known.</summary>
    public Amount? Cost { get; init; }
    /// <summary>What is counted beside the price, so that the next charge finds its tier.</summary>
    public UnitAmount? Counted { get; init; }
}

/// <summary>How a hold stands at one moment. Immutable: a change is another state.</summary>
/// <param name="Price">What may be captured within it, all in all: the price it was made for, and what extensions added.</param>
/// <param name="PriceCaptured">How much of that captures have used.</param>
/// <param name="Funding">All that was ever reserved, by wallet.</param>
/// <param name="Parts">What is reserved still, in the order in which it will pay.</param>
/// <param name="Captured">What captures have taken, by wallet; above what was reserved, where they were told to charge it.</param>
public sealed record HoldState(Amount Price, Amount PriceCaptured, IReadOnlyList<UnitAmount> Funding, IReadOnlyList<HoldPart> Parts, IReadOnlyList<UnitAmount> Captured)
{
    [JsonIgnore]
    public HoldStatus Status { get; init; }
    [JsonIgnore]
    public DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>What may still be captured within the hold, in the unit of its price.</summary>
    [JsonIgnore]
    public Amount PriceLeft => Amount.Max(Amount.Zero, Price - PriceCaptured);
    /// <summary>The part of <see cref="PriceLeft"/> that reserved value covers.</summary>
    [JsonIgnore]
    public Amount Covered => Parts.Aggregate(Amount.Zero, (sum, part) => sum + part.Covers);

    public IReadOnlyList<UnitAmount> Remaining => HoldSums.Of(Parts.Where(part => !part.Unlimited && part.Amount.IsPositive).Select(part => new UnitAmount(part.Unit, part.Amount)));
}

/// <summary>What a hold has reserved in one wallet.</summary>
/// <param name="Amount">In the wallet's unit.</param>
/// <param name="Covers">In the unit of the hold's price.</param>
/// <param name="Grants">The grants on which it is reserved, in the order in which they burn; what they leave of the amount lies below zero, where the wallet's floor allowed it.</param>
/// <param name="Unlimited">An allowance without limit: it will be counted, and nothing is reserved.</param>
public sealed record HoldPart(Unit Unit, Amount Amount, Amount Covers, IReadOnlyList<GrantDraw> Grants, bool Unlimited = false)
{
    /// <summary>Cuts off what covers so much of the price. Free uses are whole: one that is begun is used.</summary>
    /// <param name="covers">At most <see cref="Covers"/>.</param>
    public (HoldPart Taken, HoldPart? Later) Split(Amount covers)
    {
        if (covers >= Covers)
        {
            return (this, null);
        }

        var share = Amount == Covers ? covers.Value : Amount.Value * covers.Value / Covers.Value;
        var amount = Amount.Min(Amount, Unit == Unit.FreeUse ? Amount.Of(decimal.Ceiling(share)) : Amount.Max(Amount.Least, Amount.Round(share)));
        var (taken, rest) = Named(amount);
        return (this with { Amount = amount, Covers = covers, Grants = taken }, this with { Amount = Amount - amount, Covers = Covers - covers, Grants = rest });
    }

    /// <summary>The same part without a grant's name on so much of it: that lies below zero now.</summary>
    /// <param name="amount">How much; lowered by what this part had.</param>
    internal HoldPart Without(GrantId grant, ref Amount amount)
    {
        var at = Grants.ToList().FindIndex(draw => draw.Grant == grant);
        if (at < 0 || !amount.IsPositive)
        {
            return this;
        }

        var gives = Amount.Min(Grants[at].Amount, amount);
        amount -= gives;
        return this with { Grants = [.. Grants.Take(at), .. gives == Grants[at].Amount ? [] : new[] { new GrantDraw(grant, Grants[at].Amount - gives) }, .. Grants.Skip(at + 1)] };
    }

    private (List<GrantDraw> Taken, List<GrantDraw> Later) Named(Amount amount)
    {
        var (taken, rest) = (new List<GrantDraw>(), new List<GrantDraw>());
        foreach (var draw in Grants)
        {
            var here = Amount.Min(draw.Amount, amount);
            amount -= here;
            if (here.IsPositive)
            {
                taken.Add(draw with { Amount = here });
            }

            if (draw.Amount > here)
            {
                rest.Add(draw with { Amount = draw.Amount - here });
            }
        }

        return (taken, rest);
    }
}

/// <summary>Sums by unit, in the order in which the units come.</summary>
internal static class HoldSums
{
    public static IReadOnlyList<UnitAmount> Of(IEnumerable<UnitAmount> amounts)
    {
        var sums = new List<UnitAmount>();
        foreach (var next in amounts)
        {
            var at = sums.FindIndex(sum => sum.Unit == next.Unit);
            if (at < 0)
            {
                sums.Add(next);
            }
            else
            {
                sums[at] = new(next.Unit, sums[at].Amount + next.Amount);
            }
        }

        return sums;
    }
}

/// <summary>How holds stand in their rows.</summary>
internal static partial class StoredHold
{
    public static HeldWork ReadWork(string json) => JsonSerializer.Deserialize(json, HoldFormat.Default.HeldWork)!;

    /// <summary>All but what has columns of its own.</summary>
    public static HoldState ReadState(string json) => JsonSerializer.Deserialize(json, HoldFormat.Default.HoldState)!;

    public static string Write(HeldWork work) => JsonSerializer.Serialize(work, HoldFormat.Default.HeldWork);

    public static string Write(HoldState state) => JsonSerializer.Serialize(state, HoldFormat.Default.HoldState);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        IgnoreReadOnlyProperties = true,
        Converters = [typeof(GrantIdConverter)])]
    [JsonSerializable(typeof(HeldWork))]
    [JsonSerializable(typeof(HoldState))]
    private sealed partial class HoldFormat : JsonSerializerContext;
}
