using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Charging;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Rating;

namespace BillingPortal.Commands.Demo;

/// <summary>What one customer did: plan changes, purchases, gifts and charges, in the order of time. Pure, and the same for the same day.</summary>
/// <remarks>Everything goes through the ledger's own rules afterwards, so a charge that the balance does not cover is refused here as anywhere.</remarks>
internal sealed class DemoHistory
{
    /// <summary>How far back it goes.</summary>
    public const int Days = 90;

    // Monday's usage is 1; what starts on Sunday (0).
    private static readonly double[] Week = [0.18, 1, 1.1, 1.12, 1.05, 0.8, 0.24];
    private static readonly string[] CheapModels = ["claude-haiku", "gpt-4o-mini", "llama-3.1-8b-instant"];
    private static readonly string[] GoodModels = ["claude-sonnet", "gpt-4o", "claude-haiku", "deepseek-chat", "qwen-plus"];
    private static readonly string[] Actions = ["summarize_document", "summarize_document", "translate_document", "generate_image", "transcribe_audio", "review_code", "profile_my_data"];

    private static readonly int[] Halves = [512, 256, 128, 64, 32, 16, 8];

    private static readonly string[] LargeActions = ["research_report", "clean_my_data", "profile_my_data", "review_code", "research_report", "generate_image"];

    private readonly DemoCustomer customer;
    private readonly AccountId account;
    private readonly CatalogDocument catalog;
    private readonly Random chance;
    private readonly List<(DateTimeOffset At, Operation Operation)> steps = [];
    private int number;

    private DemoHistory(DemoCustomer customer, AccountId account, CatalogDocument catalog)
    {
        this.customer = customer;
        this.account = account;
        this.catalog = catalog;
        chance = new Random(customer.ExternalId.Sum(c => c) * 31 + customer.Days);
    }

    /// <summary>The instants at which things happen, the same for all customers, none later than now: three on a working day, one on Saturday and Sunday. Few, because each is a round trip.</summary>
    public static IReadOnlyList<DateTimeOffset> Instants(DateTimeOffset now)
    {
        var today = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        var instants = new List<DateTimeOffset>();
        for (var day = -Days; day <= 0; day++)
        {
            var date = today.AddDays(day);
            var first = date.AddHours(8 + (-day % 3)).AddMinutes(-day * 7 % 55).AddSeconds(-day * 37 % 60);
            instants.AddRange(IsWeekend(date) ? [first.AddHours(4)] : [first, first.AddMinutes(204), first.AddMinutes(456)]);
        }

        return [.. instants.Where(at => at < now.AddMinutes(-1))];
    }

    private static bool IsWeekend(DateTimeOffset at) => at.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;

    public static IReadOnlyList<(DateTimeOffset At, Operation Operation)> Of(DemoCustomer customer, AccountId account, CatalogDocument catalog, DateTimeOffset now)
    {
        var history = new DemoHistory(customer, account, catalog);
        history.Live([.. Instants(now).Where(at => at >= now.AddDays(-customer.Days))], now);
        return history.steps;
    }

    private void Live(IReadOnlyList<DateTimeOffset> instants, DateTimeOffset now)
    {
        steps.Add((instants[0], new AdvanceOperation(account)));
        Subscribe(instants);
        for (var i = 0; i < instants.Count; i++)
        {
            var at = instants[i];
            Buy(i, at, instants.Count);
            if (customer.Part == DemoPart.Gone && i > 12)
            {
                break;
            }

            var growth = 0.6 + (0.6 * i / instants.Count);
            var wanted = customer.Pace * Week[(int)at.DayOfWeek] * growth / (IsWeekend(at) ? 1 : 3);
            for (var n = Times(wanted); n > 0; n--)
            {
                steps.Add((at, Charge()));
            }
        }

        End(instants[^1], now);
        steps.Sort((a, b) => a.At.CompareTo(b.At));
    }

    /// <summary>Comes on the free plan, and takes the paid one after some days; some went through a smaller one.</summary>
    private void Subscribe(IReadOnlyList<DateTimeOffset> instants)
    {
        if (customer.Plan == catalog.DefaultPlan)
        {
            return;
        }

        var first = Math.Min(instants.Count - 1, chance.Next(0, 6));
        if (customer.Plan == "pro" && instants.Count > 100)
        {
            steps.Add((instants[first], new PlanChangeOperation(account, Origin.Stripe, Key(), "standard", instants[first])));
            first += chance.Next(25, 60);
        }

        steps.Add((instants[first], new PlanChangeOperation(account, Origin.Stripe, Key(), customer.Plan, instants[first])));
    }

    private void Buy(int i, DateTimeOffset at, int count)
    {
        var cycle = 60 + (3 * (customer.ExternalId.Length % 9));
        if (customer.Plan == "enterprise")
        {
            if (i % cycle == 3)
            {
                Grant(at, "Reserve top-up", new GrantTerms(catalog.Currency, Amount.Of(500), GrantSource.Purchase) { Reference = $"demo:reserve:{i}" });
            }

            return;
        }

        var buys = customer.Part switch
        {
            DemoPart.LowBalance => i == 9,
            DemoPart.Gone => false,
            _ => customer.Plan == catalog.DefaultPlan ? i == 17 && customer.ExternalId.Length % 3 == 0 : i % cycle == 7,
        };
        if (buys && catalog.CreditPacks.Count > 0)
        {
            var pack = catalog.CreditPacks[customer.Plan == "pro" ? Math.Min(1, catalog.CreditPacks.Count - 1) : 0];
            BuyPack(at, pack);
        }

        if (i == 13 && count > 120 && customer.ExternalId.Length % 4 == 0)
        {
            Grant(at, "Thank you for the interview", new GrantTerms(Unit.Credit, Amount.Of(150), GrantSource.Promotional));
        }
    }

    private void BuyPack(DateTimeOffset at, CreditPack pack)
    {
        DateTimeOffset? until = pack.ExpiresAfterDays is { } days ? at.AddDays(days) : null;
        var bought = new GrantTerms(Unit.Credit, pack.Credits, GrantSource.Purchase) { ExpiresAt = until, Reference = $"demo:{pack.Id}:{number}" };
        GrantTerms[] terms = pack.Bonus.IsPositive ? [bought, bought with { Amount = pack.Bonus, Source = GrantSource.Bonus }] : [bought];
        steps.Add((at, new GrantOperation(account, Origin.Stripe, Key(), terms, pack.Name)));
    }

    private void Grant(DateTimeOffset at, string reason, GrantTerms terms) =>
        steps.Add((at, new GrantOperation(account, terms.Source == GrantSource.Purchase ? Origin.Stripe : Origin.Api, Key(), terms, reason)));

    private ChargeOperation Charge()
    {
        var models = customer.Plan == catalog.DefaultPlan ? CheapModels : GoodModels;
        var model = models[chance.Next(models.Length)];
        var kind = chance.NextDouble();
        // How much a customer of a plan does at a time.
        (int Messages, int Tokens, int Call) size = customer.Plan switch { "standard" => (13, 600, 1), "pro" => (190, 2_500, 2), "enterprise" => (400, 20_000, 60), _ => (4, 40, 1) };
        var actions = customer.Plan is "pro" or "enterprise" ? LargeActions : Actions;
        var subject = kind switch
        {
            < 0.55 => new ChargeSubject { Meter = "messages", Model = model, Quantity = chance.Next(1, size.Messages) },
            < 0.72 => new ChargeSubject { Meter = "tokens", Model = model, Quantity = chance.Next(4, 90) * size.Tokens },
            < 0.90 => new ChargeSubject { Action = actions[chance.Next(actions.Length)] },
            _ => new ChargeSubject { Model = model, Tokens = new(chance.Next(300, 9_000) * size.Call, chance.Next(80, 1_800) * size.Call, chance.Next(0, 3) * 500 * size.Call), Outcome = chance.Next(40) == 0 ? Outcome.ProviderError : Outcome.Success },
        };
        var run = chance.Next(8) == 0 ? string.Create(CultureInfo.InvariantCulture, $"run-{number / 6}") : null;
        return new(account, Origin.Api, Key(), new ChargeRequest(subject) { Run = run, Agent = run is null ? null : "research" }, EnforcementMode.Enforce);
    }

    private void End(DateTimeOffset last, DateTimeOffset now)
    {
        switch (customer.Part)
        {
            case DemoPart.FailedPayment:
                steps.Add((last, new StatusChangeOperation(account, Origin.Stripe, Key(), AccountStatus.PastDue, now.AddDays(catalog.PaymentGraceDays - 2))));
                break;
            case DemoPart.Suspended:
                steps.Add((last, new StatusChangeOperation(account, Origin.Api, Key(), AccountStatus.Suspended)));
                break;
            case DemoPart.LowBalance:
                SpendDown(last);
                break;
            case DemoPart.Usual or DemoPart.Gone:
                break;
        }
    }

    /// <summary>Spends halves of what may be there; what the balance does not cover is refused, so fewer than eight credits stay.</summary>
    private void SpendDown(DateTimeOffset at)
    {
        var freeUses = Enumerable.Repeat(new ChargeSubject { Action = "summarize_document" }, catalog.FreeUses);
        var halves = Halves.Select(credits => new ChargeSubject { Unit = Unit.Credit, Amount = Amount.Of(credits) });
        foreach (var subject in freeUses.Concat(halves))
        {
            steps.Add((at, new ChargeOperation(account, Origin.Api, Key(), new ChargeRequest(subject) { Reason = "Batch of reports" }, EnforcementMode.Enforce)));
        }
    }

    // Poisson, for small means.
    private int Times(double mean)
    {
        var times = 0;
        for (var p = chance.NextDouble(); p > Math.Exp(-mean) && times < 12; p *= chance.NextDouble())
        {
            times++;
        }

        return times;
    }

    private string Key() => string.Create(CultureInfo.InvariantCulture, $"demo-{++number}");
}
