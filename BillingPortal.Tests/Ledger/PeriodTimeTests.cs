using System.Globalization;
using BillingPortal.Catalog;
using BillingPortal.Ledger;
using BillingPortal.Primitives;

namespace BillingPortal.Tests.Ledger;

/// <summary>Periods around the world and through the year (QUALITY R7): each granted and billed once, no gap, no overlap.</summary>
public class PeriodTimeTests
{
    private const decimal Included = 100m;
    private static readonly string[] Names =
    [
        "Pacific/Niue", "Pacific/Marquesas", "America/St_Johns", "America/Havana", "America/New_York", "UTC", "Europe/Oslo", "Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
        "Pacific/Chatham", "Pacific/Kiritimati",
    ];

    private static readonly string[] Openings =
        ["2027-12-31T23:59:59.999999Z", "2028-01-31T10:00:00Z", "2028-02-29T00:00:00Z", "2028-03-26T00:30:00Z", "2028-08-30T13:45:00Z", "2028-10-29T01:30:00Z", "2028-12-31T10:00:00Z"];

    public static TheoryData<PeriodRule, string> Everywhere()
    {
        var data = new TheoryData<PeriodRule, string>();
        foreach (var name in Names)
        {
            data.Add(PeriodRule.Calendar, name);
        }

        data.Add(PeriodRule.Anniversary, "UTC"); // goes by UTC wherever the customer is
        return data;
    }

    [Theory, MemberData(nameof(Everywhere))]
    public void Each_period_is_granted_and_billed_once_through_leap_days_year_s_ends_and_clock_changes(PeriodRule rule, string name)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
        foreach (var opening in Openings.Select(o => DateTimeOffset.Parse(o, CultureInfo.InvariantCulture)))
        {
            var account = new PureAccount(Sells(rule), opening, zone);
            var periods = new List<Period>();
            // In uneven steps through fourteen months, each time with a look an hour back, and at the border itself and the instant before it.
            for (var (at, step) = (opening, 0); at < opening.AddMonths(14); at = at.AddHours(31 + (step++ % 17)))
            {
                var end = account.State.Head.PeriodEnd;
                foreach (var look in end <= at ? new[] { end.AddTicks(-TimeSpan.TicksPerMicrosecond), end, end.AddHours(-1), at } : [at, at.AddHours(-1)])
                {
                    account.At(look);
                    var period = new Period(account.State.Head.PeriodStart, account.State.Head.PeriodEnd);
                    Assert.True(period.Contains(account.State.Now), $"{name}, opened {opening:O}: {account.State.Now:O} is not in {period}");
                    if (periods.Count == 0 || periods[^1] != period)
                    {
                        periods.Add(period);
                        account.Charged("calls", 130m);
                    }
                }
            }

            for (var i = 1; i < periods.Count; i++)
            {
                Assert.Equal(periods[i - 1].End, periods[i].Start);
            }

            Assert.InRange(periods.Count, 14, 15);
            Assert.All(periods, p => Assert.True(rule == PeriodRule.Anniversary ? p == Period.Monthly(opening, p.Start) : p == Zones.Month(p.Start, zone), $"{name}: {p}"));
            var rows = account.All();
            Assert.Equal(periods.Count, rows.Count(t => t is { Kind: TransferKind.Grant, Book: Book.Plan } && t.Amount.Value == Included));
            Assert.Equal(periods.Count - 1, rows.Count(t => t is { Kind: TransferKind.Overage, Book: Book.Overage } && t.Amount.Value == 30m));
            Assert.Equal(30m * (periods.Count - 1), rows.Where(t => t.Book == Book.Overage).Sum(t => t.Amount.Value));
        }
    }

    [Fact]
    public void A_calendar_month_begins_at_the_customer_s_own_midnight()
    {
        // In Kathmandu it is a quarter to six when it is midnight in London.
        var head = new PureAccount(Sells(PeriodRule.Calendar), DateTimeOffset.Parse("2028-02-29T20:00:00Z", CultureInfo.InvariantCulture), TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu")).State.Head;
        Assert.Equal((DateTimeOffset.Parse("2028-02-29T18:15:00Z", CultureInfo.InvariantCulture), DateTimeOffset.Parse("2028-03-31T18:15:00Z", CultureInfo.InvariantCulture)), (head.PeriodStart, head.PeriodEnd));
    }

    [Fact]
    public void Whoever_moves_around_the_world_each_day_gets_no_allowance_more()
    {
        var random = new Random(7);
        var opening = DateTimeOffset.Parse("2027-12-20T12:00:00Z", CultureInfo.InvariantCulture);
        var account = new PureAccount(Sells(PeriodRule.Calendar), opening, TimeZoneInfo.Utc);
        var (end, grants) = (account.State.Head.PeriodEnd, 1);
        for (var at = opening; at < opening.AddYears(3); at = at.AddHours(1 + random.Next(24)))
        {
            account.MovesTo(TimeZoneInfo.FindSystemTimeZoneById(Names[random.Next(Names.Length)])).At(at);
            var head = account.State.Head;
            if (head.PeriodEnd != end)
            {
                Assert.Equal(end, head.PeriodStart);
                Assert.InRange((head.PeriodEnd - head.PeriodStart).TotalDays, 26.9, 32.1);
                (end, grants) = (head.PeriodEnd, grants + 1);
            }
        }

        Assert.Equal(grants, account.All().Count(t => t is { Kind: TransferKind.Grant, Book: Book.Plan }));
        Assert.Equal(37, grants);
    }

    [Fact]
    public void Changing_from_one_rule_to_the_other_and_back_gains_nothing()
    {
        var catalog = Sells(PeriodRule.Anniversary) with { Plans = [.. Sells(PeriodRule.Anniversary).Plans, Sells(PeriodRule.Calendar).Plans[0] with { Id = "other", Name = "Other" }] };
        var account = new PureAccount(catalog, DateTimeOffset.Parse("2028-01-10T12:00:00Z", CultureInfo.InvariantCulture));
        account.Charged("calls", 70m);
        account.On("other");
        Assert.Equal(30m, account.Balance("calls"));
        Assert.Equal(DateTimeOffset.Parse("2028-02-01T00:00:00Z", CultureInfo.InvariantCulture), account.State.Head.PeriodEnd);
        account.On("sold");
        Assert.Equal(30m, account.Balance("calls"));
        Assert.Equal(DateTimeOffset.Parse("2028-02-10T12:00:00Z", CultureInfo.InvariantCulture), account.State.Head.PeriodEnd);
    }

    [Theory]
    [InlineData("Asia/Kolkata", true)]
    [InlineData("UTC", true)]
    [InlineData("W. Europe Standard Time", false)]
    [InlineData("Europe/Nowhere", false)]
    [InlineData("../etc/passwd", false)]
    [InlineData("", false)]
    public void A_zone_is_known_by_its_iana_name(string name, bool isKnown) => Assert.Equal(isKnown, Zones.TryFind(name, out _));

    [Theory]
    // The first of two midnights; the first instant after one that is skipped.
    [InlineData("America/Havana", "2028-11-05", "2028-11-05T04:00:00Z")]
    [InlineData("Asia/Beirut", "2028-03-26", "2028-03-25T22:00:00Z")]
    [InlineData("Australia/Lord_Howe", "2028-04-02", "2028-04-01T13:00:00Z")]
    public void A_day_begins_when_its_clock_first_shows_it(string name, string day, string instant) =>
        Assert.Equal(DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture), Zones.Instant(DateTime.Parse(day, CultureInfo.InvariantCulture), TimeZoneInfo.FindSystemTimeZoneById(name)));

    private static CatalogDocument Sells(PeriodRule rule) => new()
    {
        Name = "test",
        Currency = Unit.Of("usd"),
        DefaultPlan = "sold",
        Meters = [new("calls", "Calls")],
        Plans = [new("sold", "Sold") { Period = rule, Allowances = [new("calls", Amount.Of(Included)) { Cap = Cap.Soft, Overage = new(0.01m, Unit.Of("usd"), 1) }] }],
    };
}
