using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Data;
using BillingPortal.Payments;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Npgsql;

namespace BillingPortal.Tests.Deploy;

/// <summary>R10, by the commands of docs/operations.md: dump, restore on another server, start.</summary>
public sealed class RestoreTests(RestoreTests.SealedPortal portal) : IClassFixture<RestoreTests.SealedPortal>
{
    public sealed class SealedPortal : StripeFixture
    {
        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            settings["Encryption:Keys"] = new string('7', 64); // what a restore needs besides the dump
        }
    }

    [Fact]
    public async Task A_dump_restored_elsewhere_verifies_lets_people_in_and_repeats_change_nothing()
    {
        var payload = await LiveAsync();
        var folder = Directory.CreateTempSubdirectory("billing-restored-").FullName;
        try
        {
            await using var elsewhere = await RestoreAsync(folder);
            await using var instance = await portal.StartInstanceAsync(In(elsewhere.AppConnection), In(elsewhere.OwnerConnection));
            using var api = new HttpClient { BaseAddress = new(instance.Url + "/api/v1/") };
            api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", PortalFixture.ApiKey);

            var verified = await (await api.PostAsync(new Uri("admin/ledger/verify", UriKind.Relative), null)).Content.ReadFromJsonAsync<JsonElement>();
            Assert.True(verified.GetProperty("ok").GetBoolean(), verified.ToString());
            Assert.True(verified.GetProperty("transfers").GetInt64() > 0);

            using var visitor = new Visitor(instance.Url);
            Assert.Equal(HttpStatusCode.Redirect, (await visitor.SignInAsync("restored@example.com")).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await visitor.Client.GetAsync("/portal")).StatusCode);

            var before = await LedgerAsync(api);
            await DeliverAsync(instance, payload);
            await DeliverAsync(instance, payload.Replace(JsonElement.Parse(payload).GetProperty("id").GetString()!, "evt_sent_again", StringComparison.Ordinal));
            await StripeFixture.UntilAsync(async () => await CountAsync(elsewhere, "select count(*) from webhook_events where status = 'Received'") == 0, "the repeats were processed");
            using var charge = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = JsonContent.Create(new { account = "restored", unit = "credit", amount = 7 }) };
            charge.Headers.Add("Idempotency-Key", "before-the-dump");
            using var replayed = await api.SendAsync(charge);

            Assert.Equal("true", replayed.Headers.GetValues("Idempotent-Replayed").Single());
            Assert.Equal(before, await LedgerAsync(api));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Somebody registers; the account buys a pack and is charged.</summary>
    /// <returns>The event that brought the credits.</returns>
    private async Task<string> LiveAsync()
    {
        using var visitor = new Visitor(portal.Url);
        await visitor.RegisterAsync("restored@example.com");
        var page = await portal.CheckoutAsync("restored", new { kind = "credits", pack = "pack_2500" });
        using var paid = await portal.PayAsync(page, StripeFixture.Works);
        await portal.SettledAsync();
        using var charge = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = JsonContent.Create(new { account = "restored", unit = "credit", amount = 7 }) };
        charge.Headers.Add("Idempotency-Key", "before-the-dump");
        using var taken = await portal.Api().SendAsync(charge);
        Assert.Equal(HttpStatusCode.Created, taken.StatusCode);
        return await portal.DeliveredAsync("checkout.session.completed", page.Segments[^1]);
    }

    private async Task<EmbeddedPostgres> RestoreAsync(string folder)
    {
        // Another server; its passwords are the first one's because the roles come with theirs.
        var from = new NpgsqlConnectionStringBuilder(portal.SuperuserConnection);
        File.Copy(Path.Combine(Path.GetDirectoryName(from.Host!)!, "secret"), Path.Combine(folder, "secret"));
        var elsewhere = await EmbeddedPostgres.StartAsync(new(folder) { Durable = false });
        var to = new NpgsqlConnectionStringBuilder(elsewhere.SuperuserConnection);
        var bin = ServerProcess.FindBinaries(null)!;
        var dump = Path.Combine(folder, "billing.dump");

        await RunAsync(from, $"{bin}/pg_dump -Fc {from.Database} >{dump}");
        await RunAsync(from, $"{bin}/pg_dumpall --roles-only >{folder}/roles.sql");
        await RunAsync(to, $"{bin}/psql -q -d postgres -f {folder}/roles.sql");
        await RunAsync(to, $"{bin}/pg_restore --exit-on-error -d {EmbeddedPostgres.DatabaseName} {dump}");
        return elsewhere;
    }

    private static async Task RunAsync(NpgsqlConnectionStringBuilder server, string command)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", command]) { RedirectStandardError = true };
        (start.Environment["PGHOST"], start.Environment["PGPORT"], start.Environment["PGUSER"], start.Environment["PGPASSWORD"]) = (server.Host, "5432", server.Username, server.Password);
        using var process = Process.Start(start)!;
        var complaint = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{command}\n{complaint}");
    }

    private static string In(string connection) => new NpgsqlConnectionStringBuilder(connection) { Database = EmbeddedPostgres.DatabaseName }.ConnectionString;

    private static Task<string> LedgerAsync(HttpClient api) => api.GetStringAsync("accounts/restored/ledger?limit=200");

    private static async Task<long> CountAsync(EmbeddedPostgres server, string sql)
    {
        await using var connection = new NpgsqlConnection(In(server.SuperuserConnection));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task DeliverAsync(Instance instance, string payload)
    {
        var bytes = Encoding.UTF8.GetBytes(payload);
        using var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation(WebhookSignature.Header, WebhookSignature.Sign(bytes, StripeFixture.Secret, portal.Time.GetUtcNow()));
        using var answer = await portal.Client().PostAsync(new Uri(instance.Url + "/webhooks/stripe"), content);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
