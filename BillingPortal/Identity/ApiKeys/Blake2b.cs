using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>BLAKE2b without a key (RFC 7693), and the variable-length H′ that Argon2 builds on it (RFC 9106, 3.3).</summary>
internal static class Blake2b
{
    private const int BlockBytes = 128;

    private static readonly ulong[] Iv =
    [
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    ];

    private static readonly byte[] Sigma =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
    ];

    /// <param name="input">Any bytes.</param>
    /// <param name="result">1 to 64 bytes; its length is part of the hash.</param>
    public static void Hash(ReadOnlySpan<byte> input, Span<byte> result)
    {
        Span<ulong> h = stackalloc ulong[8];
        Iv.CopyTo(h);
        h[0] ^= 0x01010000UL ^ (ulong)result.Length;
        Span<byte> block = stackalloc byte[BlockBytes];
        ulong hashed = 0;
        do
        {
            var taken = Math.Min(BlockBytes, input.Length);
            block.Clear();
            input[..taken].CopyTo(block);
            input = input[taken..];
            hashed += (ulong)taken;
            Compress(h, block, hashed, last: input.IsEmpty);
        }
        while (!input.IsEmpty);

        MemoryMarshal.AsBytes(h)[..result.Length].CopyTo(result);
    }

    /// <summary>H′: any number of bytes.</summary>
    public static void Long(ReadOnlySpan<byte> input, Span<byte> result)
    {
        var prefixed = new byte[input.Length + 4];
        BinaryPrimitives.WriteInt32LittleEndian(prefixed, result.Length);
        input.CopyTo(prefixed.AsSpan(4));
        if (result.Length <= 64)
        {
            Hash(prefixed, result);
            return;
        }

        Span<byte> v = stackalloc byte[64], next = stackalloc byte[64];
        Hash(prefixed, v);
        while (true)
        {
            v[..32].CopyTo(result);
            result = result[32..];
            if (result.Length <= 64)
            {
                Hash(v, result);
                return;
            }

            Hash(v, next);
            next.CopyTo(v);
        }
    }

    private static void Compress(Span<ulong> h, ReadOnlySpan<byte> block, ulong hashed, bool last)
    {
        Span<ulong> v = stackalloc ulong[16];
        h.CopyTo(v);
        Iv.CopyTo(v[8..]);
        v[12] ^= hashed;
        v[14] = last ? ~v[14] : v[14];
        var m = MemoryMarshal.Cast<byte, ulong>(block);
        for (var round = 0; round < 12; round++)
        {
            var s = Sigma.AsSpan(round % 10 * 16, 16);
            for (var i = 0; i < 4; i++)
            {
                Mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[(2 * i) + 1]]);
            }

            for (var i = 0; i < 4; i++)
            {
                Mix(v, i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4), m[s[8 + (2 * i)]], m[s[9 + (2 * i)]]);
            }
        }

        for (var i = 0; i < 8; i++)
        {
            h[i] ^= v[i] ^ v[i + 8];
        }
    }

    private static void Mix(Span<ulong> v, int a, int b, int c, int d, ulong x, ulong y)
    {
        v[a] += v[b] + x;
        v[d] = BitOperations.RotateRight(v[d] ^ v[a], 32);
        v[c] += v[d];
        v[b] = BitOperations.RotateRight(v[b] ^ v[c], 24);
        v[a] += v[b] + y;
        v[d] = BitOperations.RotateRight(v[d] ^ v[a], 16);
        v[c] += v[d];
        v[b] = BitOperations.RotateRight(v[b] ^ v[c], 63);
    }
}
