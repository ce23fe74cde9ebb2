using System.Globalization;
using System.Text;

namespace Imago.Images;

/// <summary>
/// A font of 5×7 points, drawn by hand: labels look the same on every machine, with or without fonts installed.
/// Covers ASCII, and of other characters those that captions of pictures need; accents are left off, anything else is a box.
/// </summary>
internal static class PixelFont
{
    /// <summary>Rows of a line of text: seven, one for descenders, one of air.</summary>
    internal const int LineHeight = 9;

    private const int Columns = 5;
    private const char First = ' ';

    // Five columns a glyph, two hexadecimal digits a column, lowest bit at the top.
    private const string Ascii =
        "0000000000" + "00005F0000" + "0007000700" + "147F147F14" + "242A7F2A12" + "2313086462" + "3649552250" + "0000070000" +   //  !"#$%&'
        "001C224100" + "0041221C00" + "14083E0814" + "08083E0808" + "0050300000" + "0808080808" + "0060600000" + "2010080402" +   // ()*+,-./
        "3E5149453E" + "00427F4000" + "4261514946" + "2141454B31" + "1814127F10" + "2745454539" + "3C4A494930" + "0171090503" +   // 01234567
        "3649494936" + "064949291E" + "0036360000" + "0056360000" + "0814224100" + "1414141414" + "0041221408" + "0201510906" +   // 89:;<=>?
        "324979413E" + "7E1111117E" + "7F49494936" + "3E41414122" + "7F4141221C" + "7F49494941" + "7F09090901" + "3E4149497A" +   // @ABCDEFG
        "7F0808087F" + "00417F4100" + "2040413F01" + "7F08142241" + "7F40404040" + "7F020C027F" + "7F0408107F" + "3E4141413E" +   // HIJKLMNO
        "7F09090906" + "3E4151215E" + "7F09192946" + "4649494931" + "01017F0101" + "3F4040403F" + "1F2040201F" + "3F4038403F" +   // PQRSTUVW
        "6314081463" + "0708700807" + "6151494543" + "007F414100" + "0204081020" + "0041417F00" + "0402010204" + "4040404040" +   // XYZ[\]^_
        "0001020400" + "2054545478" + "7F48444438" + "3844444420" + "384444487F" + "3854545418" + "087E090102" + "18A4A4A47C" +   // `abcdefg
        "7F08040478" + "00447D4000" + "4080847D00" + "7F10284400" + "00417F4000" + "7C04180478" + "7C08040478" + "3844444438" +   // hijklmno
        "FC24242418" + "18242418FC" + "7C08040408" + "4854545420" + "043F444020" + "3C4040207C" + "1C2040201C" + "3C4030403C" +   // pqrstuvw
        "4428102844" + "1CA0A0A07C" + "4464544C44" + "0008364100" + "00007F0000" + "0041360800" + "0804081008";                    // xyz{|}~

    // String.Normalize needs the globalisation data that Imago does without.
    private const string Accented = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿß";
    private const string Plain = "AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyys";

    private const string Box = "7F4141417F";

    private static readonly Dictionary<char, string> Others = new()
    {
        ['α'] = "3844443844", ['β'] = "FE2525251A", ['γ'] = "0418E01804", ['δ'] = "324D494931", ['ε'] = "2854544428", ['θ'] = "3E4949493E",
        ['λ'] = "41320C3040", ['μ'] = "FC2020103C", ['µ'] = "FC2020103C", ['π'] = "047C047C44", ['σ'] = "384444443C", ['φ'] = "1824FE2418",
        ['×'] = "2214081422", ['±'] = "44445F4444", ['−'] = "0808080808", ['–'] = "0808080808", ['·'] = "0000080000", ['°'] = "0002050200",
        ['→'] = "08082A1C08", ['←'] = "081C2A0808", ['≤'] = "4854544444", ['≥'] = "4444545448", ['…'] = "4000400040", ['²'] = "0019151200",
        ['½'] = "170874542C", ['√'] = "1020701008", ['∞'] = "1824182418", ['’'] = "0000070000", ['“'] = "0007000700", ['”'] = "0007000700",
    };

    /// <summary>Width of a text in points.</summary>
    internal static int Measure(string text) => Math.Max(0, Glyphs(text).Sum(glyph => glyph.Length + 1) - 1);

    /// <summary>Draws a line of text.</summary>
    /// <param name="canvas">What is drawn on.</param>
    /// <param name="text">The text.</param>
    /// <param name="left">Left edge, in pixels.</param>
    /// <param name="top">Upper edge, in pixels.</param>
    /// <param name="scale">Pixels a point.</param>
    /// <param name="ink">The colour, one byte a channel.</param>
    internal static void Draw(PixelImage canvas, string text, int left, int top, int scale, ReadOnlySpan<byte> ink)
    {
        foreach (var glyph in Glyphs(text))
        {
            for (var x = 0; x < glyph.Length; x++)
            {
                for (var y = 0; y < 8; y++)
                {
                    if ((glyph[x] >> y & 1) == 1) Fill(canvas, left + x * scale, top + y * scale, scale, scale, ink);
                }
            }
            left += (glyph.Length + 1) * scale;
        }
    }

    /// <summary>Fills a rectangle, as far as it lies on the canvas.</summary>
    internal static void Fill(PixelImage canvas, int left, int top, int width, int height, ReadOnlySpan<byte> ink)
    {
        for (var y = Math.Max(0, top); y < Math.Min(canvas.Height, top + height); y++)
        {
            for (var x = Math.Max(0, left); x < Math.Min(canvas.Width, left + width); x++)
            {
                ink[..canvas.Channels].CopyTo(canvas.Pixels.AsSpan((y * canvas.Width + x) * canvas.Channels));
            }
        }
    }

    private static IEnumerable<byte[]> Glyphs(string text) =>
        from rune in text.EnumerateRunes()
        where Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark
        let character = rune.IsBmp ? (char)rune.Value : '\uFFFD'
        let accented = Accented.IndexOf(character, StringComparison.Ordinal)
        select Glyph(accented < 0 ? character : Plain[accented]);

    // Digits keep their five columns, so that numbers below each other line up; other glyphs lose the empty columns at their sides.
    private static byte[] Glyph(char character)
    {
        var known = character >= First && character - First < Ascii.Length / (2 * Columns);
        var columns = Convert.FromHexString(known ? Ascii.AsSpan((character - First) * 2 * Columns, 2 * Columns) : Others.GetValueOrDefault(character, Box));
        if (char.IsAsciiDigit(character)) return columns;
        if (character == ' ') return columns[..2];
        return columns[Array.FindIndex(columns, column => column != 0)..(Array.FindLastIndex(columns, column => column != 0) + 1)];
    }
}
