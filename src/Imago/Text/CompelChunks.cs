namespace Imago.Text;

/// <summary>The tokens of a prompt in chunks of an encoder's length, one after the other.</summary>
/// <param name="Ids">Begin, ids, end, padding of each chunk.</param>
/// <param name="Weights">How much each counts.</param>
/// <param name="Mask">1 for those that are attended to.</param>
/// <param name="Pieces">Which piece of the prompt each is of; −1 for begin, end and padding. The end after a piece that did not fit counts to it, as in the original.</param>
/// <param name="Ends">Where the end of each chunk stands.</param>
internal sealed record CompelTokens(IReadOnlyList<long> Ids, IReadOnlyList<double> Weights, IReadOnlyList<long> Mask, IReadOnlyList<int> Pieces, IReadOnlyList<int> Ends)
{
    /// <summary>Nothing attends to the piece.</summary>
    internal CompelTokens Without(int piece) => this with { Mask = [.. Mask.Select((mask, i) => Pieces[i] == piece ? 0 : mask)] };
}

/// <summary>Cuts prompts into chunks at the boundaries that <see cref="PromptSplit"/> names.</summary>
internal sealed class CompelChunks(ClipTokenizer tokenizer, CompelOptions options, int length)
{
    private readonly int[] _sentenceEnds = [.. new[] { ".", "!", "?" }.SelectMany(tokenizer.Encode)];
    private readonly int[] _phraseEnds = [.. new[] { ".", "!", "?", ",", ";", ":" }.SelectMany(tokenizer.Encode)];

    /// <summary>The empty prompt.</summary>
    internal CompelTokens Empty => Cut([]);

    internal CompelTokens Cut(IReadOnlyList<CompelWords> words)
    {
        var rest = words.SelectMany((piece, index) => Fitting(tokenizer.Encode(piece.Text)).Select(id => (Id: id, piece.Weight, Index: index))).ToList();
        var (ids, weights, pieces, ends) = (new List<long>(), new List<double>(), new List<int>(), new List<int>());
        do
        {
            var count = Count([.. rest.Select(token => token.Id)]);
            var padding = length - 2 - count;
            ids.AddRange([tokenizer.Begin!.Value, .. rest.Take(count).Select(token => (long)token.Id), tokenizer.End, .. Enumerable.Repeat((long)tokenizer.Padding, padding)]);
            weights.AddRange([1, .. rest.Take(count).Select(token => token.Weight), 1, .. Enumerable.Repeat(1.0, padding)]);
            var isPieceCut = options.Truncate && rest.Count > count && rest[count].Index == rest[count - 1].Index;
            pieces.AddRange([-1, .. rest.Take(count).Select(token => token.Index), isPieceCut ? rest[count].Index : -1, .. Enumerable.Repeat(-1, padding)]);
            ends.Add(ids.Count - padding - 1);
            rest.RemoveRange(0, count);
        }
        while (!options.Truncate && rest.Count > 0);
        return new(ids, weights, [.. Enumerable.Repeat(1L, ids.Count)], pieces, ends);
    }

    private IEnumerable<int> Fitting(IReadOnlyList<int> ids) => options.Truncate ? ids.Take(length - 2) : ids;

    /// <summary>How many tokens the next chunk takes.</summary>
    private int Count(IReadOnlyList<int> ids)
    {
        var most = length - 2;
        if (ids.Count <= most || options.Truncate) return Math.Min(ids.Count, most);
        Func<int, bool>[] boundaries = [id => _sentenceEnds.Contains(id), id => _phraseEnds.Contains(id), tokenizer.EndsWord];
        var counts = boundaries.Skip((int)options.Split).Select(isEnd => 1 + ids.Take(most).ToList().FindLastIndex(id => isEnd(id)));
        return counts.FirstOrDefault(count => count > 0, most);
    }
}
