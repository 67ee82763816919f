using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Payments;
using Microsoft.Extensions.DependencyInjection;

namespace BillingPortal.Tests.Payments;

public sealed class WebhookTests(StripeFixture portal) : IClassFixture<StripeFixture>
{
    private static string Event(string id, string type = "nobody.cares", string version = "2026-10-28.endive", bool live = false) =>
        JsonSerializer.Serialize(new { id, @object = "event", api_version = version, created = 1_763_000_000, type, livemode = live, data = new { @object = new { id = "x_1", @object = "x" } } });

    private Task<long> RowsAsync(string id) => portal.ScalarAsync<long>("select count(*) from webhook_events where id = $1", id);

    [Fact]
    public async Task A_signed_event_is_kept_once_and_one_that_nobody_handles_is_marked()
    {
        for (var i = 0; i < 2; i++)
        {
            using var answer = await portal.DeliverAsync(Event("evt_kept"));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("""{"received":true}""", await answer.Content.ReadAsStringAsync());
        }

        Assert.Equal(["nobody.cares", "Unhandled"], (await portal.RowsAsync("select type, status from webhook_events where id = 'evt_kept'")).Single());
    }

    [Theory]
    [InlineData("whsec_wrong", 0)]
    [InlineData(StripeFixture.Secret, 330)]
    [InlineData(StripeFixture.Secret, -330)]
    public async Task A_wrong_secret_or_an_age_over_300_seconds_is_refused_and_leaves_no_row(string secret, int age)
    {
        var id = $"evt_refused_{secret}_{age}";
        using var answer = await portal.DeliverAsync(Event(id), secret: secret, age: TimeSpan.FromSeconds(age));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("INVALID_REQUEST", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error_code").GetString());
        Assert.Equal(0, await RowsAsync(id));
    }

    [Fact]
    public async Task A_changed_byte_is_refused_and_leaves_no_row()
    {
        var payload = Event("evt_changed");
        var signature = WebhookSignature.Sign(Encoding.UTF8.GetBytes(payload), StripeFixture.Secret, portal.Time.GetUtcNow());
        using var answer = await portal.DeliverAsync(payload.Replace("x_1", "x_2", StringComparison.Ordinal), signature);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(0, await RowsAsync("evt_changed"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("t=abc,v1=00")]
    [InlineData("t=1")]
    [InlineData("nonsense")]
    public async Task A_header_that_is_none_is_refused(string header)
    {
        using var answer = await portal.DeliverAsync(Event("evt_header"), header);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(0, await RowsAsync("evt_header"));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"id":"evt_thin","object":"v2.core.event","type":"v1.invoice.paid","livemode":false}""")]
    [InlineData("""{"id":7,"object":"event","type":"x","data":{"object":{}}}""")]
    public async Task A_signed_body_that_is_no_snapshot_event_is_refused(string body)
    {
        using var answer = await portal.DeliverAsync(body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task An_event_of_the_other_mode_is_refused_and_counted_as_such()
    {
        using var answer = await portal.DeliverAsync(Event("evt_live", live: true));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(0, await RowsAsync("evt_live"));
        var list = await portal.Api().GetFromJsonAsync<JsonElement>("admin/webhook-events");
        Assert.True(list.GetProperty("signature_faults").GetProperty("other_mode").GetInt64() > 0);
    }

    [Fact]
    public async Task An_event_of_another_train_is_kept_and_parked_for_a_person()
    {
        using var answer = await portal.DeliverAsync(Event("evt_train", "checkout.session.completed", "2025-03-31.basil"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var row = await portal.Api().GetFromJsonAsync<JsonElement>("admin/webhook-events/evt_train");
        Assert.Equal("parked", row.GetProperty("status").GetString());
        Assert.Contains("2025-03-31.basil", row.GetProperty("outcome").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handled_event_about_nothing_is_parked_and_does_not_block_the_next()
    {
        using var first = await portal.DeliverAsync(Event("evt_lost", "customer.subscription.updated"));
        using var next = await portal.DeliverAsync(Event("evt_lost_too", "checkout.session.completed"));
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<long>("select count(*) from webhook_events where id like 'evt_lost%' and status = 'Parked'") == 2, "both parked");
        using var replay = await portal.Api().PostAsync(new Uri("admin/webhook-events/evt_lost/replay", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.Accepted, replay.StatusCode);
        await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<string>("select status from webhook_events where id = 'evt_lost'") == "Parked", "parked again");
    }

    [Fact]
    public async Task A_body_over_one_megabyte_is_refused()
    {
        using var answer = await portal.DeliverAsync(Event("evt_big") + new string(' ', 1_000_001));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task Events_are_listed_page_by_page_and_an_unknown_one_is_not_found()
    {
        for (var i = 0; i < 5; i++)
        {
            using var _ = await portal.DeliverAsync(Event($"evt_page_{i}", "paged.type"));
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await portal.Api().GetFromJsonAsync<JsonElement>($"admin/webhook-events?type=paged.type&limit=2{(cursor is null ? "" : $"&cursor={cursor}")}");
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(e => e.GetProperty("id").GetString()!));
            cursor = page.TryGetProperty("next_cursor", out var next) ? next.GetString() : null;
        }
        while (cursor is not null);
        Assert.Equal(["evt_page_4", "evt_page_3", "evt_page_2", "evt_page_1", "evt_page_0"], seen);
        using var unknown = await portal.Api().GetAsync(new Uri("admin/webhook-events/evt_none", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }
}

/// <summary>A portal that handles a type of event which is put off or fails as often as it is told to.</summary>
public sealed class MoodyFixture : StripeFixture
{
    internal Moody Handler { get; } = new();

    protected override void ConfigureServices(IServiceCollection services) => services.AddSingleton<IStripeEventHandler>(Handler);

    internal sealed class Moody : IStripeEventHandler
    {
        public int Laters { get; set; }
        public int Failures { get; set; }
        public IReadOnlyCollection<string> EventTypes => ["moody.changed"];

        public Task<StripeEffect> HandleAsync(StripeEvent received, CancellationToken ct) =>
            Laters-- > 0 ? Task.FromResult<StripeEffect>(new StripeEffect.Later("Stripe is down."))
            : Failures-- > 0 ? throw new InvalidOperationException("Out of sorts.")
            : Task.FromResult<StripeEffect>(new StripeEffect.Nothing("At last."));
    }
}

/// <summary>What is put off is tried as long as patience lasts; what fails, ten times.</summary>
public sealed class WebhookPatienceTests(MoodyFixture portal) : IClassFixture<MoodyFixture>
{
    [Theory]
    [InlineData("evt_put_off", 9, 9, "Processed", 19, 9)]
    [InlineData("evt_failing", 1, 10, "Parked", 11, 10)]
    public async Task Only_failures_count_towards_parking(string id, int laters, int failures, string end, int attempts, int counted)
    {
        portal.Time.Freeze();
        (portal.Handler.Laters, portal.Handler.Failures) = (laters, failures);
        using var answer = await portal.DeliverAsync(JsonSerializer.Serialize(new { id, @object = "event", api_version = "2026-10-28.endive", created = 1_763_000_000, type = "moody.changed", livemode = false, data = new { @object = new { id = $"x_{id}", @object = "x" } } }));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        for (var tried = 1; tried <= attempts; tried++)
        {
            // Half a minute is the time of one who works on it.
            await StripeFixture.UntilAsync(async () => await portal.ScalarAsync<bool>(
                "select attempts = $2 and (status <> 'Received' or abs(extract(epoch from next_attempt_at - $3) - 30) > 1) from webhook_events where id = $1", id, tried, portal.Time.GetUtcNow()), $"try {tried}");
            portal.Time.Advance(TimeSpan.FromMinutes(11));
            portal.Services.GetRequiredService<WebhookSignal>().Wake();
        }

        Assert.Equal([end, attempts, counted], (await portal.RowsAsync("select status, attempts, failures from webhook_events where id = $1", id)).Single());
    }
}

public sealed class WebhookSignatureTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_763_000_000);
    private static readonly byte[] Body = "{}"u8.ToArray();

    [Theory]
    [InlineData(0, SignatureFault.None)]
    [InlineData(300, SignatureFault.None)]
    [InlineData(-300, SignatureFault.None)]
    [InlineData(301, SignatureFault.OutsideTolerance)]
    [InlineData(-301, SignatureFault.OutsideTolerance)]
    public void Three_hundred_seconds_either_way_are_the_border(int age, SignatureFault fault) =>
        Assert.Equal(fault, WebhookSignature.Check(WebhookSignature.Sign(Body, "whsec_a", Now.AddSeconds(-age)), Body, ["whsec_a"], Now));

    [Fact]
    public void Any_of_several_secrets_may_have_signed_and_any_of_several_signatures_may_fit()
    {
        var signed = WebhookSignature.Sign(Body, "whsec_new", Now);
        Assert.Equal(SignatureFault.None, WebhookSignature.Check(signed, Body, ["whsec_old", " whsec_new\n"], Now));
        Assert.Equal(SignatureFault.None, WebhookSignature.Check($"{signed.Split(',')[0]},v1={new string('0', 64)},v0=ff,{signed.Split(',')[1]}", Body, ["whsec_new"], Now));
        Assert.Equal(SignatureFault.Mismatch, WebhookSignature.Check(signed, Body, ["whsec_old"], Now));
        Assert.Equal(SignatureFault.NoSecret, WebhookSignature.Check(signed, Body, [" "], Now));
        Assert.Equal(SignatureFault.MalformedHeader, WebhookSignature.Check(signed.Replace("v1=", "v0=", StringComparison.Ordinal), Body, ["whsec_new"], Now));
    }
}
