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
}
