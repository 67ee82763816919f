using System.Buffers.Binary;
using System.Text;

namespace BillingPortal.Pdf;

/// <summary>Reads what a document needs from a TrueType font with glyf outlines (https://learn.microsoft.com/typography/opentype/spec/), and makes subsets that keep the glyphs' numbers.</summary>
internal sealed class TrueTypeFont
{
    private readonly byte[] data;
    private readonly Dictionary<string, (int Offset, int Length)> tables = new(StringComparer.Ordinal);
    private readonly Dictionary<int, int> glyphs = [];
    private readonly int fullMetrics;
    private readonly bool longOffsets;

    /// <param name="name">As it is called in the document; letters and digits.</param>
    /// <exception cref="NotSupportedException">It has no glyf outlines, or is a collection of fonts.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It is cut short.</exception>
    public TrueTypeFont(string name, byte[] data)
    {
        (Name, this.data) = (name, data);
        for (var (i, count) = (0, U16(4)); i < count; i++)
        {
            var record = 12 + (16 * i);
            tables[Encoding.ASCII.GetString(data, record, 4)] = ((int)U32(record + 8), (int)U32(record + 12));
        }

        if (!((string[])["glyf", "loca", "head", "hhea", "hmtx", "maxp", "cmap"]).All(tables.ContainsKey))
        {
            throw new NotSupportedException("Only TrueType fonts with glyf outlines can be embedded.");
        }

        var (head, hhea) = (tables["head"].Offset, tables["hhea"].Offset);
        (UnitsPerEm, longOffsets) = (U16(head + 18), U16(head + 50) != 0);
        Box = [Scaled(I16(head + 36)), Scaled(I16(head + 38)), Scaled(I16(head + 40)), Scaled(I16(head + 42))];
        (Ascent, Descent, fullMetrics) = (Scaled(I16(hhea + 4)), Scaled(I16(hhea + 6)), U16(hhea + 34));
        GlyphCount = U16(tables["maxp"].Offset + 4);
        ReadCharacters(tables["cmap"].Offset);
    }

    public string Name { get; }
    public int GlyphCount { get; }
    /// <summary>In thousandths of the size, as all measures here.</summary>
    public int Ascent { get; }
    public int Descent { get; }
    public IReadOnlyList<int> Box { get; }
    private int UnitsPerEm { get; }

    /// <returns>0: the font has no glyph for it.</returns>
    public int GlyphOf(Rune character) => glyphs.GetValueOrDefault(character.Value);

    public int AdvanceOf(int glyph) => Scaled(U16(tables["hmtx"].Offset + (4 * Math.Min(glyph, fullMetrics - 1))));

    /// <summary>The font with the outlines of some glyphs only, and of those that they are put together from.</summary>
    public byte[] Subset(IEnumerable<int> wanted)
    {
        var keep = WithParts(wanted);
        using var outlines = new MemoryStream();
        var offsets = new byte[4 * (GlyphCount + 1)];
        for (var glyph = 0; glyph < GlyphCount; glyph++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(offsets.AsSpan(4 * glyph), (uint)outlines.Length);
            if (keep.Contains(glyph))
            {
                var (from, to) = OutlineOf(glyph);
                outlines.Write(data, from, to - from);
                Pad(outlines);
            }
        }

        BinaryPrimitives.WriteUInt32BigEndian(offsets.AsSpan(4 * GlyphCount), (uint)outlines.Length);
        var made = new SortedDictionary<string, byte[]>(StringComparer.Ordinal) { ["glyf"] = outlines.ToArray(), ["loca"] = offsets };
        foreach (var name in ((string[])["head", "hhea", "hmtx", "maxp", "cvt ", "fpgm", "prep"]).Where(tables.ContainsKey))
        {
            made[name] = data.AsSpan(tables[name].Offset, tables[name].Length).ToArray();
        }

        BinaryPrimitives.WriteUInt16BigEndian(made["head"].AsSpan(50), 1);
        made["head"].AsSpan(8, 4).Clear();
        return Assemble(made);
    }

    private HashSet<int> WithParts(IEnumerable<int> wanted)
    {
        var keep = new HashSet<int>();
        var open = new Stack<int>(wanted.Append(0));
        while (open.TryPop(out var glyph))
        {
            if (glyph >= GlyphCount || !keep.Add(glyph))
            {
                continue;
            }

            var (from, to) = OutlineOf(glyph);
            // Fewer than zero contours: it is put together from others.
            for (var at = from + 10; to - from >= 10 && I16(from) < 0;)
            {
                var flags = U16(at);
                open.Push(U16(at + 2));
                at += 4 + ((flags & 1) != 0 ? 4 : 2) + ((flags & 8) != 0 ? 2 : (flags & 0x40) != 0 ? 4 : (flags & 0x80) != 0 ? 8 : 0);
                if ((flags & 0x20) == 0)
                {
                    break;
                }
            }
        }

        return keep;
    }

    private (int From, int To) OutlineOf(int glyph)
    {
        var (loca, glyf) = (tables["loca"].Offset, tables["glyf"].Offset);
        return longOffsets
            ? (glyf + (int)U32(loca + (4 * glyph)), glyf + (int)U32(loca + (4 * glyph) + 4))
            : (glyf + (U16(loca + (2 * glyph)) * 2), glyf + (U16(loca + (2 * glyph) + 2) * 2));
    }

    private void ReadCharacters(int cmap)
    {
        var (best, rank) = (0, 0);
        for (var (i, count) = (0, U16(cmap + 2)); i < count; i++)
        {
            var (platform, encoding, at) = (U16(cmap + 4 + (8 * i)), U16(cmap + 6 + (8 * i)), cmap + (int)U32(cmap + 8 + (8 * i)));
            var worth = U16(at) switch { 12 => 2, 4 when platform == 0 || (platform == 3 && encoding == 1) => 1, _ => 0 };
            if (worth > rank)
            {
                (best, rank) = (at, worth);
            }
        }

        if (rank == 2)
        {
            ReadGroups(best);
        }
        else if (rank == 1)
        {
            ReadSegments(best);
        }
    }

    private void ReadGroups(int table)
    {
        for (var (i, count) = (0, (int)U32(table + 12)); i < count; i++)
        {
            var group = table + 16 + (12 * i);
            var (first, last, glyph) = ((int)U32(group), (int)U32(group + 4), (int)U32(group + 8));
            for (var character = first; character <= last; character++)
            {
                glyphs.TryAdd(character, glyph + character - first);
            }
        }
    }

    private void ReadSegments(int table)
    {
        var count = U16(table + 6) / 2;
        var (ends, starts) = (table + 14, table + 16 + (2 * count));
        var (deltas, ranges) = (starts + (2 * count), starts + (4 * count));
        for (var i = 0; i < count; i++)
        {
            var (first, last, delta, range) = (U16(starts + (2 * i)), U16(ends + (2 * i)), U16(deltas + (2 * i)), U16(ranges + (2 * i)));
            for (var character = first; character <= last && character != 0xFFFF; character++)
            {
                var glyph = range == 0 ? character : U16(ranges + (2 * i) + range + (2 * (character - first)));
                if (range == 0 || glyph != 0)
                {
                    glyphs.TryAdd(character, (glyph + delta) & 0xFFFF);
                }
            }
        }
    }

    private static byte[] Assemble(SortedDictionary<string, byte[]> made)
    {
        using var font = new MemoryStream();
        Span<byte> word = stackalloc byte[16];
        var (count, power, log) = (made.Count, 1, 0);
        for (; power * 2 <= count; power *= 2)
        {
            log++;
        }

        BinaryPrimitives.WriteUInt32BigEndian(word, 0x10000);
        BinaryPrimitives.WriteUInt16BigEndian(word[4..], (ushort)count);
        BinaryPrimitives.WriteUInt16BigEndian(word[6..], (ushort)(power * 16));
        BinaryPrimitives.WriteUInt16BigEndian(word[8..], (ushort)log);
        BinaryPrimitives.WriteUInt16BigEndian(word[10..], (ushort)((count - power) * 16));
        font.Write(word[..12]);
        var offset = 12 + (16 * count);
        foreach (var (name, table) in made)
        {
            Encoding.ASCII.GetBytes(name, word);
            BinaryPrimitives.WriteUInt32BigEndian(word[4..], Sum(table));
            BinaryPrimitives.WriteUInt32BigEndian(word[8..], (uint)offset);
            BinaryPrimitives.WriteUInt32BigEndian(word[12..], (uint)table.Length);
            font.Write(word);
            offset += (table.Length + 3) / 4 * 4;
        }

        foreach (var table in made.Values)
        {
            font.Write(table);
            Pad(font);
        }

        return font.ToArray();
    }

    private static uint Sum(ReadOnlySpan<byte> table)
    {
        var sum = 0u;
        for (var i = 0; i < table.Length; i++)
        {
            sum += (uint)table[i] << (24 - (8 * (i % 4)));
        }

        return sum;
    }

    private static void Pad(MemoryStream stream)
    {
        while (stream.Length % 4 != 0)
        {
            stream.WriteByte(0);
        }
    }

    private int Scaled(int value) => value * 1000 / UnitsPerEm;
    private int U16(int at) => BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(at));
    private int I16(int at) => BinaryPrimitives.ReadInt16BigEndian(data.AsSpan(at));
    private uint U32(int at) => BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(at));
}
