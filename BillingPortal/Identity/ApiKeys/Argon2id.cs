using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace BillingPortal.Identity.ApiKeys;

/// <summary>Argon2id with one lane (RFC 9106, version 0x13), in managed code: no package and no native library to find. Names of steps are the RFC's.</summary>
internal static class Argon2id
{
    private const int BlockWords = 128;
    private const int Slices = 4;
    private const int Version = 0x13;
    private const int TypeId = 2;

    /// <param name="password">What is to be proven.</param>
    /// <param name="salt">At least 8 bytes, random for each hash.</param>
    /// <param name="memoryKiB">Blocks of 1 KiB, at least 8.</param>
    /// <param name="passes">Runs over the memory, at least 1.</param>
    /// <param name="length">Bytes of the result.</param>
    /// <param name="secret">The RFC's K; empty here except in its test vector.</param>
    /// <param name="data">The RFC's X.</param>
    /// <param name="lanes">The RFC's p; they are computed one after the other.</param>
    public static byte[] Hash(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int memoryKiB, int passes, int length, ReadOnlySpan<byte> secret = default, ReadOnlySpan<byte> data = default, int lanes = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(memoryKiB, 8 * lanes);
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        var shape = new Shape(lanes, memoryKiB / (Slices * lanes), passes);
        var memory = GC.AllocateUninitializedArray<ulong>(shape.Blocks * BlockWords);
        var seed = Seed(password, salt, memoryKiB, passes, length, secret, data, lanes);
        for (var lane = 0; lane < lanes; lane++)
        {
            for (var column = 0; column < 2; column++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(seed.AsSpan(64), column);
                BinaryPrimitives.WriteInt32LittleEndian(seed.AsSpan(68), lane);
                Blake2b.Long(seed, MemoryMarshal.AsBytes(memory.AsSpan(((lane * shape.Columns) + column) * BlockWords, BlockWords)));
            }
        }

        for (var pass = 0; pass < passes; pass++)
        {
            for (var slice = 0; slice < Slices; slice++)
            {
                for (var lane = 0; lane < lanes; lane++)
                {
                    FillSegment(memory, shape, pass, slice, lane);
                }
            }
        }

        var final = memory.AsSpan((shape.Columns - 1) * BlockWords, BlockWords).ToArray();
        for (var lane = 1; lane < lanes; lane++)
        {
            for (var word = 0; word < BlockWords; word++)
            {
                final[word] ^= memory[((((lane * shape.Columns) + shape.Columns) - 1) * BlockWords) + word];
            }
        }

        var result = new byte[length];
        Blake2b.Long(MemoryMarshal.AsBytes(final.AsSpan()), result);
        Array.Clear(memory);
        return result;
    }

    private readonly record struct Shape(int Lanes, int Segment, int Passes)
    {
        public int Columns => Segment * Slices;
        public int Blocks => Columns * Lanes;
    }

    /// <summary>H0, with room for column and lane behind its 64 bytes.</summary>
    private static byte[] Seed(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int memoryKiB, int passes, int length, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> data, int lanes)
    {
        var input = new byte[(10 * 4) + password.Length + salt.Length + secret.Length + data.Length];
        var at = 0;
        foreach (var number in (ReadOnlySpan<int>)[lanes, length, memoryKiB, passes, Version, TypeId])
        {
            Put(input, ref at, number);
        }

        Put(input, ref at, password);
        Put(input, ref at, salt);
        Put(input, ref at, secret);
        Put(input, ref at, data);
        var seed = new byte[72];
        Blake2b.Hash(input, seed.AsSpan(0, 64));
        CryptographicOperations.ZeroMemory(input);
        return seed;
    }

    private static void Put(byte[] target, ref int at, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target.AsSpan(at), number);
        at += 4;
    }

    private static void Put(byte[] target, ref int at, ReadOnlySpan<byte> bytes)
    {
        Put(target, ref at, bytes.Length);
        bytes.CopyTo(target.AsSpan(at));
        at += bytes.Length;
    }

    private static void FillSegment(ulong[] memory, Shape shape, int pass, int slice, int lane)
    {
        // The "id" of Argon2id: the first half of the first pass chooses its references independently of the password.
        var independent = pass == 0 && slice < 2;
        Span<ulong> input = stackalloc ulong[BlockWords], addresses = stackalloc ulong[BlockWords];
        input.Clear();
        ReadOnlySpan<ulong> head = [(ulong)pass, (ulong)lane, (ulong)slice, (ulong)shape.Blocks, (ulong)shape.Passes, TypeId];
        head.CopyTo(input);
        var first = pass == 0 && slice == 0 ? 2 : 0;
        for (var i = first; i < shape.Segment; i++)
        {
            if (independent && (i % BlockWords == 0 || i == first))
            {
                NextAddresses(input, addresses);
            }

            var column = (slice * shape.Segment) + i;
            var previous = (lane * shape.Columns) + (column == 0 ? shape.Columns : column) - 1;
            var random = independent ? addresses[i % BlockWords] : memory[previous * BlockWords];
            var referred = Reference(shape, pass, slice, lane, i, random);
            Compress(
                memory.AsSpan(previous * BlockWords, BlockWords),
                memory.AsSpan(referred * BlockWords, BlockWords),
                memory.AsSpan(((lane * shape.Columns) + column) * BlockWords, BlockWords),
                mix: pass > 0);
        }
    }

    private static void NextAddresses(Span<ulong> input, Span<ulong> addresses)
    {
        Span<ulong> zero = stackalloc ulong[BlockWords], once = stackalloc ulong[BlockWords];
        zero.Clear();
        input[6]++;
        Compress(zero, input, once, mix: false);
        Compress(zero, once, addresses, mix: false);
    }

    /// <summary>Section 3.4 of the RFC: which earlier block the next one is made of.</summary>
    private static int Reference(Shape shape, int pass, int slice, int lane, int i, ulong random)
    {
        var fromLane = pass == 0 && slice == 0 ? lane : (int)((uint)(random >> 32) % (uint)shape.Lanes);
        var own = fromLane == lane;
        var done = pass == 0 ? slice * shape.Segment : shape.Columns - shape.Segment;
        var area = own ? done + i - 1 : done - (i == 0 ? 1 : 0);
        ulong low = (uint)random;
        var relative = area - 1 - (int)(((ulong)area * ((low * low) >> 32)) >> 32);
        var start = pass == 0 || slice == Slices - 1 ? 0 : (slice + 1) * shape.Segment;
        return (fromLane * shape.Columns) + ((start + relative) % shape.Columns);
    }

    /// <summary>G: two blocks to one. Optimized from its first call: the first key is verified while the process starts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Compress(ReadOnlySpan<ulong> x, ReadOnlySpan<ulong> y, Span<ulong> result, bool mix)
    {
        Span<ulong> r = stackalloc ulong[BlockWords], z = stackalloc ulong[BlockWords];
        for (var i = 0; i < BlockWords; i++)
        {
            z[i] = r[i] = x[i] ^ y[i];
        }

        for (var row = 0; row < 8; row++)
        {
            Permute(z, row * 16, 1, 2);
        }

        for (var column = 0; column < 8; column++)
        {
            Permute(z, column * 2, 1, 16);
        }

        for (var i = 0; i < BlockWords; i++)
        {
            result[i] = mix ? result[i] ^ r[i] ^ z[i] : r[i] ^ z[i];
        }
    }

    /// <summary>P over the sixteen words of a row or column; pairs of words lie <paramref name="step"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Permute(Span<ulong> z, int offset, int one, int step)
    {
        Span<ulong> v = stackalloc ulong[16];
        for (var i = 0; i < 16; i++)
        {
            v[i] = z[offset + ((i >> 1) * step) + ((i & 1) * one)];
        }

        for (var i = 0; i < 4; i++)
        {
            Mix(ref v[i], ref v[4 + i], ref v[8 + i], ref v[12 + i]);
        }

        for (var i = 0; i < 4; i++)
        {
            Mix(ref v[i], ref v[4 + ((i + 1) % 4)], ref v[8 + ((i + 2) % 4)], ref v[12 + ((i + 3) % 4)]);
        }

        for (var i = 0; i < 16; i++)
        {
            z[offset + ((i >> 1) * step) + ((i & 1) * one)] = v[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref ulong a, ref ulong b, ref ulong c, ref ulong d)
    {
        a = MultiplyAdd(a, b);
        d = BitOperations.RotateRight(d ^ a, 32);
        c = MultiplyAdd(c, d);
        b = BitOperations.RotateRight(b ^ c, 24);
        a = MultiplyAdd(a, b);
        d = BitOperations.RotateRight(d ^ a, 16);
        c = MultiplyAdd(c, d);
        b = BitOperations.RotateRight(b ^ c, 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MultiplyAdd(ulong x, ulong y) => x + y + (2UL * (uint)x * (uint)y);
}
