using System.Threading.Channels;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>An operation and who waits for its answer.</summary>
internal sealed class QueuedOperation(Operation operation)
{
    // Continuations run elsewhere: the writer never waits for what callers do with their answers.
    private readonly TaskCompletionSource<PostResult> done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Operation Operation { get; } = operation;
    public Task<PostResult> Answer => done.Task;

    public void Complete(PostResult result) => done.TrySetResult(result);
    public void Fail(Exception error) => done.TrySetException(error);
}

/// <summary>Operations wait by account; batches take from the accounts in turn, so that a busy one delays the others by one place and not by its whole queue.</summary>
/// <remarks>Bounded in all and by account. Order is kept within an account.</remarks>
internal sealed class LedgerQueue(int capacity = 32_768, int capacityPerAccount = 8_192)
{
    private readonly Lock gate = new();
    private readonly Dictionary<AccountId, Queue<QueuedOperation>> waiting = [];
    private readonly Queue<AccountId> turns = new();
    // One token is enough: whoever takes it looks at everything that waits.
    private readonly Channel<byte> arrived = Channel.CreateBounded<byte>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private int count;
    private bool isClosed;

    /// <returns>False when the queue is full or closed.</returns>
    public bool TryAdd(QueuedOperation item)
    {
        lock (gate)
        {
            if (isClosed || count >= capacity)
            {
                return false;
            }

            if (!waiting.TryGetValue(item.Operation.Account, out var queue))
            {
                waiting.Add(item.Operation.Account, queue = new());
                turns.Enqueue(item.Operation.Account);
            }
            else if (queue.Count >= capacityPerAccount)
            {
                return false;
            }

            queue.Enqueue(item);
            count++;
        }

        arrived.Writer.TryWrite(0);
        return true;
    }

    /// <summary>Takes what waits, at most so many, accounts in turn; waits when nothing does.</summary>
    /// <returns>Nothing once the queue is closed and drained.</returns>
    public async Task<List<QueuedOperation>> TakeAsync(int most)
    {
        while (true)
        {
            lock (gate)
            {
                if (count > 0)
                {
                    return Take(most);
                }

                if (isClosed)
                {
                    return [];
                }
            }

            await arrived.Reader.ReadAsync();
        }
    }

    /// <summary>Takes in nothing more; what waits is still served.</summary>
    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
        }

        arrived.Writer.TryWrite(0);
    }

    private List<QueuedOperation> Take(int most)
    {
        var taken = new List<QueuedOperation>(Math.Min(most, count));
        while (taken.Count < most && turns.TryDequeue(out var account))
        {
            var queue = waiting[account];
            taken.Add(queue.Dequeue());
            count--;
            if (queue.Count > 0)
            {
                turns.Enqueue(account);
            }
            else
            {
                waiting.Remove(account);
            }
        }

        return taken;
    }
}
