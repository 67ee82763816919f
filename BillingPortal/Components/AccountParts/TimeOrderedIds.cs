namespace BillingPortal.Components.AccountParts;

/// <summary>Ids are uuid v7: their first 48 bits are the millisecond they were made in. So a stretch of time is a range of ids.</summary>
public static class TimeOrderedIds
{
    /// <summary>The least id that could have been made at an instant; all made earlier are below it.</summary>
    public static Guid FirstAt(DateTimeOffset instant)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        var milliseconds = Math.Max(0, instant.ToUnixTimeMilliseconds());
        for (var i = 5; i >= 0; i--)
        {
            bytes[i] = (byte)milliseconds;
            milliseconds >>= 8;
        }

        return new(bytes, bigEndian: true);
    }
}
