using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>The shape that the components of a <see cref="GaussianMixture"/> may take.</summary>
public enum MixtureCovariance
{
    /// <summary>Each its own matrix, [K, D, D].</summary>
    Full,

    /// <summary>One matrix for all, [D, D].</summary>
    Tied,

    /// <summary>Each its own variances, [K, D].</summary>
    Diagonal,

    /// <summary>Each one variance, [K].</summary>
    Spherical,
}

/// <summary>
/// p(z) = Σ_k π_k N(z; μ_k, Σ_k), fitted by expectation and maximisation (Dempster, Laird and Rubin 1977). Fitted to the latents of a data
/// set it is a prior that a decoder was trained on, even a plain autoencoder's (Ghosh et al. 2020, "ex-post density estimation"). In float64.
/// </summary>
public sealed class GaussianMixture : IDisposable
{
    private const double MachineEpsilon = 2.220446049250313e-16;

    private GaussianMixture(Tensor weights, Tensor means, Tensor covariances, MixtureCovariance kind)
    {
        Weights = weights;
        Means = means;
        Covariances = covariances;
        Kind = kind;
    }

    /// <summary>π, [K].</summary>
    public Tensor Weights { get; }

    /// <summary>μ, [K, D].</summary>
    public Tensor Means { get; }

    /// <summary>Σ, of the shape of <see cref="Kind"/>.</summary>
    public Tensor Covariances { get; }

    /// <summary>The shape of <see cref="Covariances"/>.</summary>
    public MixtureCovariance Kind { get; }

    /// <summary>Mean log-likelihood of the points before the last maximisation.</summary>
    public double LowerBound { get; private init; } = double.NegativeInfinity;

    /// <summary>Steps made.</summary>
    public int Iterations { get; private init; }

    /// <summary>A mixture with given parameters, which it copies.</summary>
    /// <param name="weights">[K], positive, of sum 1.</param>
    /// <param name="means">[K, D].</param>
    /// <param name="covariances">Of the shape of <paramref name="kind"/>, positive definite.</param>
    /// <param name="kind">Which shape that is.</param>
    public static GaussianMixture Create(Tensor weights, Tensor means, Tensor covariances, MixtureCovariance kind)
    {
        var (k, d) = (means.shape[0], means.shape[1]);
        long[] expected = kind switch
        {
            MixtureCovariance.Full => [k, d, d],
            MixtureCovariance.Tied => [d, d],
            MixtureCovariance.Diagonal => [k, d],
            _ => [k],
        };
        if (!covariances.shape.AsSpan().SequenceEqual(expected))
            throw new ArgumentException($"Covariances of kind {kind} must be [{string.Join(", ", expected)}]; got [{string.Join(", ", covariances.shape)}].", nameof(covariances));
        return new GaussianMixture(Copy(weights), Copy(means), Copy(covariances), kind);

        static Tensor Copy(Tensor t) => t.detach().to(float64, CPU, copy: true);
    }

    /// <summary>Every component with the same covariance, reduced to the shape of <paramref name="kind"/> (its diagonal, the mean of its diagonal).</summary>
    /// <param name="weights">[K].</param>
    /// <param name="means">[K, D].</param>
    /// <param name="covariance">[D, D].</param>
    /// <param name="kind">The shape wanted.</param>
    public static GaussianMixture CreateShared(Tensor weights, Tensor means, Tensor covariance, MixtureCovariance kind)
    {
        using var scope = NewDisposeScope();
        var k = means.shape[0];
        var covariances = kind switch
        {
            MixtureCovariance.Full => covariance.unsqueeze(0).repeat(k, 1, 1),
            MixtureCovariance.Tied => covariance,
            MixtureCovariance.Diagonal => covariance.diagonal().unsqueeze(0).repeat(k, 1),
            _ => covariance.diagonal().mean().repeat(k),
        };
        return Kept(Create(weights, means, covariances, kind));
    }

    /// <summary>Fits a mixture from a start found by k-means++ and a few rounds of k-means.</summary>
    /// <param name="z">Points, [N, D].</param>
    /// <param name="components">K, at most N.</param>
    /// <param name="kind">The shape of the covariances.</param>
    /// <param name="seed">Where the start is drawn from.</param>
    /// <param name="regularisation">Added to the diagonals in every step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public static GaussianMixture Fit(Tensor z, int components, MixtureCovariance kind = MixtureCovariance.Full, long seed = 0, double regularisation = 1e-6, CancellationToken cancellation = default)
    {
        if (z.dim() != 2 || components < 1 || components > z.shape[0])
            throw new ArgumentOutOfRangeException(nameof(components), components, $"A mixture of {components} components needs at least that many points of shape [N, D]; got [{string.Join(", ", z.shape)}].");
        using var scope = NewDisposeScope();
        var x = z.detach().to(float64, CPU);
        var centred = x - x.mean([0]);
        var covariance = centred.t().mm(centred) / x.shape[0] + regularisation * eye(x.shape[1], dtype: float64);
        var start = CreateShared(full(components, 1.0 / components, dtype: float64), KMeans(x, components, seed), covariance, kind);
        return Kept(start.Improve(x, 200, 1e-4, regularisation, cancellation));
    }

    /// <summary>Expectation and maximisation from this mixture on, until the mean log-likelihood changes by less than <paramref name="tolerance"/>.</summary>
    /// <param name="z">Points, [N, D].</param>
    /// <param name="iterations">At most so many steps.</param>
    /// <param name="tolerance">In nats for one point; 0 makes all the steps.</param>
    /// <param name="regularisation">Added to the diagonals in every step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>A new mixture.</returns>
    public GaussianMixture Improve(Tensor z, int iterations, double tolerance, double regularisation = 1e-6, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var x = z.detach().to(float64, CPU);
        var (mixture, bound) = (Create(Weights, Means, Covariances, Kind), double.NegativeInfinity);
        for (int iteration = 1; iteration <= iterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var joint = mixture.LogJoint(x);
            var density = joint.logsumexp(1, keepdim: true);
            var (before, now) = (bound, density.mean().item<double>());
            var next = Kept(Maximise(x, (joint - density).exp(), regularisation, Kind, now, iteration));
            mixture.Dispose();
            (mixture, bound) = (next, now);
            if (Math.Abs(now - before) < tolerance) break;
        }
        return Kept(mixture);
    }

    /// <summary>log p(z) of every row of [N, D]: [N], in nats.</summary>
    public Tensor LogDensity(Tensor z) => WrappedTensorDisposeScope(() => LogJoint(z.detach().to(float64, CPU)).logsumexp(1));

    /// <summary>p(k | z) of every row: [N, K].</summary>
    public Tensor Responsibilities(Tensor z) => WrappedTensorDisposeScope(() =>
    {
        var joint = LogJoint(z.detach().to(float64, CPU));
        return (joint - joint.logsumexp(1, keepdim: true)).exp();
    });

    /// <summary>Bayesian information criterion: −2 Σ log p + P log N for P free parameters (Schwarz 1978); the lower, the better.</summary>
    public double InformationCriterion(Tensor z)
    {
        var (k, d) = (Means.shape[0], Means.shape[1]);
        var covariance = Kind switch
        {
            MixtureCovariance.Full => k * d * (d + 1) / 2,
            MixtureCovariance.Tied => d * (d + 1) / 2,
            MixtureCovariance.Diagonal => k * d,
            _ => k,
        };
        using var density = LogDensity(z);
        return -2 * density.sum().item<double>() + (covariance + k * d + k - 1) * Math.Log(z.shape[0]);
    }

    /// <summary>Draws points: [count, D], float64.</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where the numbers come from.</param>
    public Tensor Sample(int count, Generator generator) => WrappedTensorDisposeScope(() =>
    {
        var component = Weights.multinomial(count, replacement: true, generator: generator);
        var eps = randn(count, Means.shape[1], dtype: float64, generator: generator);
        return Means.index_select(0, component) + Factor().index_select(0, component).matmul(eps.unsqueeze(2)).squeeze(2);
    });

    /// <summary>log π_k + log N(z; μ_k, Σ_k): [N, K]. With Σ = L Lᵀ: −½ (D log 2π + |L⁻¹ (z − μ)|²) − log |L|.</summary>
    private Tensor LogJoint(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var factor = Factor();                                                          // [K, D, D]
        var whitened = linalg.inv(factor).matmul((x.unsqueeze(0) - Means.unsqueeze(1)).transpose(1, 2));  // [K, D, N]
        var logDeterminant = factor.diagonal(dim1: 1, dim2: 2).log().sum(1);
        var logNormal = -0.5 * (Means.shape[1] * Math.Log(2 * Math.PI) + whitened.square().sum(1)) - logDeterminant.unsqueeze(1);
        return (logNormal + Weights.log().unsqueeze(1)).t();
    });

    /// <summary>L with Σ_k = L Lᵀ, lower triangular: [K, D, D].</summary>
    private Tensor Factor() => Kind switch
    {
        MixtureCovariance.Full => linalg.cholesky(Covariances),
        MixtureCovariance.Tied => linalg.cholesky(Covariances).unsqueeze(0).repeat(Means.shape[0], 1, 1),
        MixtureCovariance.Diagonal => Covariances.sqrt().diag_embed(),
        _ => Covariances.sqrt().unsqueeze(1).repeat(1, Means.shape[1]).diag_embed(),
    };

    /// <summary>The mixture that is likeliest for points shared out by responsibilities [N, K].</summary>
    private static GaussianMixture Maximise(Tensor x, Tensor responsibilities, double regularisation, MixtureCovariance kind, double bound, int iteration)
    {
        using var scope = NewDisposeScope();
        var sizes = responsibilities.sum([0]) + 10 * MachineEpsilon;                      // keeps an empty component finite
        var means = responsibilities.t().mm(x) / sizes.unsqueeze(1);
        var unit = regularisation * eye(x.shape[1], dtype: float64);
        var variances = () => responsibilities.t().mm(x.square()) / sizes.unsqueeze(1) - means.square() + regularisation;
        var covariances = kind switch
        {
            MixtureCovariance.Full => stack(Enumerable.Range(0, (int)means.shape[0]).Select(k => Scatter(x - means[k], responsibilities[.., k]) / sizes[k] + unit)),
            MixtureCovariance.Tied => (x.t().mm(x) - means.t().mm(sizes.unsqueeze(1) * means)) / sizes.sum() + unit,
            MixtureCovariance.Diagonal => variances(),
            _ => variances().mean([1]),
        };
        return new GaussianMixture((sizes / sizes.sum()).MoveToOuterDisposeScope(), means.MoveToOuterDisposeScope(), covariances.MoveToOuterDisposeScope(), kind)
        {
            LowerBound = bound,
            Iterations = iteration,
        };
    }

    private static Tensor Scatter(Tensor centred, Tensor weights) => (weights.unsqueeze(1) * centred).t().mm(centred);

    /// <summary>Centres by k-means++ (Arthur and Vassilvitskii 2007) and ten rounds of Lloyd's algorithm.</summary>
    private static Tensor KMeans(Tensor x, int count, long seed)
    {
        using var generator = new Generator((ulong)seed);
        var squared = full(x.shape[0], double.PositiveInfinity, dtype: float64);
        var chance = ones(x.shape[0], dtype: float64);
        List<Tensor> centres = [];
        for (int k = 0; k < count; k++)
        {
            centres.Add(x.index_select(0, chance.multinomial(1, generator: generator)).squeeze(0));
            squared = minimum(squared, (x - centres[k]).square().sum(1));
            chance = squared.sum().item<double>() > 0 ? squared : ones_like(squared);      // all points coincide with centres
        }
        var means = stack(centres);
        for (int round = 0; round < 10; round++)
        {
            var nearest = cdist(x, means).argmin(1);
            var member = nn.functional.one_hot(nearest, count).to(float64);                   // [N, K]
            var sizes = member.sum([0]).unsqueeze(1);
            means = where(sizes > 0, member.t().mm(x) / sizes.clamp(min: 1), means);
        }
        return means;
    }

    private static GaussianMixture Kept(GaussianMixture mixture)
    {
        foreach (var tensor in mixture.Parameters) tensor.MoveToOuterDisposeScope();
        return mixture;
    }

    private Tensor[] Parameters => [Weights, Means, Covariances];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Parameters) tensor.Dispose();
    }
}
