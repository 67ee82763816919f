using System.Diagnostics.CodeAnalysis;
using BillingPortal.Primitives;

namespace BillingPortal.Rating;

/// <summary>A rated charge, or the refusal to rate it. Closed: one of the two, never both.</summary>
public readonly struct RatingResult
{
    private readonly RatedCharge? rated;
    private readonly Refusal? refusal;

    private RatingResult(RatedCharge? rated, Refusal? refusal) => (this.rated, this.refusal) = (rated, refusal);

    public static implicit operator RatingResult(RatedCharge rated) => new(rated, null);
    public static implicit operator RatingResult(Refusal refusal) => new(null, refusal);

    public T Match<T>(Func<RatedCharge, T> whenRated, Func<Refusal, T> whenRefused) => rated is not null ? whenRated(rated) : whenRefused(refusal!);

    /// <summary>The same without delegates, for the hot path.</summary>
    public bool IsRated([NotNullWhen(true)] out RatedCharge? charge, [NotNullWhen(false)] out Refusal? refused)
    {
        charge = rated;
        refused = refusal;
        return rated is not null;
    }
}
