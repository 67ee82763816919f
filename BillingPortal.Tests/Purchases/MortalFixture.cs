using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using BillingPortal.Payments;
using BillingPortal.Payments.Stripe;
using BillingPortal.Tests.Payments;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace BillingPortal.Tests.Purchases;

/// <summary>
/// A portal that dies at a step: each statement that writes is one, and so are each call to Stripe and each answer to it.
/// From that step on nothing of it is written and Stripe is not asked any more, until it is started again.
/// </summary>
public sealed class MortalFixture : StripeFixture
{
    private NpgsqlDataSource? fate;

    protected override void Configure(IDictionary<string, string?> settings)
    {
        base.Configure(settings);
        settings["Encryption:Keys"] = "a-key-for-tests-of-more-than-32-characters";
        settings["Stripe:SecretKey"] = "sk_test_mortal";
        settings["Stripe:ApiBase"] = $"{settings["urls"]}/stripe-simulator";
        settings["Jobs:Enabled"] = "false";
        settings["Billing:SnapshotMaxAge"] = "20000.00:00:00";
    }

    protected override void ConfigureServices(IServiceCollection services)
    {
        services.AddHttpClient<StripeClient>().AddHttpMessageHandler(() => new Mortal(this));
        services.Replace(ServiceDescriptor.Singleton(s => new StripeRetries(s.GetRequiredService<TimeProvider>()) { Most = 0 }));
    }

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        using var sync = await Api().PostAsync(new Uri("admin/payment-providers/stripe/sync", UriKind.Relative), null);
        Assert.Equal(HttpStatusCode.OK, sync.StatusCode);
        fate = NpgsqlDataSource.Create(SuperuserConnection);
        await ExecuteAsync(
            """
            create sequence steps;
            create table fate (dies_at bigint);
            insert into fate values (null);
            create function take_step() returns trigger language plpgsql security definer as $$
            begin
                if (select dies_at is not null and nextval('steps') >= dies_at from fate) then
                    perform pg_terminate_backend(pg_backend_pid());
                    raise exception 'died, as it was to';
                end if;
                return null;
            end $$;
            do $$
            declare t text;
            begin
                for t in select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                    and c.relname not like 'simulator%' and c.relname not in ('fate', '__EFMigrationsHistory') loop
                    execute format('create trigger take_step after insert or update or delete on %I for each statement execute function take_step()', t);
                end loop;
            end $$;
            """);
    }

    /// <summary>From now on it dies at the n-th step.</summary>
    public Task DieAtAsync(int step) => ExecuteAsync($"select setval('steps', 1, false); update fate set dies_at = {step.ToString(CultureInfo.InvariantCulture)}");

    public async Task<bool> IsDeadAsync() => await ScalarAsync<bool>("select dies_at is not null and (select last_value >= dies_at and is_called from steps) from fate");

    /// <summary>Starts it again, some minutes later.</summary>
    public async Task ReviveAsync()
    {
        await ExecuteAsync("update fate set dies_at = null");
        Advance(TimeSpan.FromMinutes(3));
    }

    /// <summary>Who waits for an event's time looks at once.</summary>
    private void Advance(TimeSpan by)
    {
        Time.Advance(by);
        Services.GetRequiredService<WebhookSignal>().Wake();
    }

    /// <summary>Tries until it is done, through one death, for a minute at most.</summary>
    /// <param name="attempt">Returns whether it is done. Throws when the portal dies under it.</param>
    public async Task UntilDoneAsync(Func<Task<bool>> attempt, string what)
    {
        var patience = Stopwatch.StartNew();
        for (var i = 0; patience.Elapsed < TimeSpan.FromMinutes(1); i++)
        {
            try
            {
                if (await attempt())
                {
                    return;
                }
            }
            catch (Exception) when (IsDeadAsync().GetAwaiter().GetResult())
            {
                // That was to be expected of it.
            }

            if (await IsDeadAsync())
            {
                await ReviveAsync();
            }
            else if (i > 20)
            {
                Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(20);
            }
            else
            {
                await Task.Delay(5);
            }
        }

        Assert.Fail($"Never done: {what}");
    }

    /// <summary>Delivers all that Stripe has made known and the portal has not confirmed, until everything is confirmed and worked off.</summary>
    public Task AllDeliveredAsync() => UntilDoneAsync(async () =>
    {
        foreach (var row in await RowsAsync("select o.id, o.body from simulator_objects o join simulator_deliveries d on d.event_id = o.id where d.next_attempt_at is not null order by o.seq"))
        {
            using var answer = await DeliverAsync((string)row[1]!);
            if (!answer.IsSuccessStatusCode)
            {
                return false;
            }

            await ExecuteAsync("update simulator_deliveries set next_attempt_at = null where event_id = $1", row[0]);
        }

        return await ScalarAsync<long>("select count(*) from webhook_events where status = 'Received'") == 0;
    }, "all events worked off");

    private async Task StepAsync()
    {
        if (fate is null)
        {
            return;
        }

        await using var command = fate.CreateCommand("select dies_at is not null and nextval('steps') >= dies_at from fate");
        if (await command.ExecuteScalarAsync() is true)
        {
            throw new HttpRequestException(HttpRequestError.ResponseEnded, "Died, as it was to.");
        }
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        if (fate is not null)
        {
            await fate.DisposeAsync();
        }
    }

    private sealed class Mortal(MortalFixture portal) : DelegatingHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await portal.StepAsync();
            var answer = await base.SendAsync(request, cancellationToken);
            await portal.StepAsync();
            return answer;
        }
    }
}
