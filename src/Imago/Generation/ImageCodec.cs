using Imago.Autoencoders;
using Imago.Images;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Between pictures and what a diffusion model draws: the pixels themselves, or an autoencoder's latents brought to mean 0 and variance 1.</summary>
public abstract class ImageCodec : IDisposable
{
    /// <summary>Channels of the pictures.</summary>
    public abstract int ImageChannels { get; }

    /// <summary>Shape of what is drawn for a picture of a size: [C, H, W].</summary>
    /// <exception cref="ArgumentException">Pictures of that size cannot be drawn.</exception>
    public abstract long[] Shape(int height, int width);

    /// <summary>Pictures as the model knows them, without noise of their own (a posterior's mean).</summary>
    /// <param name="pixels">[B, C, H, W] in [−1, 1].</param>
    /// <returns>[B, …<see cref="Shape"/>].</returns>
    public abstract Tensor Encode(Tensor pixels);

    /// <summary>The pictures of what was drawn.</summary>
    /// <param name="x">[B, …<see cref="Shape"/>].</param>
    /// <returns>[B, C, H, W], black at −1 and white at 1, not clamped.</returns>
    public abstract Tensor Decode(Tensor x);

    /// <summary>Where the model draws anew when some pixels are to be: 1 there and 0 elsewhere.</summary>
    /// <param name="mask">[1, 1, H, W], 1 for a pixel to be drawn anew.</param>
    /// <returns>Broadcasts over [B, …<see cref="Shape"/>].</returns>
    public abstract Tensor Mask(Tensor mask);

    /// <summary>The type in which a network computes; results are float32 always.</summary>
    public ScalarType ComputeType { get; set; } = ScalarType.Float32;

    /// <summary>Moves what it holds to a device.</summary>
    internal virtual void To(Device device)
    {
    }

    /// <summary>Disposes what it holds.</summary>
    public abstract void Dispose();
}

/// <summary>
/// A model that draws pixels, or whole patches of them: with a side of k, the k² pixels of a patch are the channels of one position (Shi et al. 2016), a rearrangement
/// that loses nothing and makes the maps of a U-Net k² times smaller.
/// </summary>
/// <param name="channels">1 for grey, 3 for colour.</param>
/// <param name="patch">k, the side of a patch; 1 for pixels.</param>
public sealed class PixelCodec(int channels, int patch = 1) : ImageCodec
{
    /// <inheritdoc/>
    public override int ImageChannels => channels;

    /// <inheritdoc/>
    public override long[] Shape(int height, int width) => height % patch == 0 && width % patch == 0
        ? [channels * patch * patch, height / patch, width / patch]
        : throw new ArgumentException($"The model draws patches of {patch}×{patch} pixels, of which {width}×{height} is no multiple; choose another size.");

    /// <inheritdoc/>
    public override Tensor Encode(Tensor pixels) => patch == 1 ? pixels.alias() : nn.functional.pixel_unshuffle(pixels, patch);

    /// <inheritdoc/>
    public override Tensor Decode(Tensor x) => patch == 1 ? x.alias() : nn.functional.pixel_shuffle(x, patch);

    /// <inheritdoc/>
    public override Tensor Mask(Tensor mask) => WrappedTensorDisposeScope(() => Encode(mask.expand(-1, channels, -1, -1)));

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}

/// <summary>Mean and standard deviation of each latent channel over a data set: what brings latents to mean 0 and variance 1.</summary>
/// <param name="Mean">One number for each channel.</param>
/// <param name="Deviation">One number above 0 for each channel.</param>
public sealed record LatentScale(IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation)
{
    /// <summary>(z − mean) / deviation, channel by channel.</summary>
    /// <param name="z">Latents, [B, C, …].</param>
    public Tensor Normalise(Tensor z) => (z - Over(Mean, z)) / Over(Deviation, z);

    /// <summary>x · deviation + mean, channel by channel: the inverse of <see cref="Normalise"/>.</summary>
    /// <param name="x">Of mean 0 and variance 1, [B, C, …].</param>
    public Tensor Denormalise(Tensor x) => x * Over(Deviation, x) + Over(Mean, x);

    /// <summary>σ / deviation, channel by channel: what becomes of a standard deviation.</summary>
    /// <param name="sigma">Standard deviations of latents, [B, C, …].</param>
    public Tensor NormaliseDeviation(Tensor sigma) => sigma / Over(Deviation, sigma);

    /// <summary>Refuses numbers that cannot scale.</summary>
    /// <param name="channels">Latent channels of the autoencoder.</param>
    /// <exception cref="CheckpointException">There are not as many numbers as channels, or a deviation is not above 0.</exception>
    internal void Validate(long channels)
    {
        if (Mean.Count != channels || Deviation.Count != channels)
            throw new CheckpointException($"The scale of the latents has {Mean.Count} means and {Deviation.Count} deviations; the autoencoder has {channels} channels.");
        if (!Deviation.All(value => value > 0 && double.IsFinite(value)) || !Mean.All(double.IsFinite))
            throw new CheckpointException($"The scale of the latents must be of finite means and deviations above 0; the deviations are [{string.Join(", ", Deviation)}].");
    }

    private static Tensor Over(IReadOnlyList<double> values, Tensor x) => tensor(values.Select(value => (float)value).ToArray(), device: x.device).view(-1, 1, 1);
}

/// <summary>A model that draws latents. Latents that are no maps count as maps of one pixel: [D] is [D, 1, 1].</summary>
public sealed class LatentCodec : ImageCodec
{
    /// <summary>Takes over an autoencoder.</summary>
    /// <param name="autoencoder">Belongs to the codec from now on; put into evaluation mode.</param>
    /// <param name="scale">Mean and deviation of its latents.</param>
    public LatentCodec(Autoencoder autoencoder, LatentScale scale)
    {
        (Autoencoder, Scale) = (autoencoder, scale);
        autoencoder.eval();
    }

    /// <summary>The autoencoder.</summary>
    public Autoencoder Autoencoder { get; }

    /// <summary>Mean and deviation of its latents.</summary>
    public LatentScale Scale { get; }

    /// <summary>How many pixels a latent stands for in each direction.</summary>
    internal int Factor => Autoencoder.Config is KlConfig kl ? 1 << (kl.BlockOutChannels.Count - 1) : Autoencoder.ImageSize.Height / (int)ShapeOf(Autoencoder, Autoencoder.ImageSize.Height, Autoencoder.ImageSize.Width)[1];

    /// <inheritdoc/>
    public override int ImageChannels => Autoencoder.Channels;

    /// <inheritdoc/>
    public override long[] Shape(int height, int width) => ShapeOf(Autoencoder, height, width);

    /// <inheritdoc/>
    public override Tensor Encode(Tensor pixels) => WrappedTensorDisposeScope(() => Scale.Normalise(Posterior(Autoencoder, pixels.to(ComputeType)).Mean.to(ScalarType.Float32)));

    /// <inheritdoc/>
    public override Tensor Decode(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var z = Scale.Denormalise(x.to(float32));
        var isMap = Autoencoder.LatentShape(Autoencoder.ImageSize.Height, Autoencoder.ImageSize.Width).Length == 3;
        var pixels = Autoencoder.ToPixels(Autoencoder.Decode((isMap ? z : z.flatten(1)).to(ComputeType)).to(ScalarType.Float32));
        return Autoencoder.Pixels == PixelRange.ZeroToOne ? 2 * pixels - 1 : pixels;
    });

    /// <summary>Pictures as the model knows them, drawn from the posterior: mean + deviation · noise, scaled.</summary>
    /// <param name="pixels">[B, C, H, W] in [−1, 1].</param>
    /// <param name="noise">Unit normal numbers, [B, …]; or of more pictures than there are, for several samples of one.</param>
    internal Tensor Sample(Tensor pixels, Tensor noise) => WrappedTensorDisposeScope(() =>
    {
        var posterior = Posterior(Autoencoder, pixels);
        return Scale.Normalise(Autoencoder.IsVariational ? posterior.Mean + (0.5 * posterior.LogVar).exp() * noise : posterior.Mean);
    });

    /// <summary>A latent is drawn anew if any of its pixels is.</summary>
    /// <inheritdoc/>
    public override Tensor Mask(Tensor mask)
    {
        var shape = Shape((int)mask.shape[2], (int)mask.shape[3]);
        return nn.functional.adaptive_max_pool2d(mask, [shape[1], shape[2]]);
    }

    /// <summary>q(z|x), as maps.</summary>
    /// <param name="autoencoder">The network.</param>
    /// <param name="pixels">[B, C, H, W] in [−1, 1].</param>
    internal static DiagonalGaussian Posterior(Autoencoder autoencoder, Tensor pixels)
    {
        var posterior = autoencoder.Encode(autoencoder.Pixels == PixelRange.ZeroToOne ? (pixels + 1) / 2 : pixels);
        return posterior.Mean.dim() == 4 ? posterior : new DiagonalGaussian(AsMap(posterior.Mean), AsMap(posterior.LogVar));
    }

    /// <summary>[C, h, w] of the latents of a picture.</summary>
    internal static long[] ShapeOf(Autoencoder autoencoder, int height, int width) =>
        autoencoder.LatentShape(height, width) is { Length: 3 } map ? map : [autoencoder.LatentShape(height, width)[0], 1, 1];

    internal override void To(Device device) => Autoencoder.to(device);

    /// <inheritdoc/>
    public override void Dispose() => Autoencoder.Dispose();

    private static Tensor AsMap(Tensor z) => z.view(z.shape[0], -1, 1, 1);
}
