namespace Imago.Text;

/// <summary>A token that is cut out of the text before anything else is done to it.</summary>
/// <param name="Content">How it stands in the text.</param>
/// <param name="Id">Its id.</param>
/// <param name="StripLeft">Whether white space before it belongs to it.</param>
/// <param name="StripRight">Whether white space after it belongs to it.</param>
internal sealed record AddedToken(string Content, int Id, bool StripLeft = false, bool StripRight = false)
{
    /// <summary>Cuts a text: pieces between tokens, and the tokens; empty pieces are left out. The leftmost token comes first, of several the longest.</summary>
    internal static IEnumerable<(string Piece, int? Id)> Cut(string text, IReadOnlyList<AddedToken> tokens)
    {
        var firsts = new string([.. tokens.Where(token => token.Content.Length > 0).Select(token => token.Content[0]).Distinct()]);
        var start = 0;
        for (var at = 0; at < text.Length;)
        {
            var next = text.AsSpan(at).IndexOfAny(firsts);
            if (next < 0) break;
            at += next;
            if (LongestAt(text, at, tokens) is not { } token)
            {
                at++;
                continue;
            }
            var piece = text[start..at];
            if (token.StripLeft) piece = piece.TrimEnd();
            if (piece.Length > 0) yield return (piece, null);
            yield return (token.Content, token.Id);
            at += token.Content.Length;
            while (token.StripRight && at < text.Length && char.IsWhiteSpace(text[at])) at++;
            start = at;
        }
        if (start < text.Length) yield return (text[start..], null);
    }

    private static AddedToken? LongestAt(string text, int at, IReadOnlyList<AddedToken> tokens) => tokens
        .Where(token => token.Content.Length > 0 && string.CompareOrdinal(text, at, token.Content, 0, token.Content.Length) == 0).MaxBy(token => token.Content.Length);
}
