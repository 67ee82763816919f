using System.Diagnostics;
using System.Net;
using System.Text.Json;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Data;

/// <summary>
/// The queries of the API's readings, of pages and of the hot path on a database that has grown: none reads a table from end to end. What the server itself counted is asked, so no query is forgotten.
/// </summary>
public sealed class GrownLedgerTests(GrownLedgerTests.GrownPortal portal) : IClassFixture<GrownLedgerTests.GrownPortal>
{
    private const int Accounts = 10_000;
    private const int ChargesOfEach = 5;

    [Fact]
    public async Task No_page_reading_or_charge_scans_a_table_that_grows()
    {
        var api = portal.Api();
        await portal.ExecuteAsync("select pg_stat_reset()");

        string[] readings =
        [
            "accounts?query=grown-17", "accounts?query=grown-17@example.com", "accounts?limit=50", "accounts/grown-1234", "accounts/grown-1234/wallets", "accounts/grown-1234/billing-status", "accounts/grown-1234/entitlements",
            "accounts/grown-1234/ledger", "accounts/grown-1234/ledger?kind=charge&from=2026-01-01", "accounts/grown-1234/charges", "accounts/grown-1234/charges?agent=a3", "accounts/grown-1234/checks", "accounts/grown-1234/quotas",
            "accounts/grown-1234/invoices", "accounts/grown-1234/subscription", "admin/ledger.csv?account=grown-1234", "admin/audit",
        ];
        foreach (var reading in readings)
        {
            Assert.Equal((reading, HttpStatusCode.OK), (reading, (await api.GetReplyAsync(reading)).Status));
        }

        var charge = await api.ChargeAsync("grown-77", "\"unit\":\"credit\",\"amount\":1");
        Assert.Equal(HttpStatusCode.Created, charge.Status);
        Assert.Equal(HttpStatusCode.OK, (await api.GetReplyAsync($"charges/{charge.String("id")}")).Status);
        Assert.Equal(HttpStatusCode.Created, (await api.PostAsync($"charges/{charge.String("id")}/refund", """{"reason":"a test"}""", Gating.Api.NewKey())).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.CheckAsync("grown-78", "\"unit\":\"credit\",\"amount\":1")).Status);
        await api.GrantAsync("grown-79", 5);

        await PagesAsync(api);

        await portal.EndSessionsAsync();
        var grown = await portal.RowsAsync("select c.relname, seq_scan, seq_tup_read from pg_stat_user_tables t join pg_class c on c.oid = t.relid where c.reltuples > 1000 order by 1");
        Assert.Contains(grown, row => (string)row[0]! == "transfers");
        var scanned = grown.Where(row => (long)row[2]! > 0).Select(row => $"{row[0]}: {row[1]} scans of {row[2]} rows");
        Assert.True(!scanned.Any(), string.Join("; ", scanned));
        Assert.True(await portal.ScalarAsync<long>("select sum(idx_scan)::bigint from pg_stat_user_tables where relname in ('accounts', 'transfers', 'charges', 'wallets')") > 20, "The server counted nothing.");
    }

    [Fact]
    public async Task The_ledger_as_a_file_begins_at_once_and_is_whole()
    {
        // The best of three: the first pays for what is compiled on the way, and other tests may have the machine meanwhile.
        (TimeSpan Began, TimeSpan Took) times = (TimeSpan.MaxValue, TimeSpan.Zero);
        for (var tries = 0; tries < 3 && times.Began >= times.Took / 2; tries++)
        {
            times = await ReadLedgerAsync();
        }

        Assert.True(times.Began < times.Took / 2, $"It began after {times.Began} of {times.Took}.");
    }

    private async Task<(TimeSpan Began, TimeSpan Took)> ReadLedgerAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "admin/ledger.csv");
        var watch = Stopwatch.StartNew();
        using var answer = await portal.Api().SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();
        using var reader = new StreamReader(body);
        Assert.StartsWith("id,account,", await reader.ReadLineAsync(), StringComparison.Ordinal);
        var began = watch.Elapsed;
        var rows = 0L;
        while (await reader.ReadLineAsync() is not null)
        {
            rows++;
        }

        var took = watch.Elapsed;
        Assert.Equal(await portal.ScalarAsync<long>("select count(*) from transfers"), rows);
        return (began, took);
    }

    private async Task PagesAsync(HttpClient api)
    {
        using var staff = new Visitor(portal.Url);
        Assert.Equal(HttpStatusCode.Redirect, (await staff.SignInAsync("admin@example.com", "Correct-horse-battery-1")).StatusCode);
        var id = (await api.GetReplyAsync("accounts/grown-1234")).String("id");
        foreach (var page in (string[])["/admin/accounts", "/admin/accounts?query=grown-2", $"/admin/accounts/{id}", "/admin/ledger", "/admin/ledger?unit=credit&kind=charge", "/admin/audit", "/admin/webhooks"])
        {
            Assert.Equal((page, HttpStatusCode.OK), (page, (await staff.Client.GetAsync(page)).StatusCode));
        }

        using var customer = new Visitor(portal.Url);
        var link = JsonElement.Parse((await api.PostAsync("accounts/grown-1234/portal-sessions", "{}")).Text).GetProperty("url").GetString()!;
        Assert.Equal(HttpStatusCode.Redirect, (await customer.Client.GetAsync(link)).StatusCode);
        foreach (var page in (string[])["/portal", "/portal/usage", "/portal/ledger", "/portal/credits", "/portal/plan"])
        {
            Assert.Equal((page, HttpStatusCode.OK), (page, (await customer.Client.GetAsync(page)).StatusCode));
        }
    }

    /// <summary>One account that has lived, ten thousand times, one minute after the other.</summary>
    public sealed class GrownPortal() : CatalogPortal("demo")
    {
        private static readonly string[] Tables = ["accounts", "ledger_heads", "wallets", "grants", "transfers", "charges", "operations", "operation_details"];

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            var api = Api();
            await api.GrantAsync("first", 1_000_000);
            var charges = Enumerable.Range(0, ChargesOfEach).Select(i => $$"""{"account":"first","unit":"credit","amount":1,"agent":"a{{i}}","idempotency_key":"c{{i}}"}""");
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("charges/batch", $$"""{"charges":[{{string.Join(',', charges)}}]}""")).Status);
            await ExecuteAsync($"create table copies as select gen_random_uuid() as id, i from generate_series(1, {Accounts}) i");
            foreach (var table in Tables)
            {
                var columns = (await RowsAsync("select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum", table)).Select(row => (string)row[0]!).ToList();
                var values = columns.Select(column => (table, column) switch
                {
                    (_, "account_id") => "copies.id",
                    ("accounts", "external_id") => "'grown-' || copies.i",
                    ("accounts", "email") => "'grown-' || copies.i || '@example.com'",
                    (_, "created_at") => "t.created_at - copies.i * interval '1 minute'",
                    _ => $"t.{column}",
                });
                await ExecuteAsync($"insert into {table} ({string.Join(", ", columns)}) select {string.Join(", ", values)} from {table} t cross join copies where t.account_id = (select account_id from accounts where external_id = 'first')");
            }

            await ExecuteAsync("drop table copies");
            await ExecuteAsync("vacuum analyze");
        }
    }
}
