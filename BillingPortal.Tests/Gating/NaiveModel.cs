namespace BillingPortal.Tests.Gating;

/// <summary>What an answer should say. A refusal names its code; what was funded stands in order.</summary>
internal sealed record Expected(int Status)
{
    public string? Code { get; init; }
    public List<(string Unit, decimal Amount, decimal? BalanceAfter)> Funding { get; } = [];
    public (string Unit, decimal Required, decimal Available, decimal Shortfall)? Missing { get; init; }
}

/// <summary>What is charged for.</summary>
/// <param name="Unit">What the price is in; the amount is the price before the outcome's share.</param>
/// <param name="Uses">How many single uses it is.</param>
internal sealed record Bill(string Unit, decimal Amount, decimal Uses, bool OwnKey = false);

/// <summary>
/// One account under <see cref="NaiveCatalog"/>, kept the slow way: lists, sums and the words of DESIGN and API.md. It shares nothing with the ledger, so that what one of the two got wrong shows.
/// </summary>
internal sealed partial class NaiveModel
{
    /// <summary>Value put in once, and what is left of it.</summary>
    public sealed class Lot
    {
        public required string Unit { get; init; }
        public required int Priority { get; init; }
        public required bool OfPlan { get; init; }
        public DateTimeOffset? Expires { get; init; }
        public decimal Left { get; set; }
        /// <summary>The part of what is left that open holds have named.</summary>
        public decimal Reserved { get; set; }
        public decimal Free => Left - Reserved;
    }

    /// <summary>What a charge took, wallet by wallet: from which lots, and how much became debt.</summary>
    public sealed class Taken
    {
        public required DateTimeOffset At { get; init; }
        public List<Part> Parts { get; } = [];
    }

    public sealed class Part
    {
        public required string Unit { get; init; }
        public required decimal Amount { get; init; }
        public bool IsUnlimited { get; init; }
        public List<(Lot? Lot, decimal Amount)> Draws { get; } = [];
        public decimal Returned { get; set; }
    }

    private readonly List<Lot> lots = [];
    private readonly Dictionary<string, decimal> debts = [];
    private readonly Dictionary<string, decimal> used = [];
    private readonly DateTimeOffset anchor;
    private DateTimeOffset periodStart;
    private DateTimeOffset periodEnd;
    private string plan = "free";
    private string? policy;
    private decimal? overdraft;

    public NaiveModel(DateTimeOffset now)
    {
        anchor = periodStart = now;
        periodEnd = anchor.AddMonths(1);
        Put("free_use", 3, 0, null, ofPlan: false);
        GiveAllowances();
    }

    public IReadOnlyList<Taken> Charges => charges;
    private readonly List<Taken> charges = [];

    public decimal Balance(string unit) => lots.Where(l => l.Unit == unit).Sum(l => l.Left) - debts.GetValueOrDefault(unit);
    public decimal Debt(string unit) => debts.GetValueOrDefault(unit);
    public decimal Used(string unit) => used.GetValueOrDefault(unit);
    public IEnumerable<Lot> Lots(string unit) => lots.Where(l => l.Unit == unit && l.Left > 0);

    // ---- time ----

    /// <summary>Crosses every border up to now, in their order.</summary>
    public void Advance(DateTimeOffset now)
    {
        while (true)
        {
            var firstExpiry = lots.Where(l => l.Free > 0 && l.Expires is not null).Min(l => l.Expires) ?? DateTimeOffset.MaxValue;
            var firstHold = OpenHolds.Select(h => (DateTimeOffset?)h.Expires).Min() ?? DateTimeOffset.MaxValue;
            if (firstHold <= now && firstHold <= firstExpiry && firstHold <= periodEnd)
            {
                ExpireHold(OpenHolds.First(h => h.Expires == firstHold));
                continue;
            }

            if (firstExpiry > now && periodEnd > now)
            {
                return;
            }

            if (periodEnd <= firstExpiry)
            {
                TurnPeriod();
            }
            else
            {
                foreach (var lot in lots.Where(l => l.Expires == firstExpiry))
                {
                    lot.Left = lot.Reserved;
                }
            }
        }
    }

    private void TurnPeriod()
    {
        var border = periodEnd;
        // Half of what the Pro plan's messages have left lives on for one more period; the rest expires with the period.
        var rolled = plan == "pro" ? lots.Where(l => l.Unit == "messages" && l.OfPlan && l.Expires == border).Sum(l => l.Left) / 2 : 0;
        foreach (var lot in lots.Where(l => l.Expires == border))
        {
            lot.Left = 0;
        }

        ForgetDebtsOfMeters();
        used.Clear();
        var months = 1;
        while (anchor.AddMonths(months) <= border)
        {
            months++;
        }

        (periodStart, periodEnd) = (border, anchor.AddMonths(months));
        if (rolled > 0)
        {
            Put("messages", rolled, 10, periodEnd, ofPlan: false);
        }

        GiveAllowances();
    }

    private void GiveAllowances()
    {
        Give("messages", plan == "pro" ? 100 : 10);
        Give("tokens", plan == "pro" ? 10_000 : 1_000);
        if (plan == "pro")
        {
            Give("credit", 50);
        }
    }

    private void Give(string unit, decimal included)
    {
        if (included - Used(unit) is > 0 and var left)
        {
            Put(unit, left, 20, periodEnd, ofPlan: true);
        }
    }

    // Overage: billed elsewhere, and off the books here.
    private void ForgetDebtsOfMeters()
    {
        debts.Remove("messages");
        debts.Remove("tokens");
        debts.Remove("calls");
    }

    // ---- standing ----

    public void ChangePlan(string to)
    {
        if (to == plan)
        {
            return;
        }

        foreach (var lot in lots.Where(l => l.OfPlan))
        {
            lot.Left = 0;
        }

        ForgetDebtsOfMeters();
        plan = to;
        GiveAllowances();
    }

    public void ChangePolicy(string name, decimal limit) => (policy, overdraft) = (name, limit);

    // ---- value in ----

    public Expected Grant(string unit, decimal amount, string source, DateTimeOffset? expires)
    {
        Put(unit, amount, source switch { "promotional" => 40, "bonus" => 50, "free" => 0, _ => 70 }, expires, ofPlan: false);
        return new(201);
    }

    public Expected Adjust(string unit, decimal amount)
    {
        if (amount > 0)
        {
            Put(unit, amount, 60, null, ofPlan: false);
            return new(201);
        }

        if (Room(unit) is { } room && -amount > room)
        {
            return Refused(unit, -amount);
        }

        Draw(unit, -amount);
        return new(201);
    }

    /// <summary>Debt is repaid first.</summary>
    private void Put(string unit, decimal amount, int priority, DateTimeOffset? expires, bool ofPlan)
    {
        var repaid = Math.Min(amount, Debt(unit));
        debts[unit] = Debt(unit) - repaid;
        lots.Add(new() { Unit = unit, Left = amount - repaid, Priority = priority, Expires = expires, OfPlan = ofPlan });
    }

    // ---- value out ----

    /// <summary>How far a wallet stands above its floor; below zero where a stricter policy came later; null: it has none.</summary>
    private decimal? Reach(string unit)
    {
        decimal? depth = unit switch
        {
            "credit" or "usd" => (policy ?? (plan == "pro" ? "limited" : "block")) switch
            {
                "block" => 0,
                "limited" => overdraft ?? (plan == "pro" ? 10 : 0),
                _ => null,
            },
            "tokens" => plan == "pro" ? null : 200,
            _ => 0,
        };
        return depth is null ? null : Balance(unit) - Held(unit) + depth.Value;
    }

    /// <summary>How much a wallet may give; null: without end.</summary>
    private decimal? Room(string unit) => Reach(unit) is { } reach ? Math.Max(0, reach) : null;

    /// <summary>Which wallets may pay, in order: how much of each one unit of the price takes, and whether it pays whole uses.</summary>
    private static (string Wallet, decimal Price, bool PerUse)[] Chain(string plan, string unit) => (plan, unit) switch
    {
        (_, "messages") => [("messages", 1, false), ("credit", 2, false)],
        ("free", "credit") => [("free_use", 1, true), ("credit", 1, false)],
        _ => [(unit, 1, false)],
    };

    public Expected Charge(Bill bill, DateTimeOffset now, bool pretend = false)
    {
        if (bill.Amount == 0 || (bill.OwnKey && (bill.Unit is "credit" or "usd")))
        {
            if (!pretend)
            {
                charges.Add(new() { At = now });
            }

            return new(201);
        }

        var refusal = WhoPays(bill, out var plans);
        return refusal ?? (pretend ? new(201) : Take(plans.Where(p => p.Amount > 0).Select(p => new Payment(p.Unit, p.Amount, p.IsUnlimited, [])), now));
    }

    /// <summary>Which wallets pay how much, and what that covers of the price; or the refusal.</summary>
    private Expected? WhoPays(Bill bill, out List<(string Unit, decimal Amount, decimal Covers, bool IsUnlimited)> plans)
    {
        var (left, uses) = (bill.Amount, bill.Uses);
        plans = [];
        (string Unit, decimal Required) last = ("", 0);
        foreach (var (wallet, price, perUse) in Chain(plan, bill.Unit).Where(s => !bill.OwnKey || s.Wallet is "messages" or "tokens" or "calls"))
        {
            last = (wallet, left * price);
            if (wallet == "calls" && plan == "pro")
            {
                plans.Add((wallet, left, left, true));
                left = 0;
            }
            else if (perUse)
            {
                var some = Math.Min(Math.Floor(Room(wallet)!.Value), uses);
                var covers = left * some / uses;
                plans.Add((wallet, some, covers, false));
                (left, uses) = (left - covers, uses - some);
            }
            else
            {
                var some = Math.Min(Room(wallet) ?? left * price, left * price);
                plans.Add((wallet, some, some / price, false));
                left -= some / price;
            }

            if (left == 0)
            {
                break;
            }
        }

        return left > 0 ? Refused(last.Unit, last.Required) : null;
    }

    /// <param name="Named">Lots that a hold had named for it: they pay first.</param>
    private sealed record Payment(string Unit, decimal Amount, bool IsUnlimited, List<(Lot Lot, decimal Amount)> Named);

    private Expected Take(IEnumerable<Payment> payments, DateTimeOffset now, int status = 201)
    {
        var expected = new Expected(status);
        var taken = new Taken { At = now };
        foreach (var (unit, amount, isUnlimited, named) in payments)
        {
            var part = new Part { Unit = unit, Amount = amount, IsUnlimited = isUnlimited };
            if (!isUnlimited)
            {
                foreach (var (lot, some) in named)
                {
                    (lot.Left, lot.Reserved) = (lot.Left - some, lot.Reserved - some);
                    part.Draws.Add((lot, some));
                }

                foreach (var draw in Draw(unit, amount - named.Sum(n => n.Amount)))
                {
                    var same = part.Draws.FindIndex(d => d.Lot is not null && d.Lot == draw.Lot);
                    if (same < 0)
                    {
                        part.Draws.Add(draw);
                    }
                    else
                    {
                        part.Draws[same] = (draw.Lot, part.Draws[same].Amount + draw.Amount);
                    }
                }
            }

            Count(unit, isUnlimited || IsMeter(unit) ? amount : part.Draws.Where(d => d.Lot is { OfPlan: true }).Sum(d => d.Amount));
            taken.Parts.Add(part);
            expected.Funding.Add((unit, amount, Balance(unit)));
        }

        charges.Add(taken);
        return expected;
    }

    /// <summary>By priority, then earliest expiry, then age; what no lot covers is debt.</summary>
    private List<(Lot? Lot, decimal Amount)> Draw(string unit, decimal amount)
    {
        var draws = new List<(Lot?, decimal)>();
        var there = lots.Where(l => l.Unit == unit && l.Left > 0).OrderBy(l => l.Priority).ThenBy(l => l.Expires ?? DateTimeOffset.MaxValue).ToList();
        foreach (var lot in there)
        {
            var some = Math.Min(lot.Free, amount);
            if (some > 0)
            {
                lot.Left -= some;
                amount -= some;
                draws.Add((lot, some));
            }
        }

        // A debt arises only when nothing is left: what holds have named gives way first, and the holds stand below zero.
        foreach (var lot in there.Where(l => l.Reserved > 0 && amount > 0))
        {
            var some = Math.Min(lot.Reserved, amount);
            GiveWay(lot, some);
            lot.Left -= some;
            amount -= some;
            var same = draws.FindIndex(d => d.Item1 == lot);
            if (same < 0)
            {
                draws.Add((lot, some));
            }
            else
            {
                draws[same] = (lot, draws[same].Item2 + some);
            }
        }

        if (amount > 0)
        {
            debts[unit] = Debt(unit) + amount;
            draws.Add((null, amount));
        }

        return draws;
    }

    private Expected Refused(string unit, decimal required)
    {
        return new(IsMeter(unit) ? 429 : 402)
        {
            Code = unit switch { "credit" or "free_use" => "BILLING_INSUFFICIENT_CREDITS", "usd" => "BILLING_INSUFFICIENT_FUNDS", _ => "BILLING_QUOTA_EXCEEDED" },
            Missing = (unit, required, Room(unit) ?? 0, required - (Reach(unit) ?? 0)),
        };
    }

    // ---- back ----

    /// <param name="unit">Null: all that is left of the charge.</param>
    public Expected Refund(Taken charge, string? unit, decimal amount, DateTimeOffset now)
    {
        var wanted = unit is null
            ? [.. Enumerable.Reverse(charge.Parts).Where(p => p.Amount > p.Returned).Select(p => (Part: p, Amount: p.Amount - p.Returned))]
            : new List<(Part Part, decimal Amount)>();
        if (unit is not null)
        {
            if (charge.Parts.Find(p => p.Unit == unit) is not { } part || amount > part.Amount)
            {
                return new(400) { Code = "INVALID_AMOUNT" };
            }

            if (amount > part.Amount - part.Returned)
            {
                return new(409) { Code = "CONFLICT" };
            }

            wanted.Add((part, amount));
        }

        if (wanted.Count == 0)
        {
            return new(409) { Code = "CONFLICT" };
        }

        var expected = new Expected(201);
        foreach (var (part, back) in wanted)
        {
            Return(part, back, charge.At, now);
            expected.Funding.Add((part.Unit, back, part.IsUnlimited ? null : Balance(part.Unit)));
        }

        return expected;
    }

    /// <summary>In the reverse order of the draw. Debt is repaid first; a lot that has expired meanwhile comes back as a new one, with 30 days to live.</summary>
    private void Return(Part part, decimal back, DateTimeOffset at, DateTimeOffset now)
    {
        if (part.IsUnlimited)
        {
            Uncount(part.Unit, back, at);
            part.Returned += back;
            return;
        }

        var (skip, homeless) = (part.Returned, 0m);
        part.Returned += back;
        foreach (var (lot, drawn) in Enumerable.Reverse(part.Draws))
        {
            var skipped = Math.Min(skip, drawn);
            skip -= skipped;
            var some = Math.Min(drawn - skipped, back);
            if (some == 0)
            {
                continue;
            }

            back -= some;
            if (IsMeter(part.Unit) || lot is { OfPlan: true })
            {
                Uncount(part.Unit, some, at);
            }

            var repaid = Math.Min(some, Debt(part.Unit));
            debts[part.Unit] = Debt(part.Unit) - repaid;
            if (some == repaid)
            {
                continue;
            }

            if (lot is not null && (lot.Expires is null || lot.Expires > now))
            {
                lot.Left += some - repaid;
            }
            else
            {
                homeless += some - repaid;
            }
        }

        lots.Add(new() { Unit = part.Unit, Left = homeless, Priority = 30, Expires = now.AddDays(30), OfPlan = false });
    }

    private void Count(string unit, decimal amount) => used[unit] = Used(unit) + amount;

    private void Uncount(string unit, decimal amount, DateTimeOffset at)
    {
        if (at >= periodStart)
        {
            used[unit] = Math.Max(0, Used(unit) - amount);
        }
    }

    private static bool IsMeter(string unit) => unit is "messages" or "tokens" or "calls";
}
