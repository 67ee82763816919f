using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BillingPortal.Primitives;
using BillingPortal.Tests.Testing;

namespace BillingPortal.Tests.Ledger;

/// <summary>
/// Clients that charge one account after another, half of the time the hot one, and repeat each charge under its key, at whichever instance, until it is answered.
/// Every tenth they ask again after the answer, as people press a button twice. What they were told is their own log; <see cref="Referee"/> holds the ledger against it.
/// </summary>
/// <param name="subject">What is charged for, as fields of the body.</param>
/// <param name="price">What that costs, in credits.</param>
/// <param name="instances">How many instances of the portal there are to ask.</param>
/// <param name="giveUp">How long to wait for one answer before asking again; null: half a minute.</param>
internal sealed class ChargingClients(KillablePortal portal, string name, int otherAccounts, string subject, decimal price, int instances = 1, TimeSpan? giveUp = null)
{
    public const decimal Granted = 100_000_000;
    private const int Clients = 16;

    private int started;

    public decimal Price => price;
    public int Accounts => otherAccounts + 1;
    /// <summary>The clients' own log: key to account and the id that they were told.</summary>
    public ConcurrentDictionary<string, (string Account, Guid Id)> Acknowledged { get; } = new();
    /// <summary>The lowest balance that each account's answers named: what is left when all are in.</summary>
    public ConcurrentDictionary<string, decimal> Balances { get; } = new();
    /// <summary>Answers that no client should ever get.</summary>
    public ConcurrentQueue<string> Contradictions { get; } = new();
    /// <summary>The longest that anybody waited for an answer that came, over all repeats.</summary>
    public TimeSpan LongestWait { get; private set; }

    /// <summary>What the accounts' ids and the keys of charges begin with.</summary>
    public string Prefix => name + "-";
    public string Account(int number) => Prefix + number;

    /// <summary>Gives every account its credits.</summary>
    public async Task GrantAsync()
    {
        using var api = portal.Api();
        await Parallel.ForEachAsync(Enumerable.Range(0, Accounts), new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (i, ct) =>
        {
            var status = HttpStatusCode.ServiceUnavailable;
            for (var tries = 0; status == HttpStatusCode.ServiceUnavailable && tries < 100; tries++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "admin/grants") { Content = JsonContent.Create(new { account = Account(i), amount = Granted, reason = "crash test" }) };
                request.Headers.Add("Idempotency-Key", "grant-" + Account(i));
                using var answer = await api.SendAsync(request, ct);
                status = answer.StatusCode;
                await Task.Delay(status == HttpStatusCode.ServiceUnavailable ? 100 : 0, ct);
            }

            Assert.Equal(HttpStatusCode.Created, status);
        });
    }

    public Task RunAsync(int charges) => Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
    {
        HttpClient[] apis = [.. Enumerable.Range(0, instances).Select(portal.Api)];
        Array.ForEach(apis, api => api.Timeout = giveUp ?? api.Timeout);
        for (var number = Interlocked.Increment(ref started); number <= charges && Contradictions.IsEmpty; number = Interlocked.Increment(ref started))
        {
            await TakeAsync(apis, client, Account(number % 2 == 0 ? 0 : 1 + (number / 2 % otherAccounts)), Prefix + number);
            if (number % 10 == 0)
            {
                await TakeAsync(apis, client + 1, Account(number % 2 == 0 ? 0 : 1 + (number / 2 % otherAccounts)), Prefix + number);
            }
        }

        Array.ForEach(apis, api => api.Dispose());
    })));

    /// <summary>Waits until so many charges are acknowledged, or something went wrong that no wait will mend.</summary>
    public async Task ReachAsync(int charges)
    {
        while (Acknowledged.Count < charges && Contradictions.IsEmpty)
        {
            await Task.Delay(5);
        }
    }

    private async Task TakeAsync(HttpClient[] apis, int first, string account, string key)
    {
        var patience = Stopwatch.StartNew();
        for (var turn = first; patience.Elapsed < TimeSpan.FromMinutes(2); turn++)
        {
            try
            {
                using var answer = await ChargeAsync(apis[turn % apis.Length], account, key);
                if (answer.StatusCode == HttpStatusCode.Created)
                {
                    Note(account, key, await answer.Content.ReadFromJsonAsync<JsonElement>());
                    LongestWait = patience.Elapsed > LongestWait ? patience.Elapsed : LongestWait;
                    return;
                }

                if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                {
                    Contradictions.Enqueue($"{key} was answered {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                // No answer: it may have happened or not; the key makes the repeat safe.
            }

            await Task.Delay(Math.Min(100, 20 * (turn - first + 1))); // sixteen that ask all the time would take from what is starting the time to start
        }

        Contradictions.Enqueue($"{key} was never answered\n{portal.Said}");
    }

    public async Task<HttpResponseMessage> ChargeAsync(HttpClient api, string account, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "charges") { Content = new StringContent($$"""{"account":"{{account}}",{{subject}}}""", Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        return await api.SendAsync(request);
    }

    private void Note(string account, string key, JsonElement charge)
    {
        var told = (account, ChargeId.TryParse(charge.GetProperty("id").GetString(), out var id) ? id.Value : Guid.Empty);
        if (!Acknowledged.TryAdd(key, told) && Acknowledged[key] != told)
        {
            Contradictions.Enqueue($"{key} was first told {Acknowledged[key].Id} and then {told.Item2}");
        }

        var balance = charge.GetProperty("funding")[0].GetProperty("balance_after").GetDecimal();
        Balances.AddOrUpdate(account, balance, (_, known) => Math.Min(known, balance));
    }
}
