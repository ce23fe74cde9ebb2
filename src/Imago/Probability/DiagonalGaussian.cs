using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>
/// A Gaussian with independent components, N(μ, diag σ²): the approximate posterior q(z|x) of a variational autoencoder
/// (Kingma and Welling 2014, section 3 and appendix B).
/// </summary>
/// <remarks>σ² is kept as its logarithm, so that the standard deviation is exp(½ log σ²). Sums run over all axes but the first; nats throughout.</remarks>
public sealed class DiagonalGaussian
{
    /// <summary>Creates the distribution from its parameters.</summary>
    /// <param name="mean">μ, [B, …].</param>
    /// <param name="logVar">log σ², of the same shape.</param>
    public DiagonalGaussian(Tensor mean, Tensor logVar)
    {
        Mean = mean;
        LogVar = logVar;
    }

    /// <summary>μ, [B, …]; also the mode.</summary>
    public Tensor Mean { get; }

    /// <summary>log σ², [B, …].</summary>
    public Tensor LogVar { get; }

    /// <summary>σ = exp(½ log σ²), [B, …].</summary>
    public Tensor StandardDeviation => (0.5 * LogVar).exp();

    /// <summary>z = μ + σ·ε, differentiable in μ and σ (Kingma and Welling 2014, Eq. 4 and section 2.4).</summary>
    /// <param name="eps">ε ~ N(0, I), of the shape of <see cref="Mean"/> (or broadcastable to it).</param>
    public Tensor Sample(Tensor eps) => Mean + StandardDeviation * eps;

    /// <summary>KL(q ‖ N(0, I)) of every component, [B, …]: ½(μ² + σ² − 1 − log σ²) (Kingma and Welling 2014, appendix B).</summary>
    public Tensor KlPerLatent() => 0.5 * (Mean.square() + LogVar.exp() - 1 - LogVar);

    /// <summary>KL(q ‖ N(0, I)) of every image, [B].</summary>
    public Tensor Kl() => KlPerLatent().flatten(1).sum(1);

    /// <summary>
    /// KL(q ‖ p) of every component for another Gaussian p, [B, …]: ½(log σₚ² − log σ² + (σ² + (μ − μₚ)²)/σₚ² − 1).
    /// </summary>
    /// <param name="other">p, of the same shape (or broadcastable to it).</param>
    public Tensor KlPerLatent(DiagonalGaussian other) =>
        0.5 * (other.LogVar - LogVar + (LogVar.exp() + (Mean - other.Mean).square()) * (-other.LogVar).exp() - 1);

    /// <summary>KL(q ‖ p) of every image, [B].</summary>
    /// <param name="other">p, of the same shape (or broadcastable to it).</param>
    public Tensor Kl(DiagonalGaussian other) => KlPerLatent(other).flatten(1).sum(1);

    /// <summary>log q(z) of every component, [B, …]: −½(log 2π + log σ² + (z − μ)²/σ²).</summary>
    /// <param name="z">Points, of the shape of <see cref="Mean"/> (or broadcastable with it).</param>
    public Tensor LogDensityPerLatent(Tensor z) => -0.5 * (Math.Log(2 * Math.PI) + LogVar + (z - Mean).square() * (-LogVar).exp());

    /// <summary>log q(z) of every image, [B].</summary>
    /// <param name="z">Points, of the shape of <see cref="Mean"/>.</param>
    public Tensor LogDensity(Tensor z) => LogDensityPerLatent(z).flatten(1).sum(1);

    /// <summary>Differential entropy of every component, [B, …]: ½(1 + log 2π + log σ²).</summary>
    public Tensor EntropyPerLatent() => 0.5 * (1 + Math.Log(2 * Math.PI) + LogVar);

    /// <summary>Differential entropy of every image, [B].</summary>
    public Tensor Entropy() => EntropyPerLatent().flatten(1).sum(1);

    /// <summary>log N(z; 0, 1) of every component, [B, …].</summary>
    /// <param name="z">Points, [B, …].</param>
    public static Tensor LogPriorPerLatent(Tensor z) => -0.5 * (Math.Log(2 * Math.PI) + z.square());

    /// <summary>log N(z; 0, I) of every image, [B]: the density of the prior.</summary>
    /// <param name="z">Points, [B, …].</param>
    public static Tensor LogPrior(Tensor z) => LogPriorPerLatent(z).flatten(1).sum(1);
}
