using Imago.Models;

namespace Imago.Autoencoders;

/// <summary>What images need of a network.</summary>
/// <param name="Channels">1, 3 or 4.</param>
/// <param name="Height">Rows, in pixels.</param>
/// <param name="Width">Columns, in pixels.</param>
public sealed record ImageShape(int Channels, int Height, int Width);

/// <summary>Networks that suit images of any shape, when nothing but the kind is chosen.</summary>
public static class AutoencoderPresets
{
    private const int SmallestMap = 4, MostHalvings = 6;

    /// <summary>Kind of network → configuration for images of a shape. The last argument is the number of latents (latent channels, where latents are maps); null for a usual one.</summary>
    public static IReadOnlyDictionary<string, Func<ImageShape, int?, bool, AutoencoderConfig>> All { get; } = new SortedDictionary<string, Func<ImageShape, int?, bool, AutoencoderConfig>>(StringComparer.Ordinal)
    {
        ["conv"] = Conv,
        ["kl"] = Kl,
        ["mlp"] = Mlp,
        ["tiny"] = Tiny,
    };

    /// <summary>Two hidden layers of 400 units; a learned standard deviation for colour.</summary>
    private static MlpConfig Mlp(ImageShape shape, int? latents, bool isVariational) => new()
    {
        Channels = shape.Channels, Height = shape.Height, Width = shape.Width, Hidden = [400, 400], Latent = latents ?? 32,
        Variational = isVariational, LearnedSigma = shape.Channels > 1,
    };

    /// <summary>Halvings down to a map of about 4×4, normalised; a learned standard deviation for colour.</summary>
    private static ConvConfig Conv(ImageShape shape, int? latents, bool isVariational) => new()
    {
        Channels = shape.Channels, Height = shape.Height, Width = shape.Width, Latent = latents ?? 32,
        Widths = [.. Enumerable.Range(0, Halvings(shape)).Select(level => Math.Min(32 << level, 256))], Hidden = [256], NormGroups = 2,
        Activation = Activation.Silu, Variational = isVariational, LearnedSigma = shape.Channels > 1,
    };

    /// <summary>A small sibling of Stable Diffusion's: a quarter of the side, maps of 4 channels.</summary>
    private static KlConfig Kl(ImageShape shape, int? latents, bool isVariational) => isVariational
        ? new KlConfig
        {
            InChannels = shape.Channels, OutChannels = shape.Channels, BlockOutChannels = [32, 64, 64], LayersPerBlock = 1, NormNumGroups = 2,
            LatentChannels = latents ?? 4, SampleSize = shape.Height, LearnedSigma = true,
        }
        : throw new ArgumentException("The network kl always gives a distribution; choose the objective vae, or the network conv, mlp or tiny for a plain autoencoder.");

    /// <summary>A small sibling of TAESD: a quarter of the side, maps of 4 channels.</summary>
    private static TinyConfig Tiny(ImageShape shape, int? latents, bool isVariational) => isVariational
        ? throw new ArgumentException("The network tiny is a plain autoencoder; choose the objective ae, or the network conv, mlp or kl.")
        : new TinyConfig
        {
            InChannels = shape.Channels, OutChannels = shape.Channels, EncoderBlockOutChannels = [32, 32, 32], DecoderBlockOutChannels = [32, 32, 32],
            NumEncoderBlocks = [1, 1, 2], NumDecoderBlocks = [2, 1, 1], LatentChannels = latents ?? 4, SampleSize = shape.Height,
        };

    private static int Halvings(ImageShape shape)
    {
        var halvings = 0;
        for (var (h, w) = (shape.Height, shape.Width); halvings < MostHalvings && h % 2 == 0 && w % 2 == 0 && Math.Min(h, w) / 2 >= SmallestMap; (h, w) = (h / 2, w / 2)) halvings++;
        return halvings > 0
            ? halvings
            : throw new ArgumentException($"The network conv needs sides that can be halved; {shape.Width}×{shape.Height} cannot. Choose another size, or the network mlp.");
    }
}
