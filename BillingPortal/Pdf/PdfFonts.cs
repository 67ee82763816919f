using System.Collections.Concurrent;
using System.Text;

namespace BillingPortal.Pdf;

/// <summary>
/// The fonts of the machine: none is part of this repository. <c>Pdf:Fonts</c> names files (comma-separated, the first for text, the second for bold); otherwise what
/// fonts-dejavu-core or fonts-liberation put there. A character that these lack is looked for in every other TrueType font below <c>/usr/share/fonts</c> (fonts-noto-core has most scripts).
/// </summary>
public sealed class PdfFonts(IConfiguration configuration)
{
    private static readonly string[] Folders = ["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts/Supplemental", @"C:\Windows\Fonts"];
    private static readonly (string Regular, string Bold)[] Usual = [("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"), ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"), ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"), ("Arial.ttf", "Arial Bold.ttf"), ("arial.ttf", "arialbd.ttf")];

    private readonly ConcurrentDictionary<string, TrueTypeFont?> loaded = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<int, TrueTypeFont> strangers = new();
    private readonly Lazy<IReadOnlyList<string>> installed = new(Installed);

    /// <summary>False: there is no font to write with.</summary>
    public bool Exist => Main(bold: false) is not null;

    /// <summary>The font that shows a character: the text's own, else any that has it, else the text's own with its mark for what it lacks.</summary>
    /// <exception cref="InvalidOperationException">There is no font; ask <see cref="Exist"/> first.</exception>
    internal TrueTypeFont FontOf(Rune character, bool bold)
    {
        var main = Main(bold) ?? Main(bold: false) ?? throw new InvalidOperationException("There is no font on this machine.");
        return main.GlyphOf(character) != 0 || Rune.IsWhiteSpace(character) ? main : strangers.GetOrAdd(character.Value, _ => Other(character) ?? main);
    }

    private TrueTypeFont? Main(bool bold)
    {
        var named = (configuration["Pdf:Fonts"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (named.Length > 0)
        {
            return Load(bold && named.Length > 1 ? named[1] : named[0]);
        }

        foreach (var (regular, heavy) in Usual)
        {
            if (installed.Value.FirstOrDefault(f => Path.GetFileName(f) == (bold ? heavy : regular)) is { } found && Load(found) is { } font)
            {
                return font;
            }
        }

        return null;
    }

    private TrueTypeFont? Other(Rune character) =>
        (configuration["Pdf:Fonts"] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Concat(installed.Value.OrderBy(f => f.Contains("-Regular", StringComparison.Ordinal) ? 0 : 1))
            .Select(Load).FirstOrDefault(font => font is not null && font.GlyphOf(character) != 0);

    private TrueTypeFont? Load(string path) => loaded.GetOrAdd(path, file =>
    {
        try
        {
            return new(new string([.. Path.GetFileNameWithoutExtension(file).Where(char.IsAsciiLetterOrDigit)]), File.ReadAllBytes(file));
        }
        catch (Exception unusable) when (unusable is NotSupportedException or ArgumentOutOfRangeException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    });

    private static IReadOnlyList<string> Installed() =>
        [.. Folders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.ttf", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })).Order(StringComparer.Ordinal)];
}
