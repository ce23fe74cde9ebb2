using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>What goes in and what comes out of an autoencoder.</summary>
public static class Reconstructions
{
    /// <summary>Encodes pictures and decodes their posterior means.</summary>
    /// <param name="space">The model.</param>
    /// <param name="images">[N, C, H, W] in [0, 1].</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>[N, C, H, W] in [0, 1].</returns>
    public static Tensor Of(LatentSpace space, Tensor images, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        return space.Decode(space.Encode(images).Mean, progress, cancellation).MoveToOuterDisposeScope();
    }

    /// <summary>Peak signal-to-noise ratio of each picture, in decibels (<see cref="ImageQuality.Psnr"/>).</summary>
    /// <param name="images">[N, C, H, W] in [0, 1].</param>
    /// <param name="others">Of the same shape.</param>
    public static double[] PeakSignalToNoise(Tensor images, Tensor others)
    {
        using var decibels = WrappedTensorDisposeScope(() => ImageQuality.Psnr(images.to(float64), others.to(float64)));
        return decibels.data<double>().ToArray();
    }
}

/// <summary>New pictures: decoded draws of a distribution over latents.</summary>
public static class PriorSamples
{
    /// <summary>z ~ N(0, temperature² I): the prior of a variational autoencoder. [count, D].</summary>
    /// <param name="space">The model.</param>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where the numbers come from.</param>
    /// <param name="temperature">Below 1: more typical and less varied.</param>
    public static Tensor Normal(LatentSpace space, int count, Generator generator, double temperature = 1) =>
        WrappedTensorDisposeScope(() => temperature * randn(count, space.Dimensions, generator: generator));

    /// <summary>z from a mixture fitted to codes: a plain autoencoder can be sampled too (Ghosh et al. 2020). [count, D].</summary>
    /// <param name="mixture">Of the D latents.</param>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where the numbers come from.</param>
    public static Tensor Mixture(GaussianMixture mixture, int count, Generator generator) =>
        WrappedTensorDisposeScope(() => mixture.Sample(count, generator).to(float32));
}

/// <summary>Pictures along one latent, all others kept.</summary>
public static class Traversals
{
    /// <summary>The latents where one coordinate takes each of the values: [V, D].</summary>
    /// <param name="z">The start, [D].</param>
    /// <param name="latent">Which coordinate.</param>
    /// <param name="values">V numbers.</param>
    public static Tensor Along(Tensor z, int latent, IReadOnlyList<double> values) => WrappedTensorDisposeScope(() =>
    {
        var path = z.unsqueeze(0).repeat(values.Count, 1);
        path[.., latent] = tensor(values.ToArray()).to(z.dtype);
        return path.alias();
    });

    /// <summary><paramref name="steps"/> values from the low to the high end, evenly.</summary>
    public static IReadOnlyList<double> Values(double low, double high, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        return [.. Enumerable.Range(0, steps).Select(i => low + (high - low) * i / (steps - 1))];
    }
}

/// <summary>How the direction of an attribute is found.</summary>
public enum DirectionMethod
{
    /// <summary>Mean of the examples with, less mean of those without.</summary>
    MeanDifference,

    /// <summary>The normal of logistic regression, classes weighted alike.</summary>
    Logistic,

    /// <summary>The normal of a support vector machine with squared hinge, classes weighted alike.</summary>
    SupportVectors,
}

/// <summary>A direction along which an attribute changes.</summary>
/// <param name="Vector">[D] float64. Adding it once (strength 1) moves by the distance of the classes' means along it.</param>
/// <param name="With">Examples with the attribute.</param>
/// <param name="Without">Examples without.</param>
/// <param name="Area">Area under the ROC curve of the dot product with the direction, on the examples themselves.</param>
/// <param name="Accuracy">Share of the examples on the right side of the best threshold.</param>
public sealed record AttributeDirection(Tensor Vector, int With, int Without, double Area, double Accuracy) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Vector.Dispose();
}

/// <summary>Adds an attribute to a picture, or takes it away, by moving its latent along a direction learned from labelled examples.</summary>
public static class AttributeEdit
{
    /// <summary>Learns the direction.</summary>
    /// <param name="z">Latents of the examples, [N, D].</param>
    /// <param name="labels">Who has the attribute.</param>
    /// <param name="method">How.</param>
    /// <param name="kept">Other attributes, by their labels: the direction becomes orthogonal to theirs, found in the same way.</param>
    public static AttributeDirection Learn(Tensor z, IReadOnlyList<bool> labels, DirectionMethod method = DirectionMethod.MeanDifference, params IReadOnlyList<IReadOnlyList<bool>> kept)
    {
        using var scope = NewDisposeScope();
        var own = AttributeDirections.Orthogonal(Raw(z, labels, method), [.. kept.Select(other => Raw(z, other, method))]);
        var vector = AttributeDirections.ScaledToMeans(own, z, labels);
        var scores = z.to(float64).mv(vector).data<double>().ToArray();
        var with = labels.Count(label => label);
        return new AttributeDirection(vector.MoveToOuterDisposeScope(), with, labels.Count - with, RocCurve.Area(scores, labels), RocCurve.BestThreshold(scores, labels).Accuracy);
    }

    /// <summary>z + s d for every latent and every strength, latent after latent: [N · S, D].</summary>
    /// <param name="z">[N, D].</param>
    /// <param name="direction">[D].</param>
    /// <param name="strengths">S numbers; 0 changes nothing, 1 adds the attribute, −1 takes it away.</param>
    public static Tensor Apply(Tensor z, Tensor direction, IReadOnlyList<double> strengths) => WrappedTensorDisposeScope(() =>
    {
        var s = tensor(strengths.ToArray()).to(z.dtype).view(1, -1, 1);
        return (z.unsqueeze(1) + s * direction.to(z.dtype)).flatten(0, 1);
    });

    private static Tensor Raw(Tensor z, IReadOnlyList<bool> labels, DirectionMethod method) => method switch
    {
        DirectionMethod.MeanDifference => AttributeDirections.MeanDifference(z, labels),
        DirectionMethod.Logistic => LinearClassifier.Logistic(z, labels, isBalanced: true).Weight,
        _ => LinearClassifier.SquaredHinge(z, labels, isBalanced: true).Weight,
    };
}

/// <summary>Maps of a whole latent space.</summary>
public static class LatentMap
{
    /// <summary>
    /// Latents on a grid of equal probability under N(0, I), for two latents: z = (Φ⁻¹(x), Φ⁻¹(y)) with x growing to the right and y upwards
    /// (Kingma and Welling 2014, appendix A). Row after row from the top: [side², 2].
    /// </summary>
    /// <param name="side">Pictures in a row.</param>
    public static Tensor Manifold(int side)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        return WrappedTensorDisposeScope(() =>
        {
            var quantiles = Interpolations.Quantile((arange(side, dtype: float64) + 0.5) / side).to(float32);
            var x = quantiles.unsqueeze(0).expand(side, side);
            var y = quantiles.flip(0).unsqueeze(1).expand(side, side);
            return stack([x, y], dim: 2).reshape(-1, 2);
        });
    }

    /// <summary>Where each code lies in the plane: the two latents themselves, or the two first principal components of more. [N, 2], and the share of the variance along each.</summary>
    /// <param name="codes">The codes.</param>
    public static (Tensor Points, double[] Shares) Plane(LatentCodes codes)
    {
        using var scope = NewDisposeScope();
        using var pca = PrincipalComponents.Fit(codes.Means, 2);
        var isPlane = codes.Means.shape[1] == 2;
        var points = isPlane ? codes.Means.to(float64) : pca.Project(codes.Means);
        var total = codes.Means.to(float64).var(0, unbiased: true);
        var shares = isPlane ? total / total.sum() : pca.ExplainedVarianceRatio;
        return (points.MoveToOuterDisposeScope(), shares.data<double>().ToArray());
    }
}
