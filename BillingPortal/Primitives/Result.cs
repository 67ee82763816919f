using System.Diagnostics.CodeAnalysis;

namespace BillingPortal.Primitives;

/// <summary>What became of a wish: what was asked for, or the refusal, with nothing done. Closed: one of the two, never both.</summary>
public readonly struct Result<T>
    where T : class
{
    private readonly T? value;
    private readonly Refusal? refusal;

    private Result(T? value, Refusal? refusal) => (this.value, this.refusal) = (value, refusal);

    public static implicit operator Result<T>(T value) => new(value, null);
    public static implicit operator Result<T>(Refusal refusal) => new(null, refusal);

    public TOut Match<TOut>(Func<T, TOut> done, Func<Refusal, TOut> refused) => value is not null ? done(value) : refused(refusal!);

    /// <returns>True with the value; false with the refusal.</returns>
    public bool TryGet([NotNullWhen(true)] out T? done, [NotNullWhen(false)] out Refusal? refused)
    {
        done = value;
        refused = refusal;
        return done is not null;
    }
}
