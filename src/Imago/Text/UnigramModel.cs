namespace Imago.Text;

/// <summary>The unigram language model of Kudo 2018: a word is cut so that the sum of its pieces' log probabilities is largest (Viterbi).</summary>
internal sealed class UnigramModel
{
    private const double UnknownPenalty = 10;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly IReadOnlyList<(string Piece, double Score)> _pieces;
    private readonly int _longest, _unknown;
    private readonly double _unknownScore;

    /// <param name="pieces">Each piece and its log probability; the index is the id.</param>
    /// <param name="unknown">Id of what is in no piece.</param>
    internal UnigramModel(IReadOnlyList<(string Piece, double Score)> pieces, int unknown)
    {
        var ids = new Dictionary<string, int>(pieces.Count, StringComparer.Ordinal);
        foreach (var (index, piece) in pieces.Index()) ids[piece.Piece] = index;
        (_ids, _pieces, _unknown) = (ids.GetAlternateLookup<ReadOnlySpan<char>>(), pieces, unknown);
        (_longest, _unknownScore) = (pieces.Max(piece => piece.Piece.Length), pieces.Min(piece => piece.Score) - UnknownPenalty);
    }

    /// <summary>The best cut; neighbouring unknown characters are one token. O(n) in the word's length, times that of the longest piece.</summary>
    internal IEnumerable<int> Apply(string word)
    {
        var best = new (double Score, int From, int Id)[word.Length + 1];
        Array.Fill(best, (double.NegativeInfinity, -1, -1), 1, word.Length);
        for (var at = 0; at < word.Length; at++)
        {
            if (double.IsNegativeInfinity(best[at].Score)) continue;
            var character = char.IsSurrogatePair(word, at) ? 2 : 1;
            var known = false;
            for (var length = 1; length <= Math.Min(_longest, word.Length - at); length++)
            {
                if (!_ids.TryGetValue(word.AsSpan(at, length), out var id)) continue;
                known |= length == character;
                Offer(at, length, _pieces[id].Score, id);
            }
            if (!known) Offer(at, character, _unknownScore, _unknown);
        }
        var tokens = new List<int>();
        for (var end = word.Length; end > 0; end = best[end].From)
        {
            if (best[end].Id != _unknown || tokens.Count == 0 || tokens[^1] != _unknown) tokens.Add(best[end].Id);
        }
        tokens.Reverse();
        return tokens;

        void Offer(int at, int length, double score, int id)
        {
            var total = best[at].Score + score;
            if (total > best[at + length].Score) best[at + length] = (total, at, id);
        }
    }
}
