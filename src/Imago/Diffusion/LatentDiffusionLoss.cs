using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The objective of latent diffusion's code (Rombach et al. 2022), which learns how uncertain each time is and can add a share of the variational bound.</summary>
public static class LatentDiffusionLoss
{
    /// <summary>mean(L/e^r + r) + w mean(v L), with r = log variance.</summary>
    /// <param name="perImage">L, the plain squared error of each image, [B].</param>
    /// <param name="logVariance">r of each image's time, [B]: a parameter, or 0.</param>
    /// <param name="boundWeights">v of each image's level, [B].</param>
    /// <param name="elboWeight">w.</param>
    public static Tensor Loss(Tensor perImage, Tensor logVariance, Tensor boundWeights, double elboWeight) =>
        (perImage / logVariance.exp() + logVariance).mean() + elboWeight * (boundWeights * perImage).mean();

    /// <summary>v for ε: β²/(2 β̃ α (1 − ᾱ)), what the error of ε counts in the bound; the cleanest level takes that of the next.</summary>
    /// <param name="process">The process.</param>
    /// <param name="t">The time, an integer.</param>
    public static double BoundWeightOfEpsilon(VariancePreserving process, int t)
    {
        t = Math.Max(t, 1);
        var (alphaBar, before) = (process.AlphaBars[t], process.AlphaBars[t - 1]);
        var beta = 1 - alphaBar / before;
        var posterior = beta * (1 - before) / (1 - alphaBar);
        return beta * beta / (2 * posterior * (1 - beta) * (1 - alphaBar));
    }

    /// <summary>v for x₀ as the published code computes it: ½√ᾱ/(2 − ᾱ). (Its parentheses make 2·1 − ᾱ of what was to be 2(1 − ᾱ).)</summary>
    /// <inheritdoc cref="BoundWeightOfEpsilon"/>
    public static double BoundWeightOfSample(VariancePreserving process, int t)
    {
        var alphaBar = process.AlphaBars[Math.Max(t, 1)];
        return 0.5 * Math.Sqrt(alphaBar) / (2 - alphaBar);
    }
}
