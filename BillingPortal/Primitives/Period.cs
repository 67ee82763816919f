namespace BillingPortal.Primitives;

/// <summary>A half-open stretch of time in UTC: <see cref="Start"/> belongs to it, <see cref="End"/> does not.</summary>
public readonly record struct Period(DateTimeOffset Start, DateTimeOffset End)
{
    public bool Contains(DateTimeOffset instant) => instant >= Start && instant < End;

    /// <summary>The monthly period around an instant, anchored and clamped to the month's end: anchored on the 31st, February's border is the 28th or 29th, March's the 31st again.</summary>
    /// <param name="anchor">A border; the others fall on its day and time of day, in UTC. May lie ahead, as a trial's end does: the borders before it are counted from it too.</param>
    /// <param name="instant">Any instant.</param>
    public static Period Monthly(DateTimeOffset anchor, DateTimeOffset instant)
    {
        anchor = anchor.ToUniversalTime();
        instant = instant.ToUniversalTime();
        var months = ((instant.Year - anchor.Year) * 12) + instant.Month - anchor.Month;
        if (anchor.AddMonths(months) > instant)
        {
            months--;
        }

        // AddMonths clamps to the last day of a short month, always counted from the anchor itself.
        return new(anchor.AddMonths(months), anchor.AddMonths(months + 1));
    }
}
