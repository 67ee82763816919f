using System.Net;
using System.Net.Sockets;

namespace BillingPortal.Outbox;

/// <summary>Connects to public addresses only (QUALITY S10), unless <c>Webhooks:AllowPrivateAddresses</c> says otherwise: nobody reaches what stands beside the portal by naming it in a webhook.</summary>
internal sealed class PublicAddress(IConfiguration configuration)
{
    public bool AllowsPrivate => configuration.GetValue("Webhooks:AllowPrivateAddresses", defaultValue: false);

    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var found = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, ct);
        // The very address that was looked at is the one that is connected to.
        var address = found.FirstOrDefault(a => AllowsPrivate || IsPublic(a))
            ?? throw new HttpRequestException($"{context.DnsEndPoint.Host} has no public address. Nothing was sent.");
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, context.DnsEndPoint.Port), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>False for loopback, private, link-local, shared, documentation, multicast and reserved addresses, also where IPv6 carries them.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        return address.AddressFamily == AddressFamily.InterNetwork ? IsPublic4(bytes) : IsPublic6(bytes);
    }

    private static bool IsPublic4(ReadOnlySpan<byte> b) => !(b[0] is 0 or 10 or 127 or >= 224
        || (b[0] == 100 && b[1] is >= 64 and <= 127)
        || (b[0] == 169 && b[1] == 254)
        || (b[0] == 172 && b[1] is >= 16 and <= 31)
        || (b[0] == 192 && (b[1] == 168 || (b[1] == 0 && b[2] is 0 or 2) || (b[1] == 88 && b[2] == 99)))
        || (b[0] == 198 && (b[1] is 18 or 19 || (b[1] == 51 && b[2] == 100)))
        || (b[0] == 203 && b[1] == 0 && b[2] == 113));

    // Global unicast only, without what embeds an IPv4 address (6to4, Teredo) and documentation.
    private static bool IsPublic6(ReadOnlySpan<byte> b) => (b[0] & 0xE0) == 0x20
        && !(b[0] == 0x20 && b[1] == 0x02)
        && !(b[0] == 0x20 && b[1] == 0x01 && ((b[2] == 0 && b[3] == 0) || (b[2] == 0x0D && b[3] == 0xB8)))
        && !(b[0] == 0x3F && b[1] == 0xFF);
}
