using System.Net;
using System.Threading.RateLimiting;
using BillingPortal.Primitives;

namespace BillingPortal.Access;

/// <summary>How often a key, an account and an address may ask. Generous by default: they are there against loops and guessing, not to sell speed. 0 turns one off.</summary>
/// <remarks><c>RateLimits:KeyPerSecond</c> 50,000, <c>:AccountPerSecond</c> 50,000, <c>:AddressPerMinute</c> 6,000 for whoever brings no credential, <c>:SignInPerMinute</c> 60 attempts for an address.</remarks>
public sealed class RateLimits(IConfiguration configuration) : IDisposable
{
    private readonly PartitionedRateLimiter<Guid>? keys = Of<Guid>(configuration.GetValue("RateLimits:KeyPerSecond", 50_000), TimeSpan.FromSeconds(1));
    private readonly PartitionedRateLimiter<Guid>? accounts = Of<Guid>(configuration.GetValue("RateLimits:AccountPerSecond", 50_000), TimeSpan.FromSeconds(1));
    private readonly PartitionedRateLimiter<IPAddress>? addresses = Of<IPAddress>(configuration.GetValue("RateLimits:AddressPerMinute", 6_000), TimeSpan.FromMinutes(1));
    private readonly PartitionedRateLimiter<IPAddress>? signIns = Of<IPAddress>(configuration.GetValue("RateLimits:SignInPerMinute", 60), TimeSpan.FromMinutes(1));

    public bool AllowsKey(Guid key) => Allows(keys, key);
    public bool AllowsAccount(AccountId account) => Allows(accounts, account.Value);
    public bool AllowsAddress(IPAddress? address) => Allows(addresses, Network(address));
    public bool AllowsSignIn(IPAddress? address) => Allows(signIns, Network(address));

    public void Dispose()
    {
        keys?.Dispose();
        accounts?.Dispose();
        addresses?.Dispose();
        signIns?.Dispose();
    }

    private static bool Allows<T>(PartitionedRateLimiter<T>? limiter, T who)
    {
        if (limiter is null)
        {
            return true;
        }

        using var lease = limiter.AttemptAcquire(who);
        return lease.IsAcquired;
    }

    private static PartitionedRateLimiter<T>? Of<T>(int permits, TimeSpan window) where T : notnull => permits <= 0 ? null
        : PartitionedRateLimiter.Create<T, T>(who => RateLimitPartition.GetFixedWindowLimiter(who, _ => new() { PermitLimit = permits, Window = window, QueueLimit = 0 }));

    // One holder of an IPv6 network has 2^64 addresses; they count as one.
    private static IPAddress Network(IPAddress? address)
    {
        if (address is null)
        {
            return IPAddress.None;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        Array.Clear(bytes, 8, 8);
        return new(bytes);
    }
}
