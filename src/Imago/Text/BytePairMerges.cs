namespace Imago.Text;

/// <summary>Byte-pair merges (Sennrich et al. 2016): which neighbouring tokens become one, and in which order.</summary>
internal sealed class BytePairMerges
{
    private readonly Dictionary<(int Left, int Right), (int Rank, int Merged)> _merges;

    /// <param name="merges">Left, right and merged token, first merge first; of a pair that comes twice the first counts.</param>
    internal BytePairMerges(IEnumerable<(int Left, int Right, int Merged)> merges)
    {
        _merges = [];
        foreach (var (left, right, merged) in merges) _merges.TryAdd((left, right), (_merges.Count, merged));
    }

    /// <summary>Merges until nothing can be: the lowest rank first, of equal ranks the leftmost. O(n log n) in the length of the word.</summary>
    internal IEnumerable<int> Apply(IReadOnlyList<int> word)
    {
        int[] tokens = [.. word];
        int[] next = [.. Enumerable.Range(1, tokens.Length)], previous = [.. Enumerable.Range(-1, tokens.Length)];
        var candidates = new PriorityQueue<(int Left, int Right, int At, int Merged), (int Rank, int At)>();
        for (var i = 0; i < tokens.Length; i++) Consider(i);
        while (candidates.TryDequeue(out var pair, out _))
        {
            var right = tokens[pair.At] == pair.Left ? next[pair.At] : tokens.Length;
            if (right >= tokens.Length || tokens[right] != pair.Right) continue;     // one of the two has been merged since
            tokens[pair.At] = pair.Merged;
            tokens[right] = -1;
            next[pair.At] = next[right];
            if (next[right] < tokens.Length) previous[next[right]] = pair.At;
            Consider(previous[pair.At]);
            Consider(pair.At);
        }
        return tokens.Where(token => token >= 0);

        void Consider(int at)
        {
            if (at < 0 || next[at] >= tokens.Length || !_merges.TryGetValue((tokens[at], tokens[next[at]]), out var merge)) return;
            candidates.Enqueue((tokens[at], tokens[next[at]], at, merge.Merged), (merge.Rank, at));
        }
    }
}
