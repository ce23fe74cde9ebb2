using Imago.Images;
using Imago.Autoencoders;
using Imago.Layers;
using Imago.Probability;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Imago.Layers.Conv2d;
using GroupNorm = Imago.Layers.GroupNorm;
using Linear = Imago.Layers.Linear;

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
        Require(ActFn is "silu" or "swish" or "relu" or "gelu" or "mish", "act_fn", ActFn, "silu, swish, relu, gelu or mish");
        Require(LatentChannels is > 0 and <= 1024, "latent_channels", LatentChannels, "between 1 and 1024");
        Require(SampleSize is > 0 and <= 65536, "sample_size", SampleSize, "between 1 and 65536 pixels");
        Require(ScalingFactor > 0 && double.IsFinite(ScalingFactor), "scaling_factor", ScalingFactor, "a positive number");
        Require(LatentsMean is null || LatentsMean.Count == LatentChannels, "latents_mean", LatentsMean, $"one number for each of the {LatentChannels} latent channels");
        Require(LatentsStd is null || (LatentsStd.Count == LatentChannels && LatentsStd.All(s => s > 0)), "latents_std", LatentsStd, $"one positive number for each of the {LatentChannels} latent channels");
    }

    internal override Autoencoder Build() => new KlAutoencoder(this);

    internal Func<Tensor, Tensor> Activation => (ActFn is "swish" ? Models.Activation.Silu : Enum.Parse<Activation>(ActFn, ignoreCase: true)).Function();
}

/// <summary>The network of <see cref="KlConfig"/>; fields are the keys of diffusers' AutoencoderKL.</summary>
internal sealed class KlAutoencoder : Autoencoder
{
    private readonly KlConfig _config;
    private readonly KlEncoder encoder;
    private readonly KlDecoder decoder;
    private readonly Conv2d? quant_conv;
    private readonly Conv2d? post_quant_conv;
    private readonly Parameter? log_sigma;

    internal KlAutoencoder(KlConfig config)
        : base(nameof(KlAutoencoder))
    {
        _config = config;
        encoder = new KlEncoder(config, 2 * config.LatentChannels);
        decoder = new KlDecoder(config);
        quant_conv = config.UseQuantConv ? new Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1) : null;
        post_quant_conv = config.UsePostQuantConv ? new Conv2d(config.LatentChannels, config.LatentChannels, 1) : null;
        log_sigma = config.LearnedSigma ? new Parameter(zeros(1)) : null;
        RegisterComponents();
    }

    public override AutoencoderConfig Config => _config;

    public override int Channels => _config.InChannels;

    public override (int Height, int Width) ImageSize => (_config.SampleSize, _config.SampleSize);

    public override PixelRange Pixels => PixelRange.MinusOneToOne;

    public override DecoderOutput Output => DecoderOutput.Mean;

    public override bool IsVariational => true;

    public override Tensor? LogSigma => log_sigma;

    private int Factor => 1 << (_config.BlockOutChannels.Count - 1);

    public override long[] LatentShape(int height, int width) => height > 0 && width > 0 && height % Factor == 0 && width % Factor == 0
        ? [_config.LatentChannels, height / Factor, width / Factor]
        : throw new ArgumentException($"The network takes images whose sides are multiples of {Factor}, not {width}×{height} pixels: resize or crop them.");

    public override DiagonalGaussian Encode(Tensor x) => Posterior(Moments(x));

    /// <summary>Mean and raw log-variance, stacked along the channels: [B, 2D, h, w].</summary>
    internal Tensor Moments(Tensor x) => encoder.call(x).Through(quant_conv);

    /// <summary>The posterior of <see cref="Moments"/>; the log-variance is clamped to [−30, 20].</summary>
    internal static DiagonalGaussian Posterior(Tensor moments)
    {
        var halves = moments.chunk(2, 1);
        return new DiagonalGaussian(halves[0], halves[1].clamp(-30, 20));
    }

    public override Tensor Decode(Tensor z) => decoder.call(z.Through(post_quant_conv));
}

/// <summary>conv_in → down blocks → mid block → norm, act, conv_out.</summary>
internal sealed class KlEncoder : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Conv2d conv_in;
    private readonly ModuleList<DownBlock> down_blocks;
    private readonly MidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    internal KlEncoder(KlConfig config, int outChannels)
        : base(nameof(KlEncoder))
    {
        _activation = config.Activation;
        var widths = config.BlockOutChannels;
        conv_in = new Conv2d(config.InChannels, widths[0], 3, padding: 1);
        down_blocks = nn.ModuleList([.. widths.Select((width, i) => new DownBlock(config, widths[Math.Max(0, i - 1)], width, last: i + 1 == widths.Count))]);
        mid_block = new MidBlock(config);
        conv_norm_out = KlNorm.Of(config, widths[^1]);
        conv_out = new Conv2d(widths[^1], outChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = conv_in.call(x);
        foreach (var block in down_blocks) h = block.call(h);
        h = mid_block.call(h);
        return conv_out.call(_activation(conv_norm_out.call(h)));
    }

    private sealed class DownBlock : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<KlResidual> resnets;
        private readonly ModuleList<Downsample>? downsamplers;

        internal DownBlock(KlConfig config, int inChannels, int outChannels, bool last)
            : base(nameof(DownBlock))
        {
            resnets = nn.ModuleList([.. Enumerable.Range(0, config.LayersPerBlock).Select(i => new KlResidual(config, i == 0 ? inChannels : outChannels, outChannels))]);
            downsamplers = last ? null : nn.ModuleList(new Downsample(outChannels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor h)
        {
            foreach (var resnet in resnets) h = resnet.call(h);
            foreach (var downsampler in downsamplers ?? []) h = downsampler.call(h);
            return h;
        }
    }

    /// <summary>A 3×3 convolution of stride 2 after padding one row below and one column to the right.</summary>
    private sealed class Downsample : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;

        internal Downsample(int channels)
            : base(nameof(Downsample))
        {
            conv = new Conv2d(channels, channels, 3, stride: 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor h) => conv.call(nn.functional.pad(h, [0, 1, 0, 1]));
    }
}

/// <summary>conv_in → mid block → up blocks → norm, act, conv_out.</summary>
internal sealed class KlDecoder : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Conv2d conv_in;
    private readonly MidBlock mid_block;
    private readonly ModuleList<UpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    internal KlDecoder(KlConfig config)
        : base(nameof(KlDecoder))
    {
        _activation = config.Activation;
        int[] widths = [.. config.BlockOutChannels.Reverse()];
        conv_in = new Conv2d(config.LatentChannels, widths[0], 3, padding: 1);
        mid_block = new MidBlock(config);
        up_blocks = nn.ModuleList([.. widths.Select((width, i) => new UpBlock(config, widths[Math.Max(0, i - 1)], width, last: i + 1 == widths.Length))]);
        conv_norm_out = KlNorm.Of(config, widths[^1]);
        conv_out = new Conv2d(widths[^1], config.OutChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor z)
    {
        var h = mid_block.call(conv_in.call(z));
        foreach (var block in up_blocks) h = block.call(h);
        return conv_out.call(_activation(conv_norm_out.call(h)));
    }

    private sealed class UpBlock : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<KlResidual> resnets;
        private readonly ModuleList<Upsample>? upsamplers;

        internal UpBlock(KlConfig config, int inChannels, int outChannels, bool last)
            : base(nameof(UpBlock))
        {
            resnets = nn.ModuleList([.. Enumerable.Range(0, config.LayersPerBlock + 1).Select(i => new KlResidual(config, i == 0 ? inChannels : outChannels, outChannels))]);
            upsamplers = last ? null : nn.ModuleList(new Upsample(outChannels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor h)
        {
            foreach (var resnet in resnets) h = resnet.call(h);
            foreach (var upsampler in upsamplers ?? []) h = upsampler.call(h);
            return h;
        }
    }

    /// <summary>Nearest neighbour ×2, then a 3×3 convolution.</summary>
    private sealed class Upsample : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;

        internal Upsample(int channels)
            : base(nameof(Upsample))
        {
            conv = new Conv2d(channels, channels, 3, padding: 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor h) => conv.call(nn.functional.interpolate(h, scale_factor: [2, 2], mode: InterpolationMode.Nearest));
    }
}

/// <summary>Residual block, self-attention, residual block, at the lowest resolution.</summary>
internal sealed class MidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<KlAttention>? attentions;
    private readonly ModuleList<KlResidual> resnets;

    internal MidBlock(KlConfig config)
        : base(nameof(MidBlock))
    {
        var width = config.BlockOutChannels[^1];
        attentions = config.MidBlockAddAttention ? nn.ModuleList(new KlAttention(config, width)) : null;
        resnets = nn.ModuleList(new KlResidual(config, width, width), new KlResidual(config, width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor h)
    {
        h = resnets[0].call(h);
        foreach (var attention in attentions ?? []) h = attention.call(h);
        return resnets[1].call(h);
    }
}

/// <summary>conv2(a(norm2(conv1(a(norm1 x))))) + shortcut(x).</summary>
internal sealed class KlResidual : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;

    internal KlResidual(KlConfig config, int inChannels, int outChannels)
        : base(nameof(KlResidual))
    {
        _activation = config.Activation;
        norm1 = KlNorm.Of(config, inChannels);
        conv1 = new Conv2d(inChannels, outChannels, 3, padding: 1);
        norm2 = KlNorm.Of(config, outChannels);
        conv2 = new Conv2d(outChannels, outChannels, 3, padding: 1);
        conv_shortcut = inChannels == outChannels ? null : new Conv2d(inChannels, outChannels, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = conv1.call(_activation(norm1.call(x)));
        h = conv2.call(_activation(norm2.call(h)));
        return x.Through(conv_shortcut) + h;
    }
}

/// <summary>Self-attention over the positions of the feature map with one head of all channels, and a residual connection.</summary>
internal sealed class KlAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    internal KlAttention(KlConfig config, int channels)
        : base(nameof(KlAttention))
    {
        group_norm = KlNorm.Of(config, channels);
        to_q = new Linear(channels, channels);
        to_k = new Linear(channels, channels);
        to_v = new Linear(channels, channels);
        to_out = nn.ModuleList(new Linear(channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var tokens = group_norm.call(x).flatten(2).transpose(1, 2).unsqueeze(1);     // [B, 1 head, h·w, C]
        var h = nn.functional.scaled_dot_product_attention(to_q.call(tokens), to_k.call(tokens), to_v.call(tokens));
        return x + to_out[0].call(h).squeeze(1).transpose(1, 2).view_as(x);
    }
}

file static class KlNorm
{
    /// <summary>Every normalisation of this network has ε = 1e-6, whatever PyTorch's default.</summary>
    internal static GroupNorm Of(KlConfig config, int channels) => new(config.NormNumGroups, channels, eps: 1e-6);
}
