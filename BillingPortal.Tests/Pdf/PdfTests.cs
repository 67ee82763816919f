using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Pdf;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.Configuration;

namespace BillingPortal.Tests.Pdf;

/// <summary>Receipts and statements (D11), read back by poppler's pdftotext, which knows nothing of us.</summary>
public sealed class PdfTests(PdfTests.Selling portal) : IClassFixture<PdfTests.Selling>
{
    public sealed class Selling : StripeFixture
    {
        public Selling() => Time.AwayFromBorders(); // statements are of a month

        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Catalog:File"] = Repository.Path("catalogs/prepaid-reserve.json");
            settings["Portal:Issuer"] = "Northwind Ltd|1 Main Street|VAT GB 123";
        }
    }

    private static readonly PdfFonts Fonts = new(new ConfigurationBuilder().Build());

    private static async Task<string> ReadAsync(byte[] pdf)
    {
        using var process = Process.Start(new ProcessStartInfo("pdftotext", ["-layout", "-", "-"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 })!;
        var text = process.StandardOutput.ReadToEndAsync();
        var complaints = process.StandardError.ReadToEndAsync();
        await process.StandardInput.BaseStream.WriteAsync(pdf);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0 && (await complaints).Length == 0, await complaints);
        return await text;
    }

    [Theory]
    [InlineData("Łukasz Żółć, Ångström & Søn")]
    [InlineData("Ελλάδα Россия Україна")]
    [InlineData("Nguyễn Thị Minh Khai")]
    [InlineData("שלום עולם")]
    [InlineData("ქართული Հայերեն")]
    public async Task Names_of_many_scripts_are_readable_and_can_be_searched(string name)
    {
        var page = new PdfDocument(Fonts, "Names");
        page.Text(name, 50, 100, 12);
        page.Text(name, 50, 130, 12, bold: true);
        var text = await ReadAsync(page.ToArray(DateTimeOffset.UnixEpoch));
        Assert.Equal(2, text.Split(name).Length - 1);
    }

    [Fact]
    public async Task Letters_that_share_a_shape_are_copied_as_they_were_written()
    {
        const string Latin = "CAPE", Cyrillic = "САРЕ", Ohm = "Ω Ω";
        var page = new PdfDocument(Fonts, "Shapes");
        page.Text($"{Latin} {Cyrillic} {Ohm}", 50, 100, 12);
        var text = (await ReadAsync(page.ToArray(DateTimeOffset.UnixEpoch))).Normalize();
        Assert.Contains($"{Latin} {Cyrillic}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_subset_is_a_small_part_of_the_font_and_the_file_is_sound()
    {
        var page = new PdfDocument(Fonts, "Small");
        page.Text("Receipt", 50, 100, 12);
        var pdf = page.ToArray(DateTimeOffset.UnixEpoch);
        Assert.InRange(pdf.Length, 1_000, 40_000);
        if (File.Exists("/usr/bin/qpdf"))
        {
            var file = Path.GetTempFileName();
            File.WriteAllBytes(file, pdf);
            using var check = Process.Start(new ProcessStartInfo("/usr/bin/qpdf", ["--check", file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            check.WaitForExit();
            Assert.True(check.ExitCode == 0, check.StandardOutput.ReadToEnd() + check.StandardError.ReadToEnd());
            File.Delete(file);
        }
    }

    [Fact]
    public async Task What_does_not_fit_is_cut_with_a_mark_and_nothing_runs_off_the_page()
    {
        var page = new PdfDocument(Fonts, "Long");
        page.Text(new string('W', 500), 50, 100, 12, width: 200);
        var text = await ReadAsync(page.ToArray(DateTimeOffset.UnixEpoch));
        Assert.Contains("W…", text, StringComparison.Ordinal);
        Assert.True(page.Measure(text.Trim(), 12) <= 200);
    }

    [Fact]
    public async Task A_top_up_has_its_receipt_and_its_month_a_statement_that_adds_up()
    {
        var api = portal.Api();
        using var made = await api.PutAsJsonAsync("accounts/łukasz", new { name = "Łukasz Żółć", email = "lukasz@example.com" });
        Assert.True(made.IsSuccessStatusCode);
        using var paid = await portal.PayAsync(await portal.CheckoutAsync("łukasz", new { kind = "reserve", amount = 25 }), StripeFixture.Works);
        await portal.SettledAsync();
        Assert.Equal(25, await portal.BalanceAsync("łukasz", "usd"));
        using (var charge = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = JsonContent.Create(new { account = "łukasz", unit = "usd", amount = 1.5, reason = "a job" }), Headers = { { "Idempotency-Key", "pdf-1" } } })
        {
            using var charged = await api.SendAsync(charge);
            Assert.Equal(HttpStatusCode.Created, charged.StatusCode);
        }

        var order = await portal.ScalarAsync<Guid>("select o.id from orders o join accounts a using (account_id) where a.external_id = 'łukasz'");
        using var receipt = await api.GetAsync(new Uri($"accounts/łukasz/invoices/ord_{order:N}/pdf", UriKind.Relative));
        Assert.Equal((HttpStatusCode.OK, "application/pdf"), (receipt.StatusCode, receipt.Content.Headers.ContentType?.MediaType));
        var text = await ReadAsync(await receipt.Content.ReadAsByteArrayAsync());
        foreach (var expected in (string[])["Receipt", "Northwind Ltd", "Łukasz Żółć", "lukasz@example.com", "Total paid", "25.00 USD"])
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }

        using var statement = await api.GetAsync(new Uri($"accounts/łukasz/invoices/statement-{portal.Time.GetUtcNow():yyyy-MM}/pdf", UriKind.Relative));
        text = await ReadAsync(await statement.Content.ReadAsByteArrayAsync());
        foreach (var expected in (string[])["Statement", "Balance at the beginning", "+25.00 USD", "-1.50 USD", "23.50 USD"])
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }

        using var foreign = await api.GetAsync(new Uri($"accounts/somebody-else/invoices/ord_{order:N}/pdf", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
    }

    [Theory]
    [InlineData("ord_nonsense")]
    [InlineData("ord_00000000000000000000000000000000")]
    [InlineData("statement-2026-13")]
    [InlineData("statement-9999-01")]
    [InlineData("statement-x")]
    public async Task A_document_that_is_none_is_not_found(string id)
    {
        using var made = await portal.Api().PutAsJsonAsync("accounts/nodoc", new { name = "No Documents" });
        using var answer = await portal.Api().GetAsync(new Uri($"accounts/nodoc/invoices/{id}/pdf", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("NOT_FOUND", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error_code").GetString());
    }
}
