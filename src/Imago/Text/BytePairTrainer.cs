namespace Imago.Text;

/// <summary>Finds merges: again and again the pair of neighbours that comes most often becomes one token (Sennrich et al. 2016, algorithm 1).</summary>
internal sealed class BytePairTrainer
{
    private readonly List<(List<int> Tokens, long Count)> _words = [];
    private readonly Dictionary<(int Left, int Right), (long Count, HashSet<int> Words)> _pairs = [];
    private int _next;

    /// <param name="words">Each word's bytes as tokens, and how often it comes.</param>
    /// <param name="firstMerged">Id of the first merged token.</param>
    internal BytePairTrainer(IEnumerable<(int[] Tokens, int Count)> words, int firstMerged)
    {
        _next = firstMerged;
        foreach (var (tokens, count) in words)
        {
            _words.Add(([.. tokens], count));
            Count(_words.Count - 1, +1);
        }
    }

    /// <summary>At most so many merges, best first; ends when no pair comes twice. Of pairs that come equally often the one with the smallest ids is taken.</summary>
    internal IEnumerable<(int Left, int Right)> Merges(int atMost)
    {
        for (var i = 0; i < atMost && _pairs.Count > 0; i++)
        {
            var best = _pairs.MinBy(pair => (-pair.Value.Count, pair.Key.Left, pair.Key.Right));
            if (best.Value.Count < 2) yield break;
            yield return best.Key;
            foreach (var word in best.Value.Words.ToList()) Merge(word, best.Key);
            _next++;
        }
    }

    private void Merge(int word, (int Left, int Right) pair)
    {
        Count(word, -1);
        var tokens = _words[word].Tokens;
        for (var at = 0; at + 1 < tokens.Count; at++)
        {
            if ((tokens[at], tokens[at + 1]) != pair) continue;
            tokens[at] = _next;
            tokens.RemoveAt(at + 1);
        }
        Count(word, +1);
    }

    /// <summary>Adds (+1) or takes away (−1) a word's pairs.</summary>
    private void Count(int word, int sign)
    {
        var (tokens, count) = _words[word];
        foreach (var pair in tokens.Zip(tokens.Skip(1)))
        {
            var (total, words) = _pairs.TryGetValue(pair, out var entry) ? entry : (0, []);
            total += sign * count;
            if (sign > 0) words.Add(word);
            else words.Remove(word);
            if (total == 0) _pairs.Remove(pair);
            else _pairs[pair] = (total, words);
        }
    }
}
