namespace BillingPortal.Ledger;

/// <summary>How far a verification has come.</summary>
/// <param name="Rows">Rows read until now: transfers, and what stands beside them.</param>
/// <param name="Percent">0 to 99 while it runs: an estimate, since rows are added meanwhile; 100 at the end.</param>
public readonly record struct VerificationProgress(long Rows, int Percent);

/// <summary>Counts what was read and tells when another hundredth is done.</summary>
internal sealed class ProgressCount(long total, IProgress<VerificationProgress>? listener)
{
    private long rows;
    private int told = -1;

    public void Add(long read)
    {
        rows += read;
        Tell(total == 0 ? 99 : (int)Math.Min(99, 100 * rows / total));
    }

    public void Finish() => Tell(100);

    private void Tell(int percent)
    {
        if (percent > told)
        {
            told = percent;
            listener?.Report(new(rows, percent));
        }
    }
}
