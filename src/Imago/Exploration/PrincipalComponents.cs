using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>
/// Principal component analysis: the orthogonal axes along which points vary most (Pearson 1901). In float64.
/// </summary>
/// <remarks>Signs are fixed by making the entry of largest magnitude of every axis positive. Variances divide by N − 1.</remarks>
public sealed class PrincipalComponents : IDisposable
{
    private PrincipalComponents(Tensor mean, Tensor components, Tensor explainedVariance, Tensor explainedVarianceRatio, long points)
    {
        Mean = mean;
        Components = components;
        ExplainedVariance = explainedVariance;
        ExplainedVarianceRatio = explainedVarianceRatio;
        Points = points;
    }

    /// <summary>The mean of the points, [D].</summary>
    public Tensor Mean { get; }

    /// <summary>The axes as rows, by decreasing variance, [K, D].</summary>
    public Tensor Components { get; }

    /// <summary>Variance along every axis, [K].</summary>
    public Tensor ExplainedVariance { get; }

    /// <summary>The share of the total variance, [K].</summary>
    public Tensor ExplainedVarianceRatio { get; }

    /// <summary>N, the number of points.</summary>
    public long Points { get; }

    /// <summary>Singular values of the centred points, [K].</summary>
    public Tensor SingularValues() => WrappedTensorDisposeScope(() => (ExplainedVariance * (Points - 1)).sqrt());

    /// <summary>Finds the axes.</summary>
    /// <param name="points">[N, D], at least two.</param>
    /// <param name="count">How many axes to keep; all (at most min(N, D)) by default.</param>
    public static PrincipalComponents Fit(Tensor points, int? count = null)
    {
        if (points.dim() != 2 || points.shape[0] < 2) throw new ArgumentException($"PCA needs points of shape [N, D] with N at least 2; got [{string.Join(", ", points.shape)}].", nameof(points));
        var kept = Math.Min(count ?? long.MaxValue, Math.Min(points.shape[0], points.shape[1]));
        ArgumentOutOfRangeException.ThrowIfLessThan(kept, 1, nameof(count));

        using var scope = NewDisposeScope();
        var x = points.detach().to(float64, CPU);
        var mean = x.mean([0]);
        var centred = x - mean;
        var (values, vectors) = linalg.eigh(centred.t().mm(centred) / (x.shape[0] - 1));       // ascending; axes as columns
        var variance = values.flip(0).clamp(min: 0);
        var axes = vectors.t().flip(0);
        var largest = axes.gather(1, axes.abs().argmax(1, keepdim: true));
        axes = axes * largest.sign();
        return new PrincipalComponents(
            mean.MoveToOuterDisposeScope(),
            axes[..(int)kept].contiguous().MoveToOuterDisposeScope(),
            variance[..(int)kept].clone().MoveToOuterDisposeScope(),
            (variance[..(int)kept] / variance.sum()).MoveToOuterDisposeScope(),
            x.shape[0]);
    }

    /// <summary>Coordinates along the axes: [N, D] → [N, K], float64.</summary>
    public Tensor Project(Tensor points) => WrappedTensorDisposeScope(() => (points.to(float64, CPU) - Mean).mm(Components.t()));

    /// <summary>Coordinates divided by the standard deviation along their axis.</summary>
    public Tensor Whiten(Tensor points) => WrappedTensorDisposeScope(() => Project(points) / ExplainedVariance.sqrt());

    /// <summary>The points with these coordinates: [N, K] → [N, D], float64.</summary>
    public Tensor Reconstruct(Tensor coordinates) => WrappedTensorDisposeScope(() => coordinates.mm(Components) + Mean);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { Mean, Components, ExplainedVariance, ExplainedVarianceRatio }) tensor.Dispose();
    }
}
