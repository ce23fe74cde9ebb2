using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Data whose optimal denoiser is known: a mixture Σ wₖ N(mₖ, sₖ² 1) over the D = C·H·W numbers of an image. What a sampler does wrong with it is the sampler's own error.
/// </summary>
public sealed class GaussianMixtureDenoiser
{
    private readonly Tensor means, variances, logWeights;

    /// <summary>Takes copies of the parameters.</summary>
    /// <param name="means">mₖ, [K, D].</param>
    /// <param name="deviations">sₖ ≥ 0, [K].</param>
    /// <param name="weights">wₖ &gt; 0, [K]; they need not add up to 1.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public GaussianMixtureDenoiser(Tensor means, Tensor deviations, Tensor weights)
    {
        if (means.dim() != 2 || deviations.dim() != 1 || weights.dim() != 1 || deviations.shape[0] != means.shape[0] || weights.shape[0] != means.shape[0])
            throw new ArgumentException($"A mixture of K Gaussians in D dimensions needs means [K, D], deviations [K] and weights [K], not [{string.Join(", ", means.shape)}], [{string.Join(", ", deviations.shape)}] and [{string.Join(", ", weights.shape)}].", nameof(means));
        this.means = means.clone().DetachFromDisposeScope();
        variances = deviations.square().DetachFromDisposeScope();
        logWeights = (weights.log() - weights.sum().log()).DetachFromDisposeScope();
    }

    /// <summary>E[x₀ | x] at a level of any process.</summary>
    /// <param name="x">[B, …] with D numbers an image; not changed.</param>
    /// <param name="level">How noisy x is.</param>
    /// <returns>A fresh tensor of x's shape.</returns>
    public Tensor Denoise(Tensor x, NoiseLevel level)
    {
        using var scope = NewDisposeScope();
        var (y, v) = (x.reshape(x.shape[0], -1).unsqueeze(1), level.Alpha * level.Alpha * variances + level.Sigma * level.Sigma);         // [B, 1, D], [K]
        var r = Joint(y, level, v).softmax(1).unsqueeze(2);                                                                                // [B, K, 1]
        var gain = (level.Alpha * variances / v).unsqueeze(1);
        return (r * (means + gain * (y - level.Alpha * means))).sum(1L).reshape(x.shape).MoveToOuterDisposeScope();
    }

    /// <summary>ln p(x) of the noisy images at a level, in nats, [B].</summary>
    /// <param name="x">[B, …] with D numbers an image; not changed.</param>
    /// <param name="level">How noisy x is.</param>
    public Tensor LogDensity(Tensor x, NoiseLevel level)
    {
        using var scope = NewDisposeScope();
        var v = level.Alpha * level.Alpha * variances + level.Sigma * level.Sigma;
        return Joint(x.reshape(x.shape[0], -1).unsqueeze(1), level, v).logsumexp(1).MoveToOuterDisposeScope();
    }

    /// <summary>ln wₖ N(x; α mₖ, vₖ), [B, K].</summary>
    private Tensor Joint(Tensor y, NoiseLevel level, Tensor v) =>
        logWeights - (y - level.Alpha * means).square().sum(2L) / (2 * v) - means.shape[1] / 2.0 * (2 * Math.PI * v).log();
}
