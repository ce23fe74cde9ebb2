using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Estimates the clean image: E[x₀ | x]. Samplers know nothing else of a network: prediction type, conditioning, guidance, thresholding, progress and cancellation
/// are functions that take a denoiser and give a denoiser.
/// </summary>
/// <param name="x">The noisy images, [B, C, H, W]; not changed.</param>
/// <param name="level">How noisy they are.</param>
/// <returns>The estimate of x₀, a fresh tensor [B, C, H, W] that the caller owns.</returns>
public delegate Tensor Denoiser(Tensor x, NoiseLevel level);

/// <summary>The quantities that are equivalent to an estimate of x₀.</summary>
public static class Estimates
{
    /// <summary>ε̂ = (x − α x̂₀) / σ.</summary>
    /// <param name="x">The noisy images.</param>
    /// <param name="x0">The estimate of the clean ones.</param>
    /// <param name="level">How noisy x is; σ &gt; 0.</param>
    public static Tensor Epsilon(Tensor x, Tensor x0, NoiseLevel level) => (x - level.Alpha * x0) / level.Sigma;

    /// <summary>x = α x₀ + σ ε.</summary>
    /// <param name="x0">Clean images.</param>
    /// <param name="epsilon">Noise of the same shape.</param>
    /// <param name="level">How noisy x is to be.</param>
    public static Tensor Noisy(Tensor x0, Tensor epsilon, NoiseLevel level) => level.Alpha * x0 + level.Sigma * epsilon;
}
