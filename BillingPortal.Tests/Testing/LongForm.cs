namespace BillingPortal.Tests.Testing;

/// <summary>Whether the long form was asked for: <c>./dev test --long</c>.</summary>
internal static class LongForm
{
    public static readonly bool IsAsked = Environment.GetEnvironmentVariable("BILLING_LONG") is "1" or "true";

    /// <summary>How many random histories a property is tried on.</summary>
    public static readonly int Histories = IsAsked ? 10_000 : 500;
}
