using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace BillingPortal.Pdf;

/// <summary>Writes the objects of a PDF 1.7 file (ISO 32000-1) and where each of them begins.</summary>
internal sealed class PdfFile : IDisposable
{
    private readonly MemoryStream file = new();
    private readonly List<long> begins = [0];

    public byte[] Write(string title, DateTimeOffset created, IReadOnlyList<StringBuilder> pages, IReadOnlyList<PdfFontUse> fonts)
    {
        Put("%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n");
        var (catalog, tree, about) = (Reserve(), Reserve(), Reserve());
        var fontObjects = fonts.Select(_ => Reserve()).ToList();
        var resources = string.Concat(fonts.Select((f, i) => $"/F{f.Number} {fontObjects[i]} 0 R"));
        var kids = new List<int>();
        foreach (var content in pages)
        {
            var (page, stream) = (Reserve(), Reserve());
            kids.Add(page);
            Stream(stream, Encoding.Latin1.GetBytes(content.ToString()));
            Object(page, $"<</Type/Page/Parent {tree} 0 R/MediaBox[0 0 {PdfDocument.Width} {PdfDocument.Height}]/Contents {stream} 0 R/Resources<</Font<<{resources}>>>>>>");
        }

        Object(tree, $"<</Type/Pages/Count {kids.Count}/Kids[{string.Join(' ', kids.Select(k => $"{k} 0 R"))}]>>");
        Object(catalog, $"<</Type/Catalog/Pages {tree} 0 R/Lang(en)/ViewerPreferences<</DisplayDocTitle true>>>>");
        Object(about, $"<</Title{Hex("\uFEFF" + title)}/CreationDate(D:{created.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture)}Z)>>");
        for (var i = 0; i < fonts.Count; i++)
        {
            Font(fontObjects[i], fonts[i]);
        }

        return End(catalog, about);
    }

    /// <summary>A composite font: glyphs by number, widths, the subset itself, and which character each glyph stands for.</summary>
    private void Font(int number, PdfFontUse use)
    {
        var (font, characters) = (use.Font, use.Characters);
        var glyphs = characters.Select(font.GlyphOf).ToList();
        var (descendant, descriptor, subset, unicode, map) = (Reserve(), Reserve(), Reserve(), Reserve(), Reserve());
        // Six letters mark a subset; one per font of the document.
        var name = $"BILLN{(char)('A' + use.Number)}+{font.Name}";
        Object(number, $"<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]/ToUnicode {unicode} 0 R>>");
        Object(descendant,
            $"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R/CIDToGIDMap {map} 0 R"
            + $"/DW 500/W[1[{string.Join(' ', glyphs.Select(font.AdvanceOf))}]]>>");
        Object(descriptor, $"<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[{string.Join(' ', font.Box)}]/ItalicAngle 0/Ascent {font.Ascent}/Descent {font.Descent}/CapHeight {font.Ascent}/StemV 80/FontFile2 {subset} 0 R>>");
        var outlines = font.Subset(glyphs);
        Stream(subset, outlines, $"/Length1 {outlines.Length}");
        Stream(unicode, Encoding.Latin1.GetBytes(ToUnicode(characters)));
        // Two bytes for each code, the first of which stands for nothing.
        Stream(map, [0, 0, .. glyphs.SelectMany(g => new[] { (byte)(g >> 8), (byte)g })]);
    }

    private static string ToUnicode(IReadOnlyList<Rune> characters)
    {
        var map = new StringBuilder("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Unicode def /CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange\n");
        foreach (var part in characters.Select((character, i) => (Code: i + 1, Character: character)).Chunk(100))
        {
            map.Append(CultureInfo.InvariantCulture, $"{part.Length} beginbfchar\n");
            foreach (var (code, character) in part)
            {
                map.Append(CultureInfo.InvariantCulture, $"<{code:X4}> {Hex(character.ToString())}\n");
            }

            map.Append("endbfchar\n");
        }

        return map.Append("endcmap CMapName currentdict /CMap defineresource pop end end").ToString();
    }

    private byte[] End(int catalog, int about)
    {
        var table = file.Position;
        Put($"xref\n0 {begins.Count}\n0000000000 65535 f \n");
        foreach (var begin in begins.Skip(1))
        {
            Put(string.Create(CultureInfo.InvariantCulture, $"{begin:D10} 00000 n \n"));
        }

        Put($"trailer\n<</Size {begins.Count}/Root {catalog} 0 R/Info {about} 0 R>>\nstartxref\n{table}\n%%EOF\n");
        return file.ToArray();
    }

    public void Dispose() => file.Dispose();

    private int Reserve()
    {
        begins.Add(0);
        return begins.Count - 1;
    }

    private void Object(int number, string content)
    {
        begins[number] = file.Position;
        Put($"{number} 0 obj\n{content}\nendobj\n");
    }

    private void Stream(int number, byte[] content, string more = "")
    {
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            zip.Write(content);
        }

        begins[number] = file.Position;
        Put($"{number} 0 obj\n<</Filter/FlateDecode/Length {packed.Length}{more}>>\nstream\n");
        packed.WriteTo(file);
        Put("\nendstream\nendobj\n");
    }

    private void Put(string text) => file.Write(Encoding.Latin1.GetBytes(text));

    private static string Hex(string text) => $"<{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(text))}>";
}
