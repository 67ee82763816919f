using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using BillingPortal.Data;
using BillingPortal.Ledger;
using BillingPortal.Primitives;
using BillingPortal.Tests.Gating;
using BillingPortal.Tests.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace BillingPortal.Tests.Ledger;

/// <summary>Each class of failure that the writer knows, provoked on the real database. Frozen instances are <see cref="SeveralInstancesTests"/>', plans from an empty database on <see cref="WriterTests"/>'.</summary>
public sealed class WriterFailureTests(WriterFailureTests.WiredLedger portal) : IClassFixture<WriterFailureTests.WiredLedger>
{
    private const string Message = """ "meter":"messages","quantity":1 """;

    private async Task IsWholeAsync(params AccountId[] accounts)
    {
        foreach (var account in accounts)
        {
            Assert.Empty((await portal.Services.GetRequiredService<LedgerVerification>().RunAsync(account)).Problems);
        }
    }

    [Fact]
    public async Task Text_that_the_database_cannot_keep_fails_alone()
    {
        var accounts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => portal.AccountAsync(credits: 100)));
        List<Operation> operations = [.. Enumerable.Range(0, 40).Select(i => new TakeOperation(accounts[i % 8], $"beside-{i}", 1m))];
        operations.Insert(17, new PoisonOperation(accounts[3], "poison", "a text with a \0 in it")); // 22021

        await PoisonAloneFailsAsync(accounts, operations, 17);
    }

    [Fact]
    public async Task A_row_that_a_constraint_refuses_fails_alone()
    {
        var accounts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => portal.AccountAsync(credits: 100)));
        await portal.ExecuteAsync("alter table operations add constraint no_poison check (key <> 'refused by a constraint')"); // 23514
        List<Operation> operations = [.. Enumerable.Range(0, 40).Select(i => new TakeOperation(accounts[i % 8], $"beside-{i}", 1m))];
        operations.Insert(23, new TakeOperation(accounts[5], "refused by a constraint", 1m));

        await PoisonAloneFailsAsync(accounts, operations, 23);
        await portal.ExecuteAsync("alter table operations drop constraint no_poison");
    }

    private async Task PoisonAloneFailsAsync(AccountId[] accounts, List<Operation> operations, int poison)
    {
        var results = await portal.Ledger.PostAllAsync(operations);

        for (var i = 0; i < results.Length; i++)
        {
            Assert.True(i == poison ? results[i] is PostResult.Refused { Refusal.Code.Status: 400 } : results[i] is PostResult.Posted, $"{i}: {results[i]}");
        }

        Assert.All(await Task.WhenAll(accounts.Select(a => portal.BalanceAsync(a))), balance => Assert.Equal(95m, balance));
        await IsWholeAsync(accounts);
    }

    [Fact]
    public async Task A_lock_that_another_holds_too_long_is_waited_for_again()
    {
        var account = await portal.AccountAsync(credits: 100);
        Task<PostResult> posting;
        await using (await Holder.OfAsync(portal, account))
        {
            posting = portal.Ledger.PostAsync(new TakeOperation(account, "patient", 1m));
            await portal.HeardAsync("55P03");
            Assert.False(posting.IsCompleted);
        }

        Assert.IsType<PostResult.Posted>(await posting);
        Assert.Equal(99m, await portal.BalanceAsync(account));
        await IsWholeAsync(account);
    }

    [Fact]
    public async Task The_victim_of_a_deadlock_is_posted_again()
    {
        for (var tries = 1; !portal.Heard("40P01"); tries++)
        {
            Assert.True(tries <= 8, "No deadlock could be provoked.");
            var accounts = (await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => portal.AccountAsync(credits: 100)))).OrderBy(a => a.Value.ToString("N"), StringComparer.Ordinal).ToArray();
            Task<PostResult> first;
            Task<PostResult[]> both;
            await using (var other = await Holder.OfAsync(portal, accounts[2]))
            {
                await using (await Holder.OfAsync(portal, accounts[0]))
                {
                    // The writer waits here, so that the next two go into one batch.
                    first = portal.Ledger.PostAsync(new TakeOperation(accounts[0], "first", 1m));
                    await portal.WriterWaitsAsync();
                    both = portal.Ledger.PostAllAsync([new TakeOperation(accounts[1], "a", 1m), new TakeOperation(accounts[2], "b", 1m)]);
                }

                await first;
                // It has locked the one and waits for the other, whose holder now wants the one.
                await portal.WriterWaitsAsync();
                await other.LockAsync(accounts[1]);
            }

            Assert.All(await both, result => Assert.IsType<PostResult.Posted>(result));
            Assert.All(await Task.WhenAll(accounts.Select(a => portal.BalanceAsync(a))), balance => Assert.Equal(99m, balance));
            await IsWholeAsync(accounts);
        }
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_found_and_answered_as_the_first()
    {
        var api = portal.Api();
        var account = Gating.Api.NewAccount();
        await api.GetReplyAsync($"accounts/{account}/wallets");
        var lost = portal.Wire.Lost;

        portal.Wire.LoseCommits(1);
        var reply = await api.ChargeAsync(account, Message, "lost-once");
        var again = await api.ChargeAsync(account, Message, "lost-once");

        Assert.Equal(lost + 1, portal.Wire.Lost);
        Assert.Equal(HttpStatusCode.Created, reply.Status);
        Assert.False(reply.IsReplay);
        Assert.True(again.IsReplay);
        Assert.Equal(reply.Text, again.Text);
        Assert.Equal(9m, await Gating.Api.BalanceAsync(portal, account, "messages"));
        Assert.Equal(1, await portal.CountAsync("charges", account));
    }

    [Fact]
    public async Task A_batch_whose_answers_were_lost_twice_is_503_for_all_and_each_key_finds_what_happened()
    {
        var accounts = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => portal.AccountAsync(credits: 100)));
        TakeOperation[] Operations() => [.. Enumerable.Range(0, 20).Select(i => new TakeOperation(accounts[i % 5], $"lost-{i}", 1m))];

        portal.Wire.LoseCommits(2);
        var unknown = await portal.Ledger.PostAllAsync(Operations());
        portal.Wire.LoseCommits(0);
        var found = await portal.Ledger.PostAllAsync(Operations());

        Assert.Contains(unknown, result => result is PostResult.Refused { Refusal.Code.Status: 503 });
        Assert.All(found, result => Assert.IsType<PostResult.Posted>(result));
        Assert.Contains(found, result => result is PostResult.Posted { Replayed: true });
        Assert.All(await Task.WhenAll(accounts.Select(a => portal.BalanceAsync(a))), balance => Assert.Equal(96m, balance));
        await IsWholeAsync(accounts);
    }

    [Fact]
    public async Task A_full_queue_answers_503_with_retry_after_and_what_waits_is_still_served()
    {
        var api = portal.Api();
        var account = await api.AccountWithAsync(100_000);
        var id = new AccountId(await portal.ScalarAsync<Guid>("select account_id from accounts where external_id = $1", account));
        string Body(int number) => $$"""{"charges":[{{string.Join(',', Enumerable.Range(0, 1_000).Select(i => $$"""{"account":"{{account}}","unit":"credit","amount":1,"idempotency_key":"full-{{number}}-{{i}}"}"""))}}]}""";
        List<Task<Reply>> batches;
        Reply? refused = null;
        await using (await Holder.OfAsync(portal, id))
        {
            batches = [.. Enumerable.Range(0, 10).Select(number => api.PostAsync("charges/batch", Body(number)))];
            List<Task<Reply>> singles = [];
            for (var wait = Stopwatch.StartNew(); refused is null && wait.Elapsed < TimeSpan.FromSeconds(90); await Task.Delay(100))
            {
                singles.Add(api.ChargeAsync(account, """ "unit":"credit","amount":1 """));
                if (singles.Count % 20 == 0)
                {
                    // Ten fill the queue. Where they are slow to come in, the first were given up by then, and more are needed.
                    batches.Add(api.PostAsync("charges/batch", Body(batches.Count)));
                }

                refused = singles.Where(one => one.IsCompletedSuccessfully).Select(one => one.Result).FirstOrDefault(reply => reply.ErrorCode == "OVERLOADED");
            }
        }

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused?.Status);
        Assert.True(refused!.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        var statuses = (await Task.WhenAll(batches)).SelectMany(batch => batch.Json.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("status").GetInt32())).CountBy(status => status).ToDictionary();
        Assert.Equal([201, 503], statuses.Keys.Order());
        Assert.Equal(1_000 * batches.Count, statuses.Values.Sum());
        await IsWholeAsync(id);
    }

    /// <summary>The usual ledger with its writer on a wire that can be cut, and with ears for what it logs.</summary>
    public sealed class WiredLedger : LedgerFixture
    {
        private readonly ConcurrentQueue<string> said = new();

        internal DatabaseWire Wire { get; private set; } = null!;

        protected override void Configure(IDictionary<string, string?> settings)
        {
            base.Configure(settings);
            var database = new NpgsqlConnectionStringBuilder(settings["ConnectionStrings:Billing"]);
            Wire ??= new(database.Host!);
            database.Host = Wire.Folder;
            settings["ConnectionStrings:Billing"] = database.ConnectionString;
            settings["Jobs:Enabled"] = "false"; // theirs are commits too, and would be lost instead
        }

        protected override void ConfigureServices(IServiceCollection services) => services.AddSingleton<ILoggerProvider>(new Ears(said));

        public bool Heard(string word) => said.Any(line => line.Contains(word, StringComparison.Ordinal));

        public async Task HeardAsync(string word)
        {
            var from = said.Count;
            for (var wait = Stopwatch.StartNew(); !said.Skip(from).Any(line => line.Contains(word, StringComparison.Ordinal)); await Task.Delay(20))
            {
                Assert.True(wait.Elapsed < TimeSpan.FromSeconds(30), $"The writer never spoke of {word}.");
            }
        }

        /// <summary>Until the writer's transaction waits for somebody's lock.</summary>
        public async Task WriterWaitsAsync()
        {
            for (var wait = Stopwatch.StartNew();
                await ScalarAsync<long>("select count(*) from pg_stat_activity where datname = current_database() and usename = 'billing_app' and wait_event_type = 'Lock'") == 0;
                await Task.Delay(20))
            {
                Assert.True(wait.Elapsed < TimeSpan.FromSeconds(30), "The writer waits for nothing.");
            }
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            await Wire.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_session_that_falls_silent_in_the_middle_of_a_request_is_ended_and_charges_go_on()
    {
        var account = await portal.AccountAsync(credits: 100);
        // It waits for the rest of what it was promised, as that of an instance frozen while it was sending.
        await using var silent = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(portal.AppConnection) { Pooling = false, Options = "-c idle_in_transaction_session_timeout=5s" }.ConnectionString);
        await silent.OpenAsync();
        await using (var begin = new NpgsqlCommand($"set role {DatabaseRoles.Writer}; begin; select from ledger_heads where account_id = '{account.Value}' for no key update; reset role", silent))
        {
            await begin.ExecuteNonQueryAsync();
        }

        await using var half = await silent.BeginTextImportAsync("copy job_runs (name) from stdin");

        var posted = await portal.Ledger.PostAsync(new TakeOperation(account, "after silence", 1m));

        Assert.IsType<PostResult.Posted>(posted);
        Assert.Equal(99m, await portal.BalanceAsync(account));
        await IsWholeAsync(account);
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
        {
            await half.WriteAsync("it is over");
            await half.DisposeAsync();
        });
    }

    /// <summary>Somebody else's transaction that holds heads of accounts until it is disposed.</summary>
    private sealed class Holder(NpgsqlConnection connection) : IAsyncDisposable
    {
        public static async Task<Holder> OfAsync(PortalFixture portal, AccountId account)
        {
            var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(portal.SuperuserConnection) { Pooling = false, CommandTimeout = 120 }.ConnectionString);
            await connection.OpenAsync();
            var holder = new Holder(connection);
            // It never looks for deadlocks itself, so that it is never the victim.
            await holder.ExecuteAsync("set deadlock_timeout = '10min'");
            await holder.ExecuteAsync("begin");
            await holder.LockAsync(account);
            return holder;
        }

        public Task LockAsync(AccountId account) => ExecuteAsync($"select from ledger_heads where account_id = '{account.Value}' for update");

        private async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }

    /// <summary>A debit whose details are not what the column takes.</summary>
    private sealed class PoisonOperation(AccountId account, string key, string details) : Operation(account, Origin.Api, key)
    {
        public override string Kind => "take";
        public override string? Details => details;
        public override byte[] BodyHash => new byte[32];

        public override Refusal? Decide(AccountState state) => state.DebitAboveFloor(Unit.Credit, Amount.Of(1m), Book.Adjustment, TransferKind.Adjustment);
    }

    private sealed class Ears(ConcurrentQueue<string> said) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => said.Enqueue(formatter(state, exception));
        public void Dispose()
        {
        }
    }
}
