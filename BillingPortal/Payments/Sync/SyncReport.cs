using System.Text.Json.Serialization;

namespace BillingPortal.Payments.Sync;

public enum SyncAct
{
    /// <summary>Stripe has it as the catalog wants it.</summary>
    InOrder,
    Create,
    Update,
    /// <summary>It cannot be changed at Stripe: a new one takes its place.</summary>
    Replace,
    /// <summary>A person must do something first.</summary>
    Blocked,
    /// <summary>Stripe did not do it.</summary>
    Failed,
}

/// <summary>One thing that Stripe must have.</summary>
/// <param name="What">e.g. <c>price pro_month_usd</c>.</param>
/// <param name="Detail">What is missing or different, or why nothing can be done.</param>
public sealed record SyncStep(string What, SyncAct Act, string Detail)
{
    [JsonIgnore]
    public bool IsChange => Act is SyncAct.Create or SyncAct.Update or SyncAct.Replace;
}

/// <summary>The difference between the catalog and Stripe, and what was done about it.</summary>
/// <param name="DryRun">True: nothing was done.</param>
/// <param name="Changes">How many things were, or would be, made or changed.</param>
public sealed record SyncReport(bool DryRun, int Changes, IReadOnlyList<SyncStep> Steps)
{
    /// <summary>False when something is left that a person must look at.</summary>
    public bool Ok => !Steps.Any(s => s.Act is SyncAct.Blocked or SyncAct.Failed);
}
