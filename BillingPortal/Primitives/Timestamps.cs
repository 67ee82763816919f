namespace BillingPortal.Primitives;

/// <summary>Instants are UTC with the microseconds that PostgreSQL keeps, so that what is hashed is what is read back.</summary>
public static class Timestamps
{
    public static DateTimeOffset ToMicroseconds(this DateTimeOffset instant)
    {
        var utc = instant.ToUniversalTime();
        return utc.AddTicks(-(utc.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>Now, UTC, in whole microseconds.</summary>
    public static DateTimeOffset Now(this TimeProvider time) => time.GetUtcNow().ToMicroseconds();
}
