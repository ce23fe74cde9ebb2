using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>How far generated pictures look real, and how much of what is real they show.</summary>
/// <param name="Precision">Share of generated features that lie in a ball around a real one.</param>
/// <param name="Recall">Share of real features that lie in a ball around a generated one.</param>
/// <param name="Density">Real balls that a generated feature lies in, on average, divided by k; it can exceed 1.</param>
/// <param name="Coverage">Share of balls around real features that hold a generated one.</param>
public readonly record struct ManifoldScores(double Precision, double Recall, double Density, double Coverage)
{
    /// <summary>Harmonic mean of precision and recall, with torch-fidelity's guard against 0/0: 2PR/max(10⁻⁵, P + R).</summary>
    public double FScore => 2 * Precision * Recall / Math.Max(1e-5, Precision + Recall);
}

/// <summary>How <see cref="PrecisionRecall"/> draws its balls.</summary>
/// <param name="Neighbours">k: a ball reaches to the k-th nearest neighbour in its own set.</param>
/// <param name="Strict">Whether a feature on the surface lies outside.</param>
public sealed record ManifoldOptions(int Neighbours, bool Strict)
{
    /// <summary>Kynkäänniemi et al. 2019, torch-fidelity, guided-diffusion: k = 3, the surface belongs to the ball.</summary>
    public static ManifoldOptions TorchFidelity { get; } = new(3, Strict: false);

    /// <summary>Naeem et al. 2020 and their package prdc: k = 5, the surface does not belong to the ball.</summary>
    public static ManifoldOptions Prdc { get; } = new(5, Strict: true);
}

/// <summary>
/// Improved precision and recall (Kynkäänniemi et al. 2019, Eqs. 1 and 2) and density and coverage (Naeem et al. 2020, Eqs. 6 and 7): a set of features stands for the balls
/// around them that reach to their k-th nearest neighbours.
/// </summary>
public static class PrecisionRecall
{
    /// <summary>All four scores.</summary>
    /// <param name="real">Features of real pictures, [N, D].</param>
    /// <param name="generated">Features of generated ones, [M, D].</param>
    /// <param name="options">The balls; null for <see cref="ManifoldOptions.TorchFidelity"/>.</param>
    /// <param name="cancellationToken">Ends the work after the block at hand.</param>
    /// <exception cref="ArgumentException">A set has no more than k features, shapes do not fit, or a feature is not a finite number.</exception>
    public static ManifoldScores Of(Tensor real, Tensor generated, ManifoldOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= ManifoldOptions.TorchFidelity;
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Neighbours, 1, nameof(options));
        FeatureMatrix.CheckPair(real, generated, fewest: options.Neighbours + 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var x = real.to(float64);
        var centre = x.mean([0L]);                                      // distances do not change, rounding does
        var (reals, fakes) = (x - centre, generated.to(float64) - centre);
        using var realBalls = new NeighbourBalls(reals, options.Neighbours, cancellationToken);
        using var fakeBalls = new NeighbourBalls(fakes, options.Neighbours, cancellationToken);
        var (n, m, k) = ((double)realBalls.Count, (double)fakeBalls.Count, options.Neighbours);
        long precise = 0, within = 0, recalled = 0;
        var holds = zeros(realBalls.Count, dtype: ScalarType.Bool);
        realBalls.Hold(fakes, options.Strict, inside =>
        {
            precise += Total(inside.any(0));
            within += Total(inside);
            holds.logical_or_(inside.any(1));
        }, cancellationToken);
        fakeBalls.Hold(reals, options.Strict, inside => recalled += Total(inside.any(0)), cancellationToken);
        return new ManifoldScores(precise / m, recalled / n, within / (k * m), Total(holds) / n);
    }

    /// <summary>Radius of the ball around each feature: the distance to its k-th nearest neighbour in the set, [N], float64.</summary>
    /// <param name="features">[N, D].</param>
    /// <param name="neighbours">k.</param>
    /// <exception cref="ArgumentException">There are no more than k features, or one of them is not a finite number.</exception>
    public static Tensor Radii(Tensor features, int neighbours)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbours, 1);
        FeatureMatrix.Check(features, fewest: neighbours + 1, nameof(features));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var x = features.to(float64);
        using var balls = new NeighbourBalls(x - x.mean([0L]), neighbours);
        return balls.Radii.MoveToOuterDisposeScope();
    }

    private static long Total(Tensor flags)
    {
        using var total = flags.sum();
        return total.item<long>();
    }
}
