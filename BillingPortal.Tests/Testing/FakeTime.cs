namespace BillingPortal.Tests.Testing;

/// <summary>A clock that runs like the real one and can be moved, or stopped for exact equality. Timers stay real.</summary>
public sealed class FakeTime : TimeProvider
{
    private readonly Lock change = new();
    private TimeSpan offset;
    private DateTimeOffset? frozen;

    public override DateTimeOffset GetUtcNow()
    {
        lock (change)
        {
            return frozen ?? DateTimeOffset.UtcNow + offset;
        }
    }

    public void Advance(TimeSpan by)
    {
        lock (change)
        {
            offset += by;
            frozen += by;
        }
    }

    /// <summary>Sets the clock; it runs on from there unless it is stopped.</summary>
    public void Set(DateTimeOffset now)
    {
        lock (change)
        {
            offset = now - DateTimeOffset.UtcNow;
            frozen = frozen is null ? null : now;
        }
    }

    /// <summary>Goes on to noon in the middle of a month, far from every border of the calendar.</summary>
    public void AwayFromBorders()
    {
        var now = GetUtcNow();
        var noon = new DateTimeOffset(now.Year, now.Month, 15, 12, 0, 0, TimeSpan.Zero);
        Set(noon > now ? noon : noon.AddMonths(1));
    }

    /// <summary>Stops the clock, at an instant or where it stands.</summary>
    public void Freeze(DateTimeOffset? at = null)
    {
        var now = at ?? GetUtcNow();
        lock (change)
        {
            frozen = now;
        }
    }
}
