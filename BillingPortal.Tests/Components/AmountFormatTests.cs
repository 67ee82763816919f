using BillingPortal.Catalog;
using BillingPortal.Components.AccountParts;
using BillingPortal.Components.Shared;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using Xunit;
using AllowanceView = BillingPortal.Components.AccountParts.AllowanceView;

namespace BillingPortal.Tests.Components;

public sealed class AmountFormatTests
{
    [Theory]
    [InlineData("9.99", "usd", "$9.99")]
    [InlineData("0.0004", "usd", "$0.0004")]
    [InlineData("-1234.5", "eur", "−€1,234.50")]
    [InlineData("229", "nok", "229.00 kr")]
    [InlineData("1500", "jpy", "¥1,500")]
    [InlineData("1234567", "credit", "1,234,567")]
    [InlineData("0.0887", "credit", "0.0887")]
    public void An_amount_is_written_as_people_read_it(string value, string unit, string expected) =>
        Assert.Equal(expected, AmountFormat.Short(Amount.Of(decimal.Parse(value, System.Globalization.CultureInfo.InvariantCulture)), Unit.Of(unit)));

    [Fact]
    public void The_exact_value_keeps_every_decimal_and_names_its_unit()
    {
        Assert.Equal("$0.123456 USD", AmountFormat.Exact(Amount.Of(0.123456m), Unit.Of("usd")));
        Assert.Equal("1 credit", AmountFormat.Exact(Amount.Of(1m), Unit.Credit));
    }

    [Fact]
    public void A_plan_says_what_comes_after_its_allowance()
    {
        var catalog = SampleCatalog.Document;
        var standard = catalog.Plans.Single(p => p.Id == "standard");
        Assert.Equal("1,000,000 LLM tokens", standard.Allowances[0].Included(catalog));
        Assert.Equal("then $0.01 per 1,000", standard.Allowances[0].Beyond(catalog, standard));
        Assert.Equal(16, standard.YearlySaving());
        Assert.Equal("Unlimited seats", catalog.Plans.Single(p => p.Id == "enterprise").Allowances[2].Included(catalog));
    }

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("plain", "plain")]
    public void A_cell_of_a_file_is_never_a_formula(string text, string cell) => Assert.Equal(cell, UsageChart.Cell(text));
}
