using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>
/// A mixture of diagonal Gaussians over latents. With the posteriors of learned pseudo-inputs as components it is the VampPrior
/// (Tomczak and Welling 2018, Eq. 9).
/// </summary>
/// <param name="components">Means and log-variances, [K, D].</param>
/// <param name="logits">Unnormalised log-weights, [K]; null for equal weights.</param>
public sealed class MixturePrior(DiagonalGaussian components, Tensor? logits = null)
{
    /// <summary>log p(z), [B], nats.</summary>
    /// <param name="z">[B, D].</param>
    public Tensor LogDensity(Tensor z) => Joint(z).logsumexp(1);

    /// <summary>The probability of each component given z, [B, K].</summary>
    /// <param name="z">[B, D].</param>
    public Tensor Responsibilities(Tensor z) => Joint(z).softmax(1);

    /// <summary>log weight + log density under each component, [B, K].</summary>
    private Tensor Joint(Tensor z)
    {
        var densities = new DiagonalGaussian(components.Mean.unsqueeze(0), components.LogVar.unsqueeze(0)).LogDensityPerLatent(z.unsqueeze(1)).sum(2);
        return logits is null ? densities - Math.Log(components.Mean.shape[0]) : densities + logits.log_softmax(0);
    }
}
