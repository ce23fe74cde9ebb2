using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>Which numbers a network takes for black and white.</summary>
public enum PixelRange
{
    /// <summary>[0, 1].</summary>
    Unit,

    /// <summary>[−1, 1].</summary>
    Symmetric,
}

/// <summary>
/// An encoder and a decoder: what every tool of Imago that explores latents works with, whether the network was trained here or not.
/// </summary>
public abstract class Autoencoder : nn.Module
{
    /// <summary>Names the module.</summary>
    protected Autoencoder(string name)
        : base(name)
    {
    }

    /// <summary>Channels of the images.</summary>
    public abstract int Channels { get; }

    /// <summary>The range of x in <see cref="Encode"/> and of <see cref="ToPixels"/>.</summary>
    public abstract PixelRange Pixels { get; }

    /// <summary>Whether <see cref="Encode"/> gives a distribution; a plain autoencoder gives a point (log σ² = −∞ is never formed; only the mean counts).</summary>
    public abstract bool IsVariational { get; }

    /// <summary>The shape of one image's latents, without the batch axis: [D] or [D, h, w].</summary>
    /// <exception cref="ArgumentException">The network cannot take images of that size.</exception>
    public abstract long[] LatentShape(int height, int width);

    /// <summary>q(z|x).</summary>
    /// <param name="x">Images, [B, C, H, W] in <see cref="Pixels"/>.</param>
    /// <returns>Mean and log-variance, [B, …<see cref="LatentShape"/>]. For a plain autoencoder the log-variance is a tensor of zeros that nothing may use.</returns>
    public abstract DiagonalGaussian Encode(Tensor x);

    /// <summary>The decoder's raw output, before <see cref="ToPixels"/>: logits for a Bernoulli likelihood, the mean itself for networks without a final activation.</summary>
    /// <param name="z">Latents, [B, …<see cref="LatentShape"/>].</param>
    /// <returns>[B, C, H, W].</returns>
    public abstract Tensor Decode(Tensor z);

    /// <summary>The image that a raw output stands for, in <see cref="Pixels"/> (not clamped).</summary>
    public abstract Tensor ToPixels(Tensor output);
}
