using System.Runtime.CompilerServices;
using Imago.Data;
using Imago.Text;

namespace Imago.Generation;

/// <summary>The tokenizer of a data set's captions.</summary>
internal static class CaptionTokenizer
{
    private const int CaptionsRead = 2000, LargestVocabulary = 1024;

    private static readonly ConditionalWeakTable<ImageDataset, BytePairTokenizer> Trained = [];

    /// <summary>Learned once from captions of the whole length of a set; the same set gives the same tokenizer.</summary>
    /// <exception cref="ArgumentException">The set has no captions.</exception>
    internal static BytePairTokenizer Of(ImageDataset set) => Trained.GetValue(set, Train);

    private static BytePairTokenizer Train(ImageDataset set)
    {
        var count = Math.Min(set.Count, CaptionsRead);
        var captions = new string?[count];
        Parallel.For(0, count, i => captions[i] = Caption(set, (int)((long)i * set.Count / count)));
        List<string> found = [.. captions.OfType<string>().Select(caption => caption.ToLowerInvariant())];
        if (found.Count == 0) throw new ArgumentException($"{set.Name} has no captions, so a model cannot learn from text; choose --condition class, attributes or none.");
        return BytePairTokenizer.Train(found, LargestVocabulary);
    }

    private static string? Caption(ImageDataset set, int index)
    {
        try
        {
            return set.Get(index).Caption;
        }
        catch (DataException)
        {
            return null;
        }
    }
}
