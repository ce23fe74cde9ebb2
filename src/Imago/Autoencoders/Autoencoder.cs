using Imago.Images;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>What the raw output of a decoder is.</summary>
public enum DecoderOutput
{
    /// <summary>Logits: the pixel is their logistic function, in [0, 1].</summary>
    Logits,

    /// <summary>The pixel itself, unbounded.</summary>
    Mean,
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

    /// <summary>What the network is made of: enough to build it again.</summary>
    public abstract AutoencoderConfig Config { get; }

    /// <summary>Channels of the images.</summary>
    public abstract int Channels { get; }

    /// <summary>Height and width of the images that the network was made for: the only ones that it takes where it has linear layers over all pixels.</summary>
    public abstract (int Height, int Width) ImageSize { get; }

    /// <summary>The range of x in <see cref="Encode"/> and of <see cref="ToPixels"/>.</summary>
    public abstract PixelRange Pixels { get; }

    /// <summary>What <see cref="Decode"/> returns.</summary>
    public abstract DecoderOutput Output { get; }

    /// <summary>Whether <see cref="Encode"/> gives a distribution; a plain autoencoder gives a point (log σ² = −∞ is never formed; only the mean counts).</summary>
    public abstract bool IsVariational { get; }

    /// <summary>
    /// The logarithm of the decoder's own standard deviation, in the units of <see cref="Pixels"/>, learned together with the weights:
    /// a parameter that broadcasts over [B, C, H, W], or <see langword="null"/> where the network has none.
    /// </summary>
    public virtual Tensor? LogSigma => null;

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
    public virtual Tensor ToPixels(Tensor output) => Output == DecoderOutput.Logits ? output.sigmoid() : output.alias();

    /// <summary>A posterior that is a point.</summary>
    private protected static DiagonalGaussian Point(Tensor z) => new(z, zeros_like(z));
}
