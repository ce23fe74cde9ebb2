using Imago.Autoencoders;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Pictures of latents while they are drawn, far cheaper than decoding them.</summary>
public sealed class LatentPreview : IDisposable
{
    private readonly Tensor? _linear;
    private readonly Autoencoder? _tiny;

    private LatentPreview(Tensor? linear, Autoencoder? tiny) => (_linear, _tiny) = (linear, tiny);

    /// <summary>
    /// Colours as a linear function of the latents, one pixel for each: fitted by least squares to what the model's own decoder makes of a few smooth random latents.
    /// </summary>
    /// <param name="model">A model of latents.</param>
    /// <exception cref="ArgumentException">The model draws pixels.</exception>
    public static LatentPreview Linear(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Codec is not LatentCodec codec) throw new ArgumentException("The model draws pixels, which need no preview of their own.", nameof(model));
        const int Pictures = 4, Side = 16;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(0);
        var channels = codec.Shape(Side * codec.Factor, Side * codec.Factor)[0];
        var coarse = nn.functional.interpolate(randn([Pictures, channels, 4, 4], generator: generator), [Side, Side], mode: InterpolationMode.Bilinear, align_corners: false);
        var latents = coarse + 0.3 * randn([Pictures, channels, Side, Side], generator: generator);
        var colours = nn.functional.adaptive_avg_pool2d(codec.Decode(latents.to(model.Device)).cpu(), [Side, Side]);
        var fit = linalg.lstsq(WithOne(latents).to(float64), colours.permute(0, 2, 3, 1).flatten(0, 2).to(float64)).Solution;
        return new(fit.to(float32).DetachFromDisposeScope(), null);
    }

    /// <summary>A tiny autoencoder of the same latents, such as TAESD: sharp, and still a hundredth of the decoder's work.</summary>
    /// <param name="path">Its file or folder.</param>
    /// <exception cref="CheckpointException">There is no such autoencoder.</exception>
    public static LatentPreview Tiny(string path) => new(null, AutoencoderFiles.Load(path));

    /// <summary>The pictures of latents.</summary>
    /// <param name="latents">[B, C, H, W] as the model draws them: <see cref="GenerationStep.Estimate"/>.</param>
    /// <exception cref="ArgumentException">They have other channels.</exception>
    public IReadOnlyList<PixelImage> Draw(Tensor latents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var x = latents.cpu().to(float32);
        if (_tiny is null) return Pictures.FromBatch(matmul(WithOne(x), _linear!).view(x.shape[0], x.shape[2], x.shape[3], 3).permute(0, 3, 1, 2), PixelRange.MinusOneToOne);
        if (_tiny.Config is TinyConfig tiny && tiny.LatentChannels != x.shape[1]) throw new ArgumentException($"The preview's autoencoder reads latents of {tiny.LatentChannels} channels, the model draws {x.shape[1]}; it belongs to another family.", nameof(latents));
        return Pictures.FromBatch(_tiny.ToPixels(_tiny.Decode(x)), _tiny.Pixels);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _linear?.Dispose();
        _tiny?.Dispose();
    }

    /// <summary>[B·H·W, C + 1]: every latent, and 1.</summary>
    private static Tensor WithOne(Tensor x) => cat([x, ones_like(x.narrow(1, 0, 1))], 1).permute(0, 2, 3, 1).flatten(0, 2);
}
