using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>What became of an operation: taken (now or earlier, under the same key), or refused without a trace.</summary>
public abstract record PostResult
{
    private PostResult() { }

    public T Match<T>(Func<Posted, T> posted, Func<Refusal, T> refused) => this switch
    {
        Posted taken => posted(taken),
        Refused no => refused(no.Refusal),
        _ => throw new InvalidOperationException("A post result is posted or refused."),
    };

    /// <param name="OperationId">The operation that took effect: on a replay the first one's, not the one just sent.</param>
    /// <param name="At">The account's own clock when it took effect.</param>
    /// <param name="Transfers">The rows that the operation appended, oldest first.</param>
    /// <param name="Replayed">True when the same key and body had been taken before; nothing moved this time.</param>
    public sealed record Posted(Guid OperationId, DateTimeOffset At, IReadOnlyList<Transfer> Transfers, bool Replayed) : PostResult
    {
        /// <summary>The charge made, where the operation made one.</summary>
        public Charge? Charge { get; init; }
        /// <summary>The refund made, where the operation made one.</summary>
        public ChargeRefund? Refund { get; init; }

        /// <summary>The hold as the operation left it, where it changed one.</summary>
        public HoldChange? Hold { get; init; }

        /// <summary>Balances after the operation, of the units that it moved.</summary>
        public IReadOnlyDictionary<Unit, Amount> Balances
        {
            get
            {
                var balances = new Dictionary<Unit, Amount>();
                foreach (var transfer in Transfers)
                {
                    balances[transfer.Unit] = transfer.BalanceAfter;
                }

                return balances;
            }
        }
    }

    public sealed record Refused(Refusal Refusal) : PostResult;
}
