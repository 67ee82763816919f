using System.Globalization;
using System.Text;

namespace BillingPortal.Pdf;

public enum PdfAlign { Left, Right }

/// <summary>A document of A4 pages: text, lines and boxes. Fonts are embedded as subsets, and text stays text: it can be searched and copied. Points from the upper left.</summary>
public sealed class PdfDocument(PdfFonts fonts, string title)
{
    public const double Width = 595, Height = 842;

    private readonly List<StringBuilder> pages = [new()];
    private readonly List<PdfFontUse> uses = [];

    public int Pages => pages.Count;

    public void NewPage() => pages.Add(new());

    /// <returns>In points.</returns>
    public double Measure(string text, double size, bool bold = false) =>
        ReadingOrder.Visual(text).Sum(r => UseOf(r, bold).Font is var font ? font.AdvanceOf(font.GlyphOf(r)) : 0) * size / 1000;

    /// <param name="x">Where it begins, or ends when aligned right.</param>
    /// <param name="y">Of the line it stands on.</param>
    /// <param name="width">Not null: what does not fit is left out and marked with an ellipsis.</param>
    public void Text(string text, double x, double y, double size, bool bold = false, uint colour = 0x101828, PdfAlign align = PdfAlign.Left, double? width = null)
    {
        text = width is { } most ? Fit(text, size, bold, most) : text;
        x = align == PdfAlign.Right ? x - Measure(text, size, bold) : x;
        var page = pages[^1].Append(CultureInfo.InvariantCulture, $"BT {Colour(colour)} rg {N(x)} {N(Height - y)} Td ");
        PdfFontUse? current = null;
        foreach (var character in ReadingOrder.Visual(text))
        {
            var use = UseOf(character, bold);
            if (use != current)
            {
                page.Append(CultureInfo.InvariantCulture, $"{(current is null ? "" : "> Tj ")}/F{use.Number} {N(size)} Tf <");
                current = use;
            }

            page.Append(use.Take(character).ToString("X4", CultureInfo.InvariantCulture));
        }

        page.Append(current is null ? "ET\n" : "> Tj ET\n");
    }

    public void Line(double x1, double y1, double x2, double y2, double width = 0.6, uint colour = 0xE4E7EC) =>
        pages[^1].Append(CultureInfo.InvariantCulture, $"{Colour(colour)} RG {N(width)} w {N(x1)} {N(Height - y1)} m {N(x2)} {N(Height - y2)} l S\n");

    public void Box(double x, double y, double width, double height, uint colour) =>
        pages[^1].Append(CultureInfo.InvariantCulture, $"{Colour(colour)} rg {N(x)} {N(Height - y - height)} {N(width)} {N(height)} re f\n");

    /// <param name="created">Stands in the document's own data.</param>
    public byte[] ToArray(DateTimeOffset created)
    {
        using var file = new PdfFile();
        return file.Write(title, created, pages, uses);
    }

    private PdfFontUse UseOf(Rune character, bool bold)
    {
        var font = fonts.FontOf(character, bold);
        if (uses.Find(u => u.Font == font) is { } known)
        {
            return known;
        }

        uses.Add(new(uses.Count, font));
        return uses[^1];
    }

    private string Fit(string text, double size, bool bold, double most)
    {
        if (Measure(text, size, bold) <= most)
        {
            return text;
        }

        var kept = new StringBuilder();
        foreach (var element in StringInfo.GetTextElementEnumerator(text).AsEnumerable())
        {
            if (Measure($"{kept}{element}…", size, bold) > most)
            {
                break;
            }

            kept.Append(element);
        }

        return $"{kept}…";
    }

    private static string N(double value) => Math.Round(value, 3).ToString("0.###", CultureInfo.InvariantCulture);

    private static string Colour(uint rgb) => $"{N((rgb >> 16) / 255.0)} {N(((rgb >> 8) & 255) / 255.0)} {N((rgb & 255) / 255.0)}";
}

/// <summary>A font as one document uses it.</summary>
internal sealed class PdfFontUse(int number, TrueTypeFont font)
{
    private readonly Dictionary<Rune, int> codes = [];
    private readonly List<Rune> characters = [];

    public int Number => number;
    public TrueTypeFont Font => font;
    /// <summary>Every character in the document; its code is its place, from 1. Two characters that share a glyph keep codes of their own, so that copied text is what was written.</summary>
    public IReadOnlyList<Rune> Characters => characters;

    /// <returns>The character's code.</returns>
    public int Take(Rune character)
    {
        if (!codes.TryGetValue(character, out var code))
        {
            characters.Add(character);
            code = codes[character] = characters.Count;
        }

        return code;
    }
}

internal static class TextElements
{
    public static IEnumerable<string> AsEnumerable(this TextElementEnumerator elements)
    {
        while (elements.MoveNext())
        {
            yield return elements.GetTextElement();
        }
    }
}
