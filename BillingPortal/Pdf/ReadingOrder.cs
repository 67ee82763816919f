using System.Text;

namespace BillingPortal.Pdf;

/// <summary>The order in which characters stand on the page: words written from right to left are turned around within a line that is written from left to right.</summary>
internal static class ReadingOrder
{
    public static IReadOnlyList<Rune> Visual(string text)
    {
        var runes = text.Normalize().EnumerateRunes().Where(r => !Rune.IsControl(r)).ToList();
        for (var i = 0; i < runes.Count; i++)
        {
            if (!IsRightToLeft(runes[i]))
            {
                continue;
            }

            // A stretch goes on over spaces and marks up to its last letter.
            var end = i;
            for (var j = i; j < runes.Count && (IsRightToLeft(runes[j]) || !Rune.IsLetterOrDigit(runes[j])); j++)
            {
                end = IsRightToLeft(runes[j]) ? j : end;
            }

            runes.Reverse(i, end - i + 1);
            i = end;
        }

        return runes;
    }

    // Hebrew, Arabic, Syriac, Thaana, NKo… and their presentation forms.
    private static bool IsRightToLeft(Rune r) => r.Value is (>= 0x590 and <= 0x8FF) or (>= 0xFB1D and <= 0xFDFF) or (>= 0xFE70 and <= 0xFEFF) or (>= 0x10800 and <= 0x10FFF) or (>= 0x1E800 and <= 0x1EFFF);
}
