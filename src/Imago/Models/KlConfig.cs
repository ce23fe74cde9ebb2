using Imago.Autoencoders;
using Imago.Models.Blocks;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The autoencoder of latent diffusion (Rombach et al. 2022; diffusers' <c>AutoencoderKL</c>), with the keys and the defaults of that class, so that
/// the <c>config.json</c> of a published checkpoint is read as it stands. Pixels in [−1, 1].
/// </summary>
public sealed record KlConfig : AutoencoderConfig
{
    /// <summary>Channels of the images that the encoder takes.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the images that the decoder gives.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>One <c>DownEncoderBlock2D</c> for each width; no other kind exists in published autoencoders of this class.</summary>
    public IReadOnlyList<string>? DownBlockTypes { get; init; }

    /// <summary>One <c>UpDecoderBlock2D</c> for each width.</summary>
    public IReadOnlyList<string>? UpBlockTypes { get; init; }

    /// <summary>Channels at each resolution, from the pixels inwards; the side is halved between two.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [64];

    /// <summary>Residual blocks at each resolution of the encoder; the decoder has one more.</summary>
    public int LayersPerBlock { get; init; } = 1;

    /// <summary>The non-linearity.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Channels of the latents.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Groups of every normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Side of the images that it was trained on, in pixels.</summary>
    public int SampleSize { get; init; } = 32;

    /// <summary>What a diffusion model multiplies latents by, so that they have about unit variance. The autoencoder itself does not apply it.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>What a diffusion model subtracts from latents before <see cref="ScalingFactor"/>; null for 0.</summary>
    public double? ShiftFactor { get; init; }

    /// <summary>Mean of each latent channel, where a diffusion model standardises channel by channel.</summary>
    public IReadOnlyList<double>? LatentsMean { get; init; }

    /// <summary>Standard deviation of each latent channel, where a diffusion model standardises channel by channel.</summary>
    public IReadOnlyList<double>? LatentsStd { get; init; }

    /// <summary>Whether decoding overflows in half precision, so that a pipeline should use a wider type for it.</summary>
    public bool ForceUpcast { get; init; } = true;

    /// <summary>Whether a 1×1 convolution follows the encoder.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>Whether a 1×1 convolution precedes the decoder.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Whether the two middle blocks have self-attention.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>Whether the decoder has one learned standard deviation for all pixels. Not a key of diffusers.</summary>
    public bool LearnedSigma { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(InChannels is > 0 and <= 64, "in_channels", InChannels, "between 1 and 64");
        Require(OutChannels is > 0 and <= 64, "out_channels", OutChannels, "between 1 and 64");
        Require(NormNumGroups is > 0 and <= 1024, "norm_num_groups", NormNumGroups, "between 1 and 1024");
        Require(BlockOutChannels.Count is > 0 and <= 10 && BlockOutChannels.All(n => n is > 0 and <= 8192 && n % NormNumGroups == 0),
            "block_out_channels", BlockOutChannels, $"1 to 10 numbers of channels, multiples of norm_num_groups = {NormNumGroups}");
        Require(DownBlockTypes is null || (DownBlockTypes.Count == BlockOutChannels.Count && DownBlockTypes.All(kind => kind == "DownEncoderBlock2D")),
            "down_block_types", DownBlockTypes, $"{BlockOutChannels.Count} times DownEncoderBlock2D; no other block is known");
        Require(UpBlockTypes is null || (UpBlockTypes.Count == BlockOutChannels.Count && UpBlockTypes.All(kind => kind == "UpDecoderBlock2D")),
            "up_block_types", UpBlockTypes, $"{BlockOutChannels.Count} times UpDecoderBlock2D; no other block is known");
        Require(LayersPerBlock is > 0 and <= 16, "layers_per_block", LayersPerBlock, "between 1 and 16");
        Require(Activations.Named(ActFn) is not null, "act_fn", ActFn, "silu, swish, relu, gelu or mish");
        Require(LatentChannels is > 0 and <= 1024, "latent_channels", LatentChannels, "between 1 and 1024");
        Require(SampleSize is > 0 and <= 65536, "sample_size", SampleSize, "between 1 and 65536 pixels");
        Require(ScalingFactor > 0 && double.IsFinite(ScalingFactor), "scaling_factor", ScalingFactor, "a positive number");
        Require(LatentsMean is null || LatentsMean.Count == LatentChannels, "latents_mean", LatentsMean, $"one number for each of the {LatentChannels} latent channels");
        Require(LatentsStd is null || (LatentsStd.Count == LatentChannels && LatentsStd.All(s => s > 0)), "latents_std", LatentsStd, $"one positive number for each of the {LatentChannels} latent channels");
    }

    internal override Autoencoder Build() => new KlAutoencoder(this);

    /// <summary>Every normalisation of this network has ε = 1e-6, whatever PyTorch's default.</summary>
    internal ResnetStyle Style => new(NormNumGroups, 1e-6, Activations.Named(ActFn)!.Value);

    /// <summary>One head of all channels.</summary>
    internal LevelAttention? MidAttention =>
        MidBlockAddAttention ? new(channels => new Attention(AttentionShape.OverMap(channels, channels, NormNumGroups, 1e-6)), Crosses: false) : null;
}
