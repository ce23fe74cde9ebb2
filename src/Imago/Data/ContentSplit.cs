namespace Imago.Data;

/// <summary>
/// Splits a data set that has no split of its own. Images of equal content stay together, so no part leaks into another;
/// content and seed alone decide, so neither file names nor the order on disk matter.
/// </summary>
public static class ContentSplit
{
    /// <summary>Cuts a set into three. Contents are shuffled by hash and seed; the first go to test, the next to validation, the rest to training.</summary>
    /// <param name="set">The set.</param>
    /// <param name="validation">Fraction of the images for validation, in [0, 1).</param>
    /// <param name="test">Fraction of the images for testing, in [0, 1).</param>
    /// <param name="seed">Another seed gives another split.</param>
    /// <returns>Parts in the order of the set. A wanted part gets at least one content as long as one is left for training.</returns>
    public static (ImageDataset Train, ImageDataset Validation, ImageDataset Test) Split(ImageDataset set, double validation = 0.1, double test = 0.1, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(set);
        if (!(validation >= 0 && test >= 0 && validation + test < 1))
            throw new ArgumentException($"validation {validation} and test {test} must be fractions that leave something for training.", nameof(validation));
        var contents = new Queue<int[]>(Contents(set, seed));
        var testing = Take(contents, test, set.Count);
        var validating = Take(contents, validation, set.Count);
        return (Part(set, contents.SelectMany(content => content)), Part(set, validating), Part(set, testing));
    }

    /// <summary>Those images of <paramref name="set"/> whose content does not occur in <paramref name="others"/>.</summary>
    internal static ImageDataset Without(ImageDataset set, params ImageDataset[] others)
    {
        var elsewhere = others.SelectMany(Keys).ToHashSet();
        var keys = Keys(set);
        return keys.Any(elsewhere.Contains) ? Part(set, Enumerable.Range(0, set.Count).Where(index => !elsewhere.Contains(keys[index]))) : set;
    }

    private static IEnumerable<int[]> Contents(ImageDataset set, long seed)
    {
        var keys = Keys(set);
        return Enumerable.Range(0, set.Count).GroupBy(index => keys[index]).OrderBy(group => ContentHash.Salted(group.Key, seed)).Select(group => group.ToArray());
    }

    private static UInt128[] Keys(ImageDataset set)
    {
        var keys = new UInt128[set.Count];
        Parallel.For(0, keys.Length, index => keys[index] = set.ContentKey(index));
        return keys;
    }

    private static List<int> Take(Queue<int[]> contents, double fraction, int total)
    {
        var taken = new List<int>();
        while (contents.Count > 1 && fraction > 0 && (taken.Count == 0 || taken.Count + contents.Peek().Length <= fraction * total)) taken.AddRange(contents.Dequeue());
        return taken;
    }

    private static SubsetDataset Part(ImageDataset set, IEnumerable<int> indices) => new(set, [.. indices.Order()]);
}
