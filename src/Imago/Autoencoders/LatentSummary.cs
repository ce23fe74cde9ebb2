using Imago.Probability;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>What each latent of an autoencoder carries, over a data set.</summary>
/// <param name="KlPerLatent">Mean over the images of KL(q(z_u|x) ‖ p(z_u)), nats, one for each latent.</param>
/// <param name="VarianceOfMeans">Var over the images of E[z_u|x] (divided by N), one for each latent.</param>
/// <param name="ActiveUnits">Latents whose <paramref name="VarianceOfMeans"/> exceeds the threshold.</param>
public sealed record LatentSummary(IReadOnlyList<double> KlPerLatent, IReadOnlyList<double> VarianceOfMeans, int ActiveUnits)
{
    /// <summary>The threshold of Burda, Grosse and Salakhutdinov 2016, section 5.3.</summary>
    public const double ActivityThreshold = 0.01;

    /// <summary>Summarises the posteriors of a data set.</summary>
    /// <param name="posterior">q(z|x), [N, D] or [N, D, h, w]; positions count as latents of their own.</param>
    /// <param name="threshold">Above which variance of its mean a latent is active.</param>
    public static LatentSummary Of(DiagonalGaussian posterior, double threshold = ActivityThreshold)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var kl = posterior.KlPerLatent().flatten(1).to(float64).mean([0]).cpu();
        var variance = posterior.Mean.flatten(1).to(float64).var(0, unbiased: false).cpu();
        double[] variances = [.. variance.data<double>()];
        return new LatentSummary([.. kl.data<double>()], variances, variances.Count(v => v > threshold));
    }
}
