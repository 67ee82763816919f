using FsCheck;
using Microsoft.FSharp.Core;

namespace BillingPortal.Tests.Testing;

/// <summary>Whether the long form was asked for: <c>./dev test --long</c>.</summary>
internal static class LongForm
{
    public static readonly bool IsAsked = Environment.GetEnvironmentVariable("BILLING_LONG") is "1" or "true";

    /// <summary>How many random histories a property is tried on.</summary>
    public static readonly int Histories = IsAsked ? 10_000 : 500;

    /// <summary>Where chance begins: at the same place each time in the short form, at another in the long one. A failure tells it, and BILLING_SEED goes back there.</summary>
    public static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("BILLING_SEED"), out var given) ? given : IsAsked ? Random.Shared.Next(1_000_000) : 1;

    /// <summary>How a property is tried.</summary>
    public static Config Properties =>
        Config.QuickThrowOnFailure.WithName($"BILLING_SEED={Seed}").WithMaxTest(Histories).WithReplay(FSharpOption<Replay>.Some(new(new Rnd((ulong)Seed), FSharpOption<int>.None)));
}
