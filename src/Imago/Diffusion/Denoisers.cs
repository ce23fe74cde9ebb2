using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Denoisers made of networks, and of other denoisers.</summary>
public static class Denoisers
{
    /// <summary>The denoiser of a network.</summary>
    /// <param name="network">
    /// Noisy images [B, C, H, W] in the scale of the process, and what it is told of the noise, fp32 [B] → its output [B, C, H, W], or [B, 2C, H, W] whose second
    /// half (a learned variance) is left aside.
    /// </param>
    /// <param name="prediction">What the output means.</param>
    /// <param name="process">The process that it was trained on.</param>
    /// <returns>
    /// A denoiser for levels in any scaling: x is brought to the process's α at the same σ/α first. The network is told the level's time, or, where that is not a
    /// number, the process's time at this σ/α.
    /// </returns>
    public static Denoiser FromNetwork(Func<Tensor, Tensor, Tensor> network, Prediction prediction, NoiseProcess process) => (x, level) =>
    {
        var own = process.AtRatio(level.Ratio);
        var scaled = own.Alpha == level.Alpha && own.Sigma == level.Sigma ? x : x * Scale(level, own);
        var time = double.IsNaN(level.Time) ? own.Time : level.Time;
        var output = network(scaled, full(x.shape[0], time, ScalarType.Float32, x.device)).to(x.dtype);
        return prediction.ToX0(output.narrow(1, 0, x.shape[1]), scaled, own);
    };

    /// <summary>The denoiser of a preconditioned network: D(x; σ) = c_skip x + c_out F(c_in x, c_noise) (Karras et al. 2022, Eq. 7), in the scale x = x₀ + σ ε.</summary>
    /// <param name="network">F: images [B, C, H, W] and c_noise, fp32 [B] → [B, C, H, W].</param>
    /// <param name="preconditioning">The four factors at σ.</param>
    public static Denoiser Preconditioned(Func<Tensor, Tensor, Tensor> network, Func<double, Preconditioning> preconditioning) => (x, level) =>
    {
        var c = preconditioning(level.Ratio);
        var exploding = x / level.Alpha;
        var output = network(c.In * exploding, full(x.shape[0], c.Noise, ScalarType.Float32, x.device)).to(x.dtype);
        return c.Skip * exploding + c.Out * output;
    };

    /// <summary>Keeps estimates of x₀ within ± a bound.</summary>
    /// <param name="denoise">The denoiser.</param>
    /// <param name="range">The bound: 1 for images in [−1, 1].</param>
    public static Denoiser Clipped(this Denoiser denoise, double range = 1) => (x, level) => denoise(x, level).clamp(-range, range);

    /// <summary>
    /// Dynamic thresholding (Saharia et al. 2022, section 2.3): each estimate is clipped at a quantile of its own absolute values and divided by it, so that
    /// saturated pixels are pushed inwards.
    /// </summary>
    /// <param name="denoise">The denoiser.</param>
    /// <param name="ratio">Which quantile, in [0, 1].</param>
    /// <param name="largest">The bound is at most this, and at least 1.</param>
    public static Denoiser Thresholded(this Denoiser denoise, double ratio = 0.995, double largest = 1) =>
        (x, level) => Thresholding.Dynamic(denoise(x, level), ratio, largest);

    private static double Scale(NoiseLevel from, NoiseLevel to) => from.Alpha > 0 ? to.Alpha / from.Alpha : to.Sigma / from.Sigma;
}
