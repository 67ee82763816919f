using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BillingPortal.Primitives;

namespace BillingPortal.Ledger;

/// <summary>The length-prefixed binary that body hashes and the ledger's chain are taken over: two different lists of values never give the same bytes.</summary>
/// <param name="initial">Where to write first, usually on the stack; longer content moves to the heap.</param>
public ref struct DigestWriter(Span<byte> initial)
{
    private Span<byte> buffer = initial;
    private int length;

    public void Add(long value) => BinaryPrimitives.WriteInt64BigEndian(Reserve(8), value);

    public void Add(Guid id) => id.TryWriteBytes(Reserve(16), bigEndian: true, out _);

    /// <summary>The scaled integer, in millionths.</summary>
    public void Add(Amount amount) => Add(amount.Millionths);

    public void Add(Unit unit) => Add(unit.Code);

    /// <summary>The instant in microseconds since 1970.</summary>
    public void Add(DateTimeOffset instant) => Add((instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);

    public void Add(DateTimeOffset? instant)
    {
        Add(instant is null ? -1L : 8L);
        if (instant is { } value)
        {
            Add(value);
        }
    }

    /// <summary>Any decimal by its shortest text, so that 1 and 1.00 are the same.</summary>
    public void Add(decimal value)
    {
        if (value.Scale != 0 || value is 0m or < int.MinValue or > int.MaxValue)
        {
            Add(value.ToString("0.############################", CultureInfo.InvariantCulture));
            return;
        }

        // The same text, much sooner.
        Span<byte> whole = stackalloc byte[11];
        ((int)value).TryFormat(whole, out var size, default, CultureInfo.InvariantCulture);
        Add(whole[..size]);
    }

    /// <summary>Text in UTF-8; null is different from empty.</summary>
    public void Add(string? text)
    {
        if (text is null)
        {
            Add(-1L);
            return;
        }

        var size = Encoding.UTF8.GetByteCount(text);
        Add((long)size);
        Encoding.UTF8.GetBytes(text, Reserve(size));
    }

    public void Add(scoped ReadOnlySpan<byte> bytes)
    {
        Add((long)bytes.Length);
        bytes.CopyTo(Reserve(bytes.Length));
    }

    public readonly byte[] Sha256() => SHA256.HashData(buffer[..length]);

    /// <summary>Its first 16 bytes, where chance alone has to be kept out.</summary>
    public readonly byte[] Sha256Short()
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer[..length], hash);
        return hash[..16].ToArray();
    }

    private Span<byte> Reserve(int size)
    {
        if (length + size > buffer.Length)
        {
            Span<byte> larger = new byte[Math.Max(buffer.Length * 2, length + size)];
            buffer[..length].CopyTo(larger);
            buffer = larger;
        }

        var span = buffer.Slice(length, size);
        length += size;
        return span;
    }
}
