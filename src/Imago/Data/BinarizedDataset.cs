using Imago.Images;

namespace Imago.Data;

/// <summary>
/// A data set with every pixel drawn once and for all from a Bernoulli distribution with the grey level as its probability: "fixed" (or
/// "static") binarisation, on which likelihoods of binary images are compared (Larochelle and Murray 2011; Burda et al. 2016, section 5).
/// </summary>
/// <remarks>Pixel k of image i is white when u(seed, i, k) &lt; level / 255, with u from SplitMix64 (Steele et al. 2014): the same on every platform and in any order.</remarks>
public sealed class BinarizedDataset : ImageDataset
{
    private readonly ImageDataset _source;
    private readonly ulong _seed;

    /// <summary>Wraps a data set.</summary>
    /// <param name="source">Its images; alpha is drawn like the other channels.</param>
    /// <param name="seed">Which of the possible binarisations.</param>
    public BinarizedDataset(ImageDataset source, ulong seed)
    {
        _source = source;
        _seed = seed;
    }

    /// <inheritdoc/>
    public override string Name => $"{_source.Name}-binary";

    /// <inheritdoc/>
    public override int Count => _source.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _source.Attributes;

    /// <inheritdoc/>
    public override string Describe(int index) => _source.Describe(index);

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        var item = _source.Get(index);
        var binary = new byte[item.Image.Pixels.Length];
        var random = new SplitMix64(SplitMix64.Mix(_seed ^ SplitMix64.Mix((ulong)index + 1)));
        for (int k = 0; k < binary.Length; k++)
        {
            var u = (random.Next() >> 11) * (1.0 / (1UL << 53));
            binary[k] = u < item.Image.Pixels[k] / 255.0 ? (byte)255 : (byte)0;
        }
        return item with { Image = item.Image with { Pixels = binary } };
    }
}
