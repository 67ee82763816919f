namespace BillingPortal.Tests.Gating;

// What is only promised. Holds are opened where no border falls into their life and no plan changes under them: what borders do to holds has tests of its own.
internal sealed partial class NaiveModel
{
    /// <summary>A promise: what it may still pay, and which lots it has named for that.</summary>
    public sealed class Hold
    {
        public required DateTimeOffset Expires { get; set; }
        public required bool CapturesAtExpiry { get; init; }
        public required decimal PriceLeft { get; set; }
        public List<HeldPart> Parts { get; set; } = [];
        public bool IsOpen { get; set; } = true;
    }

    /// <param name="Amount">In the wallet's unit.</param>
    /// <param name="Covers">In the price's unit.</param>
    /// <param name="Named">What is not named lies below zero.</param>
    public sealed record HeldPart(string Unit, decimal Amount, decimal Covers, bool IsUnlimited, List<(Lot Lot, decimal Amount)> Named);

    private readonly List<Hold> holds = [];

    private IEnumerable<Hold> OpenHolds => holds.Where(h => h.IsOpen);

    public bool HasOpenHolds => OpenHolds.Any();
    public IReadOnlyList<Hold> Holds => holds;
    public decimal Held(string unit) => OpenHolds.SelectMany(h => h.Parts).Where(p => p.Unit == unit && !p.IsUnlimited).Sum(p => p.Amount);

    /// <summary>Whether nothing expires and no period ends within some hours.</summary>
    public bool IsQuiet(DateTimeOffset now, int hours) => periodEnd > now.AddHours(hours) && !lots.Exists(l => l.Left > 0 && l.Expires <= now.AddHours(hours));

    /// <summary>Reserves what a charge of the same bill would take.</summary>
    public Expected Open(Bill bill, DateTimeOffset expires, bool capturesAtExpiry)
    {
        if (WhoPays(bill, out var plans) is { } refusal)
        {
            return refusal;
        }

        var hold = new Hold { Expires = expires, CapturesAtExpiry = capturesAtExpiry, PriceLeft = bill.Amount };
        var expected = new Expected(201);
        foreach (var (unit, amount, covers, isUnlimited) in plans.Where(p => p.Amount > 0))
        {
            hold.Parts.Add(new(unit, amount, covers, isUnlimited, isUnlimited ? [] : Name(unit, amount)));
            expected.Funding.Add((unit, amount, null));
        }

        holds.Add(hold);
        return expected;
    }

    private List<(Lot Lot, decimal Amount)> Name(string unit, decimal amount)
    {
        var named = new List<(Lot, decimal)>();
        foreach (var lot in lots.Where(l => l.Unit == unit && l.Free > 0).OrderBy(l => l.Priority).ThenBy(l => l.Expires ?? DateTimeOffset.MaxValue))
        {
            var some = Math.Min(lot.Free, amount);
            if (some > 0)
            {
                lot.Reserved += some;
                amount -= some;
                named.Add((lot, some));
            }
        }

        return named;
    }

    public static Expected Release(Hold hold)
    {
        if (!hold.IsOpen)
        {
            return new(409) { Code = "BILLING_HOLD_CLOSED" };
        }

        Close(hold);
        return new(200);
    }

    /// <param name="amount">In the price's unit; above what is left it is capped.</param>
    public Expected Capture(Hold hold, decimal amount, bool isFinal, DateTimeOffset now)
    {
        if (!hold.IsOpen)
        {
            return new(409) { Code = "BILLING_HOLD_CLOSED" };
        }

        var price = Math.Min(amount, hold.PriceLeft);
        hold.PriceLeft -= price;
        var payments = new List<Payment>();
        var later = new List<HeldPart>();
        foreach (var part in hold.Parts)
        {
            var covers = Math.Min(part.Covers, price);
            price -= covers;
            var (pays, rest) = Split(part, covers);
            if (pays.Amount > 0)
            {
                payments.Add(new(pays.Unit, pays.Amount, pays.IsUnlimited, pays.Named));
            }

            if (rest is not null)
            {
                later.Add(rest);
            }
        }

        hold.Parts = later;
        var expected = Take(payments, now, 200);
        if (isFinal)
        {
            Close(hold);
        }

        return expected;
    }

    /// <summary>A free use that is begun is used.</summary>
    private static (HeldPart Pays, HeldPart? Later) Split(HeldPart part, decimal covers)
    {
        if (covers == 0)
        {
            return (part with { Amount = 0, Covers = 0, Named = [] }, part);
        }

        if (covers == part.Covers)
        {
            return (part, null);
        }

        var amount = part.Amount * covers / part.Covers;
        amount = part.Unit == "free_use" ? Math.Min(part.Amount, Math.Ceiling(amount)) : amount;
        var (taken, rest, open) = (new List<(Lot, decimal)>(), new List<(Lot, decimal)>(), amount);
        foreach (var (lot, some) in part.Named)
        {
            var here = Math.Min(some, open);
            open -= here;
            taken.Add((lot, here));
            rest.Add((lot, some - here));
        }

        taken.RemoveAll(t => t.Item2 == 0);
        rest.RemoveAll(t => t.Item2 == 0);
        return (part with { Amount = amount, Covers = covers, Named = taken }, part with { Amount = part.Amount - amount, Covers = part.Covers - covers, Named = rest });
    }

    private void ExpireHold(Hold hold)
    {
        if (hold.CapturesAtExpiry && hold.PriceLeft > 0)
        {
            Capture(hold, hold.PriceLeft, isFinal: true, hold.Expires);
        }
        else
        {
            Close(hold);
        }
    }

    private static void Close(Hold hold)
    {
        foreach (var (lot, amount) in hold.Parts.SelectMany(p => p.Named))
        {
            lot.Reserved -= amount;
        }

        (hold.Parts, hold.IsOpen) = ([], false);
    }

    /// <summary>The youngest hold first.</summary>
    private void GiveWay(Lot lot, decimal amount)
    {
        lot.Reserved -= amount;
        foreach (var part in Enumerable.Reverse(holds).Where(h => h.IsOpen).SelectMany(h => h.Parts))
        {
            var at = part.Named.FindIndex(n => n.Lot == lot);
            if (at >= 0 && amount > 0)
            {
                var gives = Math.Min(part.Named[at].Amount, amount);
                amount -= gives;
                part.Named[at] = (lot, part.Named[at].Amount - gives);
            }
        }
    }
}
