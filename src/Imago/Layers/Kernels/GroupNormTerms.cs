using System.Runtime.CompilerServices;

namespace Imago.Layers.Kernels;

/// <summary>
/// The numbers of a group normalisation, one for each channel of each image, [B·C]: with t what is added to the input, x̂ = Inverse·x + Offset is the normalised x + t and
/// u = Scale·x + Shift = x̂·weight + bias. Sums become them in float64.
/// </summary>
internal sealed class GroupNormTerms(GroupedMap map, float[]? addend, float[] weight, float[] bias, double eps)
{
    internal float[] Scale { get; } = new float[map.Batch * map.Channels];

    internal float[] Shift { get; } = new float[map.Batch * map.Channels];

    internal float[] Inverse { get; } = new float[map.Batch * map.Channels];

    internal float[] Offset { get; } = new float[map.Batch * map.Channels];

    /// <summary>Mean x̂ of each channel.</summary>
    private float[] Means { get; } = new float[map.Batch * map.Channels];

    /// <summary>
    /// Sums over an image's blocks as moments of groups (Chan et al. 1979): a group's variance is the mean of its channels' variances and of their means' squared distances
    /// from its own.
    /// </summary>
    /// <param name="image">Which image.</param>
    /// <param name="pivots">x₀, the image's first pixel [C].</param>
    /// <param name="sums">Σ (x − x₀) of each block and channel.</param>
    /// <param name="squares">Σ (x − x₀)² likewise.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void SetMoments(int image, ReadOnlySpan<float> pivots, ReadOnlySpan<float> sums, ReadOnlySpan<float> squares)
    {
        var (channels, width) = (map.Channels, map.Width);
        double[] means = Totals(sums), variances = Totals(squares);
        for (var c = 0; c < channels; c++)
        {
            means[c] /= map.Pixels;
            variances[c] = variances[c] / map.Pixels - means[c] * means[c];
            means[c] += pivots[c] + (addend is null ? 0.0 : addend[image * channels + c]);
        }
        for (var first = 0; first < channels; first += width)
        {
            var (mean, variance) = (0.0, 0.0);
            for (var c = first; c < first + width; c++) mean += means[c] / width;
            for (var c = first; c < first + width; c++) variance += (variances[c] + (means[c] - mean) * (means[c] - mean)) / width;
            var inverse = 1 / Math.Sqrt(Math.Max(variance, 0) + eps);
            for (var c = first; c < first + width; c++)
            {
                var i = image * channels + c;
                var offset = ((addend is null ? 0.0 : addend[i]) - mean) * inverse;
                (Inverse[i], Offset[i], Means[i]) = ((float)inverse, (float)offset, (float)((means[c] - mean) * inverse));
                (Scale[i], Shift[i]) = ((float)(weight[i] * inverse), (float)(weight[i] * offset + bias[i]));
            }
        }
    }

    /// <summary>
    /// With N numbers in a group: dweight = Σ du·x̂, dbias = Σ du, dx = (weight·du − Σ weight·du/N − x̂·Σ weight·du·x̂/N)·Inverse, sums over the group's channels and pixels,
    /// and dt = Σ dx over the pixels.
    /// </summary>
    /// <param name="image">Which image.</param>
    /// <param name="sums">Σ du of each block and channel.</param>
    /// <param name="products">Σ du·x̂ likewise.</param>
    /// <param name="gradient">Where the results go.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void SetGradient(int image, ReadOnlySpan<float> sums, ReadOnlySpan<float> products, GroupNormGradient gradient)
    {
        var (channels, width) = (map.Channels, map.Width);
        double[] ofBias = Totals(sums), ofWeight = Totals(products);
        var count = (double)map.Pixels * width;
        for (var first = 0; first < channels; first += width)
        {
            var (sum, product) = (0.0, 0.0);
            for (var c = first; c < first + width; c++)
            {
                sum += weight[image * channels + c] * ofBias[c];
                product += weight[image * channels + c] * ofWeight[c];
            }
            for (var c = first; c < first + width; c++)
            {
                var i = image * channels + c;
                (gradient.OfBias[i], gradient.OfWeight[i]) = ((float)ofBias[c], (float)ofWeight[c]);
                gradient.Slope[i] = (float)(-(double)Inverse[i] * Inverse[i] * product / count);
                gradient.Constant[i] = (float)(-Inverse[i] * (sum + Offset[i] * product) / count);
                gradient.OfAddend[i] = (float)(Inverse[i] * (weight[i] * ofBias[c] - map.Pixels * (sum + Means[i] * product) / count));
            }
        }
    }

    /// <summary>Each channel's sum over the blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double[] Totals(ReadOnlySpan<float> sums)
    {
        var totals = new double[map.Channels];
        for (var start = 0; start < sums.Length; start += totals.Length)
        {
            for (var c = 0; c < totals.Length; c++) totals[c] += sums[start + c];
        }
        return totals;
    }
}

/// <summary>Gradients for each channel of each image, and dx = Scale·du + Slope·x + Constant, all [B·C].</summary>
internal sealed class GroupNormGradient(int size)
{
    internal float[] OfWeight { get; } = new float[size];

    internal float[] OfBias { get; } = new float[size];

    internal float[] OfAddend { get; } = new float[size];

    internal float[] Slope { get; } = new float[size];

    internal float[] Constant { get; } = new float[size];
}
