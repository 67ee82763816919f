using System.Security.Cryptography;
using BillingPortal.Catalog;
using BillingPortal.Primitives;
using Npgsql;

namespace BillingPortal.Ledger;

/// <summary>Some operations, decided together in one transaction: lock and read, decide, write. The writer's batches and a caller's own transaction alike.</summary>
/// <param name="operations">In the order in which they came; order is kept within an account.</param>
/// <param name="mayLackHead">Whether an account may have no head row yet.</param>
/// <param name="clock">The time to go by; null: the database's own.</param>
internal sealed class Batch(IReadOnlyList<Operation> operations, CatalogDocument catalog, Func<AccountId, bool> mayLackHead, DateTimeOffset? clock)
{
    private readonly PostResult[] results = new PostResult[operations.Count];
    private readonly Dictionary<OperationName, Taken> taken = [];
    private readonly List<RecordedOperation> recorded = new(operations.Count);
    private readonly List<OperationDetails> details = [];
    private readonly List<(int Index, RecordedOperation Operation)> replays = [];
    private Dictionary<int, Exception>? errors;
    private Dictionary<AccountId, AccountState> states = [];
    private Dictionary<OperationName, RecordedOperation> earlier = [];
    private Dictionary<Guid, (Charge Charge, List<ChargeRefund> Refunds, List<Grant> Grants)> charges = [];

    /// <summary>One for each operation, in their order; valid once the transaction has committed.</summary>
    public IReadOnlyList<PostResult> Results => results;

    /// <summary>The exception of an operation whose rule broke; null: none.</summary>
    public Exception? ErrorOf(int index) => errors?.GetValueOrDefault(index);

    /// <summary>Accounts whose rows this batch changes.</summary>
    public IEnumerable<AccountState> Changed => states.Values.Where(s => s.IsTouched);

    public IReadOnlyCollection<AccountId> Accounts => states.Keys;

    /// <summary>Locks and reads, in one round trip in the usual case.</summary>
    /// <param name="begin">Whether the transaction is to be opened with it.</param>
    public async Task ReadAsync(NpgsqlConnection connection, bool begin, CancellationToken ct)
    {
        await using (var batch = new NpgsqlBatch(connection))
        {
            if (begin)
            {
                batch.Add("begin");
            }

            var accounts = operations.Select(o => o.Account.Value).Distinct().Order().ToArray();
            BatchReading.AddCommands(batch, accounts, Array.FindAll(accounts, id => mayLackHead(new(id))), operations, catalog, clock);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            states = await BatchReading.ReadAccountsAsync(reader, catalog, clock, ct);
            await reader.NextResultAsync(ct);
            earlier = await BatchReading.ReadOperationsAsync(reader, ct);
            if (await reader.NextResultAsync(ct))
            {
                await HoldReading.ReadAsync(reader, states, ct);
            }
        }

        if (operations.Any(o => o.ChargeToLoad is not null))
        {
            charges = await ChargeReading.ForRefundsAsync(connection, operations, ct);
        }

        await ReadBudgetsAsync(connection, ct);
        await ReadLevelsAsync(connection, ct);
        await ReadZonesAsync(connection, ct);
    }

    private async Task ReadBudgetsAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        List<AccountState>? concerned = null;
        foreach (var state in states.Values)
        {
            if (state.Head.HasBudgets)
            {
                (concerned ??= []).Add(state);
            }
        }

        foreach (var operation in operations)
        {
            if (operation.NeedsBudgets && concerned?.Contains(states[operation.Account]) != true)
            {
                (concerned ??= []).Add(states[operation.Account]);
            }
        }

        if (concerned is not null)
        {
            // A hold that is captured when its time is over spends as well.
            var holders = concerned.SelectMany(state => state.OpenHolds.Select(hold => (state.Account, hold.Spender)));
            await BudgetReading.ReadAsync(connection, concerned, [.. operations.Select(o => (o.Account, SpenderOf(o))), .. holders], ct);
        }
    }

    private async Task ReadLevelsAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        List<AccountState>? concerned = null;
        foreach (var state in states.Values)
        {
            if (state.Head.HasLevels && (state.IsDue || operations.Any(o => o.NeedsLevels && o.Account == state.Account)))
            {
                (concerned ??= []).Add(state);
            }
        }

        if (concerned is not null)
        {
            await LevelReading.ReadAsync(connection, concerned, ct);
        }
    }

    private async Task ReadZonesAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        List<AccountState>? concerned = null;
        foreach (var state in states.Values)
        {
            if (ZoneReading.IsNeeded(state))
            {
                (concerned ??= []).Add(state);
            }
        }

        foreach (var operation in operations)
        {
            if (operation.MayChangePlan && concerned?.Contains(states[operation.Account]) != true)
            {
                (concerned ??= []).Add(states[operation.Account]);
            }
        }

        if (concerned is not null)
        {
            await ZoneReading.ReadAsync(connection, concerned, ct);
        }
    }

    private Spender SpenderOf(Operation operation) =>
        operation.ChargeToLoad is { } id && charges.TryGetValue(id, out var loaded) ? new(loaded.Charge.Member, loaded.Charge.Agent, loaded.Charge.Run) : operation.Spender;

    /// <summary>Decides every operation on the locked state. Pure.</summary>
    public void Decide()
    {
        foreach (var state in states.Values)
        {
            state.Begin(Guid.CreateVersion7(), null, isCharge: false);
            state.Advance();
        }

        for (var i = 0; i < operations.Count; i++)
        {
            try
            {
                results[i] = Decide(i, operations[i]);
            }
            catch (Exception error)
            {
                // A bug in one operation's rule is its own caller's trouble, not that of everybody who waits beside it.
                states[operations[i].Account].RollBack();
                (errors ??= [])[i] = error;
            }
        }
    }

    /// <summary>Writes what was decided and reads back what repeats have to answer.</summary>
    /// <param name="commit">Whether the transaction is to be closed with it.</param>
    public async Task WriteAsync(NpgsqlConnection connection, bool commit, CancellationToken ct)
    {
        await AnswerReplaysAsync(connection, ct);
        await using var batch = new NpgsqlBatch(connection);
        AccountState[] changed = [.. Changed];
        BatchWriting.AddCommands(batch, changed, recorded, details);
        if (commit)
        {
            batch.Add("commit");
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(ct);
        }
    }

    private PostResult Decide(int index, Operation operation)
    {
        var state = states[operation.Account];
        var name = new OperationName(operation.Account, operation.Origin, operation.Key);
        if (operation.IsRecorded)
        {
            if (earlier.TryGetValue(name, out var before))
            {
                return Repeat(index, operation, before);
            }

            if (taken.TryGetValue(name, out var now))
            {
                return now.BodyHash.AsSpan().SequenceEqual(operation.BodyHash) ? now.Result with { Replayed = true } : Conflict(operation);
            }
        }

        Load(state, operation);
        var (salt, digest) = Digest(operation);
        state.Begin(operation.Id, digest, operation.IsCharge);
        var refusal = operation.Decide(state) ?? state.OutOfRange;
        if (refusal is not null)
        {
            state.RollBack();
            return new PostResult.Refused(refusal);
        }

        var transfers = state.TransfersSinceBegin();
        var posted = new PostResult.Posted(operation.Id, state.Now, transfers, Replayed: false) { Charge = state.ChargeSinceBegin, Refund = state.RefundSinceBegin, Hold = state.HoldChangeSinceBegin };
        if (operation.IsRecorded)
        {
            Record(operation, name, posted, salt);
        }

        return posted;
    }

    private void Record(Operation operation, OperationName name, PostResult.Posted posted, byte[]? salt)
    {
        var hash = operation.BodyHash;
        taken.Add(name, new(hash, posted));
        recorded.Add(new()
        {
            AccountId = operation.Account,
            Origin = operation.Origin,
            Key = operation.Key,
            Id = operation.Id,
            Kind = operation.Kind,
            BodyHash = hash,
            Moved = MovedText.Of(posted.Transfers),
            CreatedAt = posted.At,
        });
        if (salt is not null)
        {
            details.Add(new() { AccountId = operation.Account, OperationId = operation.Id, Salt = salt, Details = operation.Details! });
        }
    }

    private PostResult Repeat(int index, Operation operation, RecordedOperation before)
    {
        if (!before.BodyHash.AsSpan().SequenceEqual(operation.BodyHash))
        {
            return Conflict(operation);
        }

        replays.Add((index, before));
        return new PostResult.Posted(before.Id, before.CreatedAt, [], Replayed: true);
    }

    private static PostResult.Refused Conflict(Operation operation) =>
        new(new Refusal(ErrorCode.IdempotencyConflict, $"The idempotency key '{operation.Key}' was used for another request on this account. Nothing was done; send a new key."));

    private void Load(AccountState state, Operation operation)
    {
        state.LoadedCharge = null;
        state.LoadedRefunds = [];
        if (operation.ChargeToLoad is not { } id || !charges.TryGetValue(id, out var loaded) || loaded.Charge.AccountId != state.Account)
        {
            return;
        }

        state.LoadedCharge = loaded.Charge;
        // Refunds of the same charge earlier in this batch count as well.
        state.LoadedRefunds = [.. loaded.Refunds, .. state.PendingRefunds.Where(r => r.ChargeId == id)];
        loaded.Grants.ForEach(state.Add);
    }

    private static (byte[]? Salt, byte[]? Digest) Digest(Operation operation)
    {
        if (operation.Details is not { } text)
        {
            return (null, null);
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        return (salt, HashChain.DetailsDigest(salt, text));
    }

    private async Task AnswerReplaysAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        if (replays.Count == 0)
        {
            return;
        }

        var rows = await ReplayReading.ReadAsync(connection, [.. replays.Select(r => (r.Operation, operations[r.Index].HoldToLoad)).DistinctBy(r => r.Operation.Id)], ct);
        foreach (var (index, operation) in replays)
        {
            // After a lost COMMIT the same operation comes again and finds itself: that is its first answer, not a repeat.
            results[index] = rows[operation.Id] with { Replayed = operation.Id != operations[index].Id };
        }
    }

    private readonly record struct Taken(byte[] BodyHash, PostResult.Posted Result);
}

/// <summary>How an operation's row names the transfers that it appended: <c>credit:12 messages:7</c>.</summary>
internal static class MovedText
{
    public static string Of(IReadOnlyList<Transfer> transfers) => transfers.Count switch
    {
        0 => "",
        1 => $"{transfers[0].Unit.Code}:{transfers[0].Seq}",
        _ => string.Join(' ', transfers.Select(t => $"{t.Unit.Code}:{t.Seq}")),
    };

    public static IEnumerable<(string Unit, long Seq)> Parse(string text) =>
        from part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        let colon = part.IndexOf(':', StringComparison.Ordinal)
        select (part[..colon], long.Parse(part.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture));
}
