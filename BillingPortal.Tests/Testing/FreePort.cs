using System.Net;
using System.Net.Sockets;

namespace BillingPortal.Tests.Testing;

/// <summary>Ports to listen on, each handed out once in a run.</summary>
internal static class FreePort
{
    // Below those that the system lends to outgoing connections: such a one could take the port before it is listened on, or while its instance is down.
    private const int Lowest = 20_000, Highest = 32_000;

    private static readonly HashSet<int> drawn = [];

    public static int Draw()
    {
        while (true)
        {
            var port = Random.Shared.Next(Lowest, Highest);
            lock (drawn)
            {
                if (drawn.Add(port) && IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
