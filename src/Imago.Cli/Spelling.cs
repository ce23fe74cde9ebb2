namespace Imago.Cli;

/// <summary>Guesses what a mistyped word was meant to be.</summary>
internal static class Spelling
{
    /// <summary>The candidate that the fewest edits turn into <paramref name="word"/>, or null when none is near (more than a third of the word is wrong).</summary>
    internal static string? Closest(string word, IEnumerable<string> candidates)
    {
        var best = candidates.Select(candidate => (Candidate: candidate, Edits: Distance(word, candidate))).MinBy(pair => pair.Edits);
        return best.Candidate is not null && 3 * best.Edits <= word.Length + 1 ? best.Candidate : null;
    }

    /// <summary>Insertions, deletions and substitutions between two words (Levenshtein 1966).</summary>
    internal static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (int i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[b.Length];
    }
}
