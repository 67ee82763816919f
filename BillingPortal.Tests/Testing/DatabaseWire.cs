using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace BillingPortal.Tests.Testing;

/// <summary>A socket between the application and PostgreSQL, on which a test can lose an answer or change what is asked. The application is none the wiser.</summary>
internal sealed class DatabaseWire : IAsyncDisposable
{
    // How the server says that a COMMIT is done: type, length, tag.
    private static readonly byte[] Committed = [(byte)'C', 0, 0, 0, 11, .. "COMMIT\0"u8];
    private static readonly byte[] WriterRole = Encoding.ASCII.GetBytes("set role billing_writer");

    private readonly UnixDomainSocketEndPoint server;
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentDictionary<Socket, byte> open = new();
    private readonly Task accepting;
    private byte[]? blanked;
    private int toLose;
    private int lost;
    private int blanks;

    /// <param name="serverFolder">Where the server's socket is.</param>
    public DatabaseWire(string serverFolder)
    {
        server = new(Path.Combine(serverFolder, ".s.PGSQL.5432"));
        Folder = Path.Combine(Path.GetTempPath(), "wire-" + RandomNumberGenerator.GetHexString(8));
        Directory.CreateDirectory(Folder);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(Folder, ".s.PGSQL.5432")));
        listener.Listen(200);
        accepting = AcceptAsync();
    }

    /// <summary>To be named as Host.</summary>
    public string Folder { get; }
    /// <summary>How many commits took effect and were never told.</summary>
    public int Lost => Volatile.Read(ref lost);
    /// <summary>How many times <see cref="Blank"/> took something out.</summary>
    public int Blanks => Volatile.Read(ref blanks);

    /// <summary>The ledger's writer will not hear of its next commits: they take effect, and the connection is cut before the answer.</summary>
    public void LoseCommits(int count) => Volatile.Write(ref toLose, count);

    /// <summary>From now on this piece of SQL reaches the server as blanks; connections end, since they may have prepared it already.</summary>
    public void Blank(string sql)
    {
        Volatile.Write(ref blanked, Encoding.ASCII.GetBytes(sql));
        foreach (var connection in open.Keys)
        {
            connection.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = Task.Run(() => ServeAsync(client));
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var application = client;
        using var database = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        open.TryAdd(database, 0);
        try
        {
            await database.ConnectAsync(server);
            var isWriter = false;
            var asking = PumpAsync(application, database, bytes =>
            {
                isWriter = isWriter || bytes.IndexOf(WriterRole) >= 0;
                TakeOut(bytes);
                return true;
            });
            var answering = PumpAsync(database, application, bytes => !(isWriter && bytes.IndexOf(Committed) >= 0 && IsToBeLost()));
            await Task.WhenAny(asking, answering);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Either end may go at any time; both go then.
        }
        finally
        {
            open.TryRemove(database, out _);
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, Func<Span<byte>, bool> passes)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReceiveAsync(buffer) is > 0 and var read && passes(buffer.AsSpan(0, read)))
        {
            for (var sent = 0; sent < read;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }
        }
    }

    private void TakeOut(Span<byte> bytes)
    {
        if (Volatile.Read(ref blanked) is not { } piece)
        {
            return;
        }

        while (bytes.IndexOf(piece) is >= 0 and var at)
        {
            bytes.Slice(at, piece.Length).Fill((byte)' ');
            Interlocked.Increment(ref blanks);
        }
    }

    private bool IsToBeLost()
    {
        if (Interlocked.Decrement(ref toLose) < 0)
        {
            Interlocked.Increment(ref toLose);
            return false;
        }

        Interlocked.Increment(ref lost);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        await accepting;
        Directory.Delete(Folder, recursive: true);
    }
}
