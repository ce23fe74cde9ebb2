using Imago.Data;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>What one latent does over a data set.</summary>
/// <param name="Index">Which one, from 0.</param>
/// <param name="Information">Mean KL(q(z_i|x) ‖ N(0, 1)) in nats; for a plain autoencoder the variance of its codes.</param>
/// <param name="Mean">Mean of the posterior means.</param>
/// <param name="StandardDeviation">Their standard deviation.</param>
/// <param name="Low">Their 1st percentile.</param>
/// <param name="High">Their 99th percentile.</param>
public sealed record LatentRange(int Index, double Information, double Mean, double StandardDeviation, double Low, double High);

/// <summary>The latents of a data set, and what is known of its pictures.</summary>
public sealed class LatentCodes : IDisposable
{
    private readonly long[]? _labels;
    private readonly float[]? _attributes;

    private LatentCodes(ImageDataset? dataset, bool isVariational, Tensor means, Tensor kl, IReadOnlyList<int> indices, long[]? labels, float[]? attributes, IReadOnlyList<SkippedImage> skipped)
    {
        (Dataset, IsVariational, Means, MeanKl, Indices, Skipped) = (dataset, isVariational, means, kl, indices, skipped);
        (_labels, _attributes) = (labels, attributes);
    }

    /// <summary>Where the pictures come from; <see langword="null"/> for samples of the model itself.</summary>
    public ImageDataset? Dataset { get; }

    /// <summary>Whether the model gives distributions, so that <see cref="MeanKl"/> means something.</summary>
    public bool IsVariational { get; }

    /// <summary>Posterior means, [N, D] float32.</summary>
    public Tensor Means { get; }

    /// <summary>KL(q(z_i|x) ‖ N(0, 1)) of every latent, averaged over the pictures: [D], nats, float64.</summary>
    public Tensor MeanKl { get; }

    /// <summary>Where each picture stands in the data set.</summary>
    public IReadOnlyList<int> Indices { get; }

    /// <summary>Pictures that could not be decoded, and are left out.</summary>
    public IReadOnlyList<SkippedImage> Skipped { get; }

    /// <summary>Class of each picture, −1 where it has none; empty without classes.</summary>
    public IReadOnlyList<long> Labels => _labels ?? [];

    /// <summary>The values of one attribute, in the order of <see cref="Indices"/>.</summary>
    /// <param name="index">Its place among the data set's attributes.</param>
    public IReadOnlyList<double> AttributeValues(int index)
    {
        var width = Dataset!.Attributes.Count;
        return [.. Enumerable.Range(0, Indices.Count).Select(row => (double)_attributes![row * width + index])];
    }

    /// <summary>Every latent, by decreasing information.</summary>
    public IReadOnlyList<LatentRange> Summarise()
    {
        using var scope = NewDisposeScope();
        var x = Means.to(float64);
        double[] mean = Numbers(x.mean([0])), deviation = Numbers(x.std(0, unbiased: false));
        double[] low = Numbers(x.quantile(0.01, dim: 0)), high = Numbers(x.quantile(0.99, dim: 0));
        var information = IsVariational ? Numbers(MeanKl) : [.. deviation.Select(s => s * s)];
        return [.. Enumerable.Range(0, mean.Length)
            .Select(i => new LatentRange(i, information[i], mean[i], deviation[i], low[i], high[i]))
            .OrderByDescending(latent => latent.Information)];

        static double[] Numbers(Tensor t) => t.data<double>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Means.Dispose();
        MeanKl.Dispose();
    }

    /// <summary>Collects batches; the kept tensors belong to the dispose scope around it.</summary>
    internal sealed class Builder(LatentSpace space, ImageDataset? dataset)
    {
        private readonly List<Tensor> _means = [];
        private readonly List<int> _indices = [];
        private readonly List<long> _labels = [];
        private readonly List<float> _attributes = [];
        private readonly double[] _kl = new double[space.Dimensions];

        internal int Count => _indices.Count;

        internal void Add(DiagonalGaussian posterior, ImageBatch? batch)
        {
            var count = (int)posterior.Mean.shape[0];
            _means.Add(posterior.Mean.MoveToOuterDisposeScope());
            if (space.Model.IsVariational)
            {
                var kl = posterior.KlPerLatent().sum([0L], type: float64).data<double>().ToArray();
                for (int i = 0; i < kl.Length; i++) _kl[i] += kl[i];
            }
            _indices.AddRange(batch?.Indices ?? Enumerable.Range(Count, count));
            if (batch?.Labels is { } labels) _labels.AddRange(labels.data<long>().ToArray());
            if (batch?.Attributes is { } attributes) _attributes.AddRange(attributes.data<float>().ToArray());
        }

        internal LatentCodes Build(IReadOnlyList<SkippedImage> skipped)
        {
            var means = cat(_means).MoveToOuterDisposeScope();
            var kl = tensor(_kl.Select(sum => sum / Math.Max(Count, 1)).ToArray()).MoveToOuterDisposeScope();
            return new LatentCodes(
                dataset, space.Model.IsVariational, means, kl, _indices,
                _labels.Count > 0 ? [.. _labels] : null, _attributes.Count > 0 ? [.. _attributes] : null, skipped);
        }
    }
}
