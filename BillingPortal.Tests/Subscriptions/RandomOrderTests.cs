using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Payments;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace BillingPortal.Tests.Subscriptions;

/// <summary>A portal that delivers nothing by itself, and many accounts at it that live one recorded life.</summary>
public sealed class LifeFixture : StripeFixture
{
    private readonly ConcurrentDictionary<int, Guid> accounts = new();
    private readonly ConcurrentDictionary<string, string> copied = new();
    private readonly HttpClient sender = new(new SocketsHttpHandler { MaxConnectionsPerServer = 64 });

    internal RecordedLife Life { get; private set; } = null!;

    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Encryption:Keys"] = "a-key-for-tests-of-more-than-32-characters";
        settings["ConnectionStrings:Billing"] += ";Max Auto Prepare=100;Auto Prepare Min Usages=2"; // the same few statements, a million times
        settings["Stripe:SecretKey"] = "sk_test_life";
        settings["Stripe:ApiBase"] = $"{settings["urls"]}/stripe-simulator";
        settings["Jobs:Enabled"] = "false";
        settings["Billing:SnapshotMaxAge"] = "01:00:00";
    }

    protected override void ConfigureServices(IServiceCollection services)
    {
        // Crashes by the thousand are wanted here.
        services.RemoveAll<ILoggerProvider>();
        services.AddHttpClient<StripeClient>().AddHttpMessageHandler(() => new Recorded(this));
        services.Replace(ServiceDescriptor.Singleton(s => new StripeRetries(s.GetRequiredService<TimeProvider>()) { Most = 0 }));
    }

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        using var sync = await Api().PostAsync(new Uri("admin/payment-providers/stripe/sync", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.OK, sync.StatusCode);
        Life = await RecordedLife.PlayAsync(this);
        await ExecuteAsync(
            """
            create function crash() returns trigger language plpgsql security definer as $$
            begin
                if new.attempts <= 1 + abs(hashtext(new.id || 'often')) % 2 and abs(hashtext(new.id)) % tg_argv[0]::int = 1 then
                    if tg_argv[1] = 'connection' then perform pg_terminate_backend(pg_backend_pid()); end if;
                    raise exception 'a crash, wanted here';
                end if;
                return new;
            end $$;
            create index on webhook_events (id) where status = 'Parked';
            create trigger crash_before_the_effect before update on webhook_events for each row when (new.status = 'Processed' and old.status = 'Received') execute function crash('24', 'statement');
            create constraint trigger crash_after_the_effect after update on webhook_events deferrable initially deferred for each row when (new.status = 'Processed' and old.status = 'Received') execute function crash('25', 'statement');
            create constraint trigger crash_of_the_connection after update on webhook_events deferrable initially deferred for each row when (new.status = 'Processed' and old.status = 'Received') execute function crash('1009', 'connection');
            """);
    }

    /// <summary>Opens an account that stands where the recorded one stood: customer and orders made, nothing heard.</summary>
    internal async Task<Guid> OpenAsync(int account)
    {
        var id = Guid.CreateVersion7();
        accounts[account] = id;
        await CopyAsync("accounts", new { account_id = id, external_id = $"life{account}", email = $"life{account}@example.com" });
        await CopyAsync("stripe_customers", new { account_id = id }, "customer_id", account);
        await CopyAsync("orders", new { account_id = id }, "session_id", account);
        return id;
    }

    /// <summary>Copies the recorded account's rows of a table, with some columns otherwise.</summary>
    private async Task CopyAsync(string table, object otherwise, string suffixed = "account_id", int account = 0)
    {
        var columns = copied.GetOrAdd(table, _ => (string)RowsAsync("select string_agg(column_name, ', ') from information_schema.columns where table_name = $1 and is_generated = 'NEVER'", table).GetAwaiter().GetResult()[0][0]!);
        var changes = suffixed == "account_id" ? "$2::jsonb" : $"$2::jsonb || jsonb_build_object('{suffixed}', t.{suffixed} || $3)";
        await ExecuteAsync($"insert into {table} ({columns}) select {columns} from (select (jsonb_populate_record(t, {changes})).* from {table} t where account_id = $1) copy",
            [Life.Original, JsonSerializer.Serialize(otherwise), .. suffixed == "account_id" ? Array.Empty<object>() : [RecordedLife.SuffixOf(account)]]);
    }

    /// <param name="copy">0: the event itself; others are events of other ids that say the same.</param>
    internal async Task DeliverAsync(int account, RecordedDelivery delivery, int copy)
    {
        var id = RecordedLife.For(account, accounts[account], delivery.Id);
        var payload = RecordedLife.For(account, accounts[account], delivery.Payload);
        if (copy > 0)
        {
            payload = payload.Replace(id, $"{id}_{copy}", StringComparison.Ordinal);
        }

        var body = Encoding.UTF8.GetBytes(payload);
        using var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation(WebhookSignature.Header, WebhookSignature.Sign(body, Secret, Time.GetUtcNow()));
        using var answer = await sender.PostAsync(new Uri($"{Url}/webhooks/stripe"), content);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private sealed class Recorded(LifeFixture portal) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            portal.Life?.AnswerTo(request.RequestUri!, a => portal.accounts[a]) is { } answer
                ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(answer, Encoding.UTF8, "application/json") })
                : base.SendAsync(request, cancellationToken);
    }

    public override async Task DisposeAsync()
    {
        sender.Dispose();
        await base.DisposeAsync();
    }
}

/// <summary>R4: however the deliveries of a whole subscription's life come, the end is that of the orderly one.</summary>
public sealed class RandomOrderTests(LifeFixture portal, ITestOutputHelper output) : IClassFixture<LifeFixture>
{
    private const int AtOnce = 24;
    private static readonly int Orders = Set("BILLING_ORDERS") ?? (LongForm.IsAsked ? 10_000 : 200);
    private volatile TaskCompletionSource<HashSet<int>> look = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task Deliveries_shuffled_copied_late_concurrent_and_through_crashes_end_where_the_ordered_ones_end()
    {
        output.WriteLine($"BILLING_SEED={LongForm.Seed}; {portal.Life.Deliveries.Count} events in {portal.Life.Stages} stages; {Orders} orders");
        using var done = new CancellationTokenSource();
        var watch = WatchAsync(done.Token);
        var ordered = await LiveAsync(0, null);
        var started = Stopwatch.StartNew();
        var wrong = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(Enumerable.Range(1, Orders), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (account, _) =>
        {
            var ended = await LiveAsync(account, new Random(unchecked((LongForm.Seed * 1_000_003) + account)));
            if (ended != ordered)
            {
                wrong.Enqueue($"account {account}: {Difference(ordered, ended)}");
            }
        });
        await done.CancelAsync();
        await watch;
        var (events, tries) = ((long, long))((await portal.RowsAsync("select count(*), sum(attempts) from webhook_events")).Select(r => ((long)r[0]!, (long)r[1]!)).Single());
        output.WriteLine($"{Orders} orders in {started.Elapsed.TotalSeconds:N0} s: {events} events, {tries} tries; {wrong.Count} ended elsewhere");
        Assert.True(wrong.IsEmpty, string.Join('\n', wrong.Take(8)));
        Assert.Null(await portal.Api().LedgerProblemsAsync());
    }

    /// <param name="random">Null: each delivery in its order, once, at its moment, and processed before the next.</param>
    private async Task<string> LiveAsync(int account, Random? random)
    {
        var id = await portal.OpenAsync(account);
        var schedule = portal.Life.Deliveries.SelectMany(d => Copies(d, random)).ToLookup(d => d.Stage);
        for (var stage = 0; stage < portal.Life.Stages; stage++)
        {
            portal.Life.Advance(account, stage);
            var due = schedule[stage].ToArray();
            random?.Shuffle(due);
            foreach (var together in due.Chunk(random is null || random.Next(2) == 0 ? 1 : 1 + random.Next(8)))
            {
                await Task.WhenAll(together.Select(d => portal.DeliverAsync(account, d.Delivery, d.Copy)));
                if (random is null)
                {
                    await SettledAsync(account);
                }
            }

            // Stripe goes on whether or not everything is worked off; some of it may wait for what is delivered later still.
            for (var patience = random?.Next(3) == 0 ? random.Next(1, 12) : 0; patience > 0 && (await LookAsync()).Contains(account); patience--)
            {
            }
        }

        await SettledAsync(account);
        return await StateAsync(id, account);
    }

    private IEnumerable<(int Stage, RecordedDelivery Delivery, int Copy)> Copies(RecordedDelivery delivery, Random? random)
    {
        if (random is null)
        {
            yield return (delivery.Stage, delivery, 0);
            yield break;
        }

        for (var copies = 1 + random.Next(5); copies > 0; copies--)
        {
            var late = random.Next(2) == 0 ? delivery.Stage : random.Next(delivery.Stage, portal.Life.Stages);
            yield return (late, delivery, random.Next(16) == 0 ? copies : 0);
        }
    }

    /// <summary>Waits until nothing of the account waits in the inbox any more.</summary>
    private async Task SettledAsync(int account)
    {
        var patience = Stopwatch.StartNew();
        while ((await LookAsync()).Contains(account))
        {
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(5), $"Never worked off: events of account {account}");
        }
    }

    /// <returns>Whose events wait, by a look that began after this call.</returns>
    private async Task<HashSet<int>> LookAsync()
    {
        await look.Task;
        return await look.Task;
    }

    /// <summary>Looks whose events wait. Failures are tried again after seconds; those pass quickly here.</summary>
    private async Task WatchAsync(CancellationToken ct)
    {
        var signal = portal.Services.GetRequiredService<WebhookSignal>();
        while (!ct.IsCancellationRequested)
        {
            portal.Time.Advance(TimeSpan.FromSeconds(1));
            signal.Wake();
            var looked = look;
            try
            {
                var waiting = (await portal.RowsAsync("select distinct substring(id from 'xx([0-9]+)xx')::int from webhook_events where status = 'Received'")).Select(r => (int)r[0]!).ToHashSet();
                look = new(TaskCreationOptions.RunContinuationsAsynchronously);
                looked.SetResult(waiting);
            }
            catch (Exception broken)
            {
                looked.SetException(broken);
                throw;
            }

            await Task.Delay(25, CancellationToken.None);
        }
    }

    /// <summary>What stands in the end. A refund that failed was told to the customer only where it was heard of before.</summary>
    private async Task<string> StateAsync(Guid account, int number)
    {
        var rows = await portal.RowsAsync(
            """
            select 'head', concat_ws(' ', h.plan, h.status, h.period_anchor, h.grace_until) from ledger_heads h where account_id = $1
            union all select 'wallet', concat_ws(' ', w.unit, w.balance, w.held, w.debt) from wallets w where account_id = $1
            union all select 'grant', concat_ws(' ', g.unit, g.source, g.remaining, g.reference) from grants g where account_id = $1 and g.remaining > 0
            union all select 'subscription', (to_jsonb(s) - 'updated_at' - 'account_id')::text from subscriptions s where account_id = $1
            union all select 'invoice', (to_jsonb(i) - 'updated_at' - 'account_id')::text from invoices i where account_id = $1
            union all select 'payment', (to_jsonb(p) - 'paid_at' - 'account_id')::text from payments p where account_id = $1
            union all select 'refund', concat_ws(' ', r.stripe_id, r.status, r.amount, r.drawn_back, r.bonus_drawn_back) from refunds r where account_id = $1
            union all select 'order', concat_ws(' ', o.session_id, o.status) from orders o where account_id = $1
            union all select 'mail', concat_ws(' ', m.kind, m.key) from outbox_messages m where account_id = $1
                and not exists (select from refunds r where m.key = 'refund:' || r.stripe_id and r.status = 'Failed')
            union all select 'parked', concat_ws(' ', e.id, e.outcome) from webhook_events e where e.status = 'Parked' and strpos(e.id, $2) > 0
            order by 1, 2
            """, account, RecordedLife.SuffixOf(number));
        return string.Join('\n', rows.Select(r => $"{r[0]} {r[1]}")).Replace(RecordedLife.SuffixOf(number), "", StringComparison.Ordinal);
    }

    private static int? Set(string variable) => Environment.GetEnvironmentVariable(variable) is { } set ? int.Parse(set, CultureInfo.InvariantCulture) : null;

    private static string Difference(string ordered, string ended)
    {
        var (one, other) = (ordered.Split('\n'), ended.Split('\n'));
        return $"\n  missing: {string.Join("\n           ", one.Except(other))}\n  instead: {string.Join("\n           ", other.Except(one))}";
    }
}
