using System.Globalization;
using System.Text;

namespace Imago.Text;

/// <summary>Cuts text into the pieces within which byte pairs are merged. By code point, as the originals' regular expressions do (.NET's own go by UTF-16 unit).</summary>
internal static class WordSplitter
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>GPT-2's pieces: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>. Put together they are the text.</summary>
    internal static IEnumerable<string> WithSpaces(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var end = EndOfWord(text, at);
            if (end == at && text[at] == ' ' && at + 1 < text.Length && KindAt(text, at + 1, out _) != Kind.Space) end = EndOfRun(text, at + 1);
            if (end == at) end = EndOfSpaces(text, at);
            yield return text[at..end];
            at = end;
        }
    }

    /// <summary>CLIP's pieces: <c>'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+</c>; white space is dropped.</summary>
    internal static IEnumerable<string> WithoutSpaces(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var kind = KindAt(text, at, out var length);
            var end = kind switch { Kind.Space or Kind.Number => at + length, _ => EndOfWord(text, at) };
            if (kind != Kind.Space) yield return text[at..end];
            at = end;
        }
    }

    /// <summary>Where the contraction, or the run of one kind, that begins here ends; here, if it is white space.</summary>
    private static int EndOfWord(string text, int at)
    {
        var contraction = Array.Find(Contractions, c => string.CompareOrdinal(text, at, c, 0, c.Length) == 0);
        if (contraction is not null) return at + contraction.Length;
        return KindAt(text, at, out _) == Kind.Space ? at : EndOfRun(text, at);
    }

    private static int EndOfRun(string text, int at)
    {
        var kind = KindAt(text, at, out var length);
        do at += length;
        while (at < text.Length && KindAt(text, at, out length) == kind);
        return at;
    }

    // A run of white space leaves its last character to the word that follows.
    private static int EndOfSpaces(string text, int at)
    {
        var end = EndOfRun(text, at);
        return end == text.Length || end - at == 1 ? end : end - 1;
    }

    private static Kind KindAt(string text, int at, out int length)
    {
        var rune = Rune.GetRuneAt(text, at);
        length = rune.Utf16SequenceLength;
        if (Rune.IsWhiteSpace(rune)) return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
                or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
