using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using BillingPortal.Payments.Stripe;
using Npgsql;

namespace BillingPortal.Payments.Simulator;

/// <summary>Posts events to the portal's webhook endpoint, signed as Stripe signs, again and again until it answers 2xx; and lets time pass for subscriptions.</summary>
internal sealed class SimulatorDeliveries(
    NpgsqlDataSource database, SimulatorStore store, SimulatorHost host, SimulatorSecrets secrets, SimulatorDeliverySignal signal, IStripeConnection connection,
    IHttpClientFactory clients, TimeProvider time, ILogger<SimulatorDeliveries> log) : BackgroundService
{
    public const string Client = "stripe-simulator";
    private const int MostAttempts = 12;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BillEvery = TimeSpan.FromSeconds(5);
    private DateTimeOffset nextBilling;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (connection.Current.Mode == PaymentsMode.Simulator && host.Webhooks is { } endpoint)
                {
                    await BillAsync(stoppingToken);
                    while (await DeliverNextAsync(endpoint, stoppingToken))
                    {
                    }
                }

                await signal.WaitAsync(LookEvery, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception broken)
            {
                log.LogError(broken, "simulator.deliveries_failed");
                await Task.Delay(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Subscriptions that no test clock rules renew by the real time.</summary>
    private async Task BillAsync(CancellationToken ct)
    {
        if (time.GetUtcNow() < nextBilling)
        {
            return;
        }

        nextBilling = time.GetUtcNow() + BillEvery;
        await using var state = await store.OpenAsync(ct);
        var until = state.Now;
        foreach (var subscription in (await state.ListAsync("subscription")).Where(s => s["test_clock"] is null && MayBeDue(s, until)))
        {
            await SimulatedBilling.CatchUpAsync(state, subscription.Text("id")!, until, host.Address);
        }

        state.Now = until;
        await SimulatedRefunds.SettleDueAsync(state);
        foreach (var session in (await state.ListAsync("checkout.session", ("status", "open"))).Where(s => s.Number("expires_at") <= until))
        {
            await SimulatedCheckoutSessions.ExpireAsync(state, session);
        }

        await state.CommitAsync();
    }

    private static bool MayBeDue(JsonObject subscription, long until) =>
        subscription.Text("status") == "past_due" || subscription.Flag("_has_draft") || (subscription.Text("status") != "canceled" && subscription.Items("items").Any(i => i.Number("current_period_end") <= until));

    private async Task<bool> DeliverNextAsync(Uri endpoint, CancellationToken ct)
    {
        if (await ClaimAsync(ct) is not var (id, attempts, body))
        {
            return false;
        }

        var status = await PostAsync(endpoint, body, ct);
        if (status is >= 200 and < 300)
        {
            await ExecuteAsync("update simulator_deliveries set next_attempt_at = null, last_status = $2 where event_id = $1", ct, id, status);
            await ExecuteAsync("update simulator_objects set body = jsonb_set(body, '{pending_webhooks}', '0') where id = $1", ct, id);
            return true;
        }

        log.LogWarning("simulator.delivery_failed {EventId} {Status} {Attempt}", id, status, attempts);
        var pause = TimeSpan.FromSeconds(Math.Min(600, Math.Pow(2, attempts)));
        await ExecuteAsync("update simulator_deliveries set next_attempt_at = case when attempts >= $3 then null else now() + $4 end, last_status = $2 where event_id = $1", ct, id, status, MostAttempts, pause);
        return true;
    }

    private async Task<(string Id, int Attempts, byte[] Body)?> ClaimAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(
            """
            with due as (
                update simulator_deliveries set attempts = attempts + 1, next_attempt_at = now() + interval '1 minute'
                where event_id = (select event_id from simulator_deliveries where next_attempt_at <= now() order by next_attempt_at, seq limit 1 for update skip locked)
                returning event_id, attempts)
            select due.event_id, due.attempts, o.body from due join simulator_objects o on o.id = due.event_id
            """);
        await using var row = await command.ExecuteReaderAsync(ct);
        return await row.ReadAsync(ct) ? (row.GetString(0), row.GetInt32(1), Encoding.UTF8.GetBytes(JsonNode.Parse(row.GetString(2))!.AsObject().Public().ToJsonString())) : null;
    }

    private async Task<int> PostAsync(Uri endpoint, byte[] body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" };
        request.Headers.TryAddWithoutValidation(WebhookSignature.Header, WebhookSignature.Sign(body, secrets.WebhookSecret, time.GetUtcNow()));
        request.Headers.TryAddWithoutValidation("User-Agent", "Stripe/1.0 (simulator)");
        try
        {
            using var client = clients.CreateClient(Client);
            using var response = await client.SendAsync(request, ct);
            return (int)response.StatusCode;
        }
        catch (Exception lost) when (lost is HttpRequestException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return 0;
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken ct, params object[] values)
    {
        await using var command = database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(ct);
    }
}
