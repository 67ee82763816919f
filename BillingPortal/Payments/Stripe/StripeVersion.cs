namespace BillingPortal.Payments.Stripe;

/// <summary>The API version that every request pins and every webhook is checked against.</summary>
public static class StripeVersion
{
    public const string Pinned = "2026-10-28.endive";

    /// <summary>The release train: what stands after the dot. Versions of one train differ only by additions.</summary>
    public static string TrainOf(string version) => version[(version.IndexOf('.', StringComparison.Ordinal) + 1)..];

    /// <summary>True when objects of that version have the shapes this client reads.</summary>
    public static bool IsCompatible(string? version) => version is not null && TrainOf(version) == TrainOf(Pinned);
}
