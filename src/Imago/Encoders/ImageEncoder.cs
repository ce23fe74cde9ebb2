using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Encoders;

/// <summary>A network that sees pictures.</summary>
public abstract class ImageEncoder : nn.Module
{
    /// <summary>Names the module.</summary>
    protected ImageEncoder(string name)
        : base(name)
    {
    }

    /// <summary>What the network is made of: enough to build it again.</summary>
    public abstract ImageEncoderConfig Config { get; }

    /// <summary>Sees pictures. Sides other than those of the network's own pictures are met by resizing its table of positions.</summary>
    /// <param name="pixels">[B, 3, H, W], standardised as the network was trained; their type is that of the computation.</param>
    /// <param name="masked">1 for each patch that is hidden, [B, patches]; for networks that were trained with such, else null.</param>
    /// <exception cref="ArgumentException">The channels or the sides do not fit.</exception>
    public EncoderOutput Encode(Tensor pixels, Tensor? masked = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.dim() != 4 || pixels.shape[1] != Config.NumChannels || pixels.shape[2] < Config.PatchSize || pixels.shape[3] < Config.PatchSize)
            throw new ArgumentException($"{GetName()}: the pictures are [{string.Join(", ", pixels.shape)}]; expected [batch, {Config.NumChannels}, height, width] of at least {Config.PatchSize} pixels.", nameof(pixels));
        return EncoderOutput.Of(() => Compute(pixels, masked));
    }

    private protected abstract EncoderOutput Compute(Tensor pixels, Tensor? masked);
}
