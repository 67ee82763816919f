using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The order in which grants burn, and what a draw takes of them. Pure.</summary>
internal static class Posting
{
    /// <summary>Priority, then earliest expiry, then age.</summary>
    public static int CompareBurnOrder(Grant a, Grant b)
    {
        var byPriority = a.Priority.CompareTo(b.Priority);
        if (byPriority != 0)
        {
            return byPriority;
        }

        var byExpiry = (a.ExpiresAt ?? DateTimeOffset.MaxValue).CompareTo(b.ExpiresAt ?? DateTimeOffset.MaxValue);
        if (byExpiry != 0)
        {
            return byExpiry;
        }

        var byAge = a.CreatedAt.CompareTo(b.CreatedAt);
        return byAge != 0 ? byAge : a.Id.Value.CompareTo(b.Id.Value);
    }

    /// <summary>What can still be drawn of a grant: what is left and neither reserved nor expired.</summary>
    public static Amount Free(Grant grant, DateTimeOffset now) =>
        grant.ExpiresAt <= now ? Amount.Zero : grant.Remaining - grant.Reserved;
}
