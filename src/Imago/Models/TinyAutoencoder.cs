using Imago.Images;
using Imago.Autoencoders;
using Imago.Layers;
using Imago.Probability;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The tiny autoencoders of madebyollin/taesd, distilled from those of latent diffusion models: deterministic, pixels in [0, 1]. TAESD, TAESDXL, TAESD3,
/// TAEF1 (diffusers' <c>AutoencoderTiny</c>), TAEF2 (normalised pools in the innermost stage) and TAESANA (a stem of strided convolutions).
/// </summary>
public sealed record TinyConfig : AutoencoderConfig
{
    /// <summary>Channels of the images that the encoder takes.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the images that the decoder gives.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latents.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Convolutions of stride 2 before the first stage, by their output channels, each followed by ReLU. Without any, one convolution of stride 1.</summary>
    public IReadOnlyList<int> EncoderStem { get; init; } = [];

    /// <summary>Channels of each stage of the encoder, from the pixels inwards; the side is halved between two.</summary>
    public IReadOnlyList<int> EncoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Channels of each stage of the decoder, from the latents outwards; the side is doubled between two.</summary>
    public IReadOnlyList<int> DecoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Residual blocks in each stage of the encoder.</summary>
    public IReadOnlyList<int> NumEncoderBlocks { get; init; } = [1, 3, 3, 3];

    /// <summary>Residual blocks in each stage of the decoder; empty for an encoder alone.</summary>
    public IReadOnlyList<int> NumDecoderBlocks { get; init; } = [3, 3, 3, 1];

    /// <summary>Whether the blocks of the stage nearest to the latents have a normalised pool, on both sides (TAEF2).</summary>
    public bool LatentStagePool { get; init; }

    /// <summary>Latents are meant to lie in [−magnitude, magnitude].</summary>
    public double LatentMagnitude { get; init; } = 3;

    /// <summary>What maps a latent of 0 when latents are stored in [0, 1].</summary>
    public double LatentShift { get; init; } = 0.5;

    /// <summary>Side of the images that it was made for, in pixels.</summary>
    public int SampleSize { get; init; } = 256;

    /// <summary>What a diffusion model multiplies latents by. The autoencoder itself does not apply it.</summary>
    public double ScalingFactor { get; init; } = 1;

    /// <summary>What a diffusion model subtracts from latents before <see cref="ScalingFactor"/>; null for 0.</summary>
    public double? ShiftFactor { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(InChannels is > 0 and <= 64, "in_channels", InChannels, "between 1 and 64");
        Require(OutChannels is > 0 and <= 64, "out_channels", OutChannels, "between 1 and 64");
        Require(LatentChannels is > 0 and <= 1024, "latent_channels", LatentChannels, "between 1 and 1024");
        RequireStages("encoder_block_out_channels", EncoderBlockOutChannels, "num_encoder_blocks", NumEncoderBlocks);
        if (NumDecoderBlocks.Count > 0) RequireStages("decoder_block_out_channels", DecoderBlockOutChannels, "num_decoder_blocks", NumDecoderBlocks);
        Require(EncoderStem.Count <= 8 && EncoderStem.All(n => n is > 0 and <= 8192), "encoder_stem", EncoderStem, "at most 8 numbers of channels");
        Require(EncoderStem.Count == 0 || EncoderStem[^1] == EncoderBlockOutChannels[0], "encoder_stem", EncoderStem, $"a list that ends in the first stage's {EncoderBlockOutChannels[0]} channels");
        Require(LatentMagnitude > 0, "latent_magnitude", LatentMagnitude, "a positive number");
        Require(SampleSize is > 0 and <= 65536, "sample_size", SampleSize, "between 1 and 65536 pixels");
    }

    internal override Autoencoder Build() => new TinyAutoencoder(this);

    private static void RequireStages(string widthsKey, IReadOnlyList<int> widths, string blocksKey, IReadOnlyList<int> blocks)
    {
        Require(widths.Count is > 0 and <= 10 && widths.All(n => n is > 0 and <= 8192), widthsKey, widths, "1 to 10 numbers of channels");
        Require(blocks.Count == widths.Count && blocks.All(n => n is > 0 and <= 64), blocksKey, blocks, $"{widths.Count} numbers of blocks, one for each of {widthsKey}");
    }
}

/// <summary>The network of <see cref="TinyConfig"/>; keys <c>encoder.layers.N</c> and <c>decoder.layers.N</c> as in diffusers' AutoencoderTiny.</summary>
internal sealed class TinyAutoencoder : Autoencoder
{
    private readonly TinyConfig _config;
    private readonly TinyLayers encoder;
    private readonly TinyLayers? decoder;

    internal TinyAutoencoder(TinyConfig config)
        : base(nameof(TinyAutoencoder))
    {
        _config = config;
        encoder = new TinyLayers(EncoderLayers(config));
        decoder = config.NumDecoderBlocks.Count > 0 ? new TinyLayers(DecoderLayers(config)) : null;
        RegisterComponents();
    }

    /// <summary>The encoder's layers, <c>layers.N</c>.</summary>
    internal nn.Module Encoder => encoder;

    /// <summary>The decoder's layers, <c>layers.N</c>; null where only an encoder was loaded.</summary>
    internal nn.Module? Decoder => decoder;

    public override AutoencoderConfig Config => _config;

    public override int Channels => _config.InChannels;

    public override (int Height, int Width) ImageSize => (_config.SampleSize, _config.SampleSize);

    public override PixelRange Pixels => PixelRange.ZeroToOne;

    public override DecoderOutput Output => DecoderOutput.Mean;

    public override bool IsVariational => false;

    private int Factor => 1 << (_config.EncoderStem.Count + _config.NumEncoderBlocks.Count - 1);

    public override long[] LatentShape(int height, int width) => height > 0 && width > 0 && height % Factor == 0 && width % Factor == 0
        ? [_config.LatentChannels, height / Factor, width / Factor]
        : throw new ArgumentException($"The network takes images whose sides are multiples of {Factor}, not {width}×{height} pixels: resize or crop them.");

    public override DiagonalGaussian Encode(Tensor x) => Point(encoder.call(x));

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The network was loaded from an encoder's file alone.</exception>
    public override Tensor Decode(Tensor z)
    {
        if (decoder is null) throw new InvalidOperationException("This autoencoder has no decoder: only its encoder's file was loaded.");
        return decoder.call((z / _config.LatentMagnitude).tanh() * _config.LatentMagnitude);
    }

    /// <summary>Latents mapped to [0, 1], clamped: for storing them as 8-bit images.</summary>
    internal Tensor ScaleLatents(Tensor z) => (z / (2 * _config.LatentMagnitude) + _config.LatentShift).clamp(0, 1);

    /// <summary>The inverse of <see cref="ScaleLatents"/>, but for its clamp.</summary>
    internal Tensor UnscaleLatents(Tensor s) => (s - _config.LatentShift) * (2 * _config.LatentMagnitude);

    private static List<nn.Module<Tensor, Tensor>> EncoderLayers(TinyConfig config)
    {
        var widths = config.EncoderBlockOutChannels;
        var layers = new List<nn.Module<Tensor, Tensor>>();
        var channels = config.InChannels;
        foreach (var width in config.EncoderStem)
        {
            layers.AddRange([new Conv2d(channels, width, 3, stride: 2, padding: 1), nn.ReLU()]);
            channels = width;
        }
        if (config.EncoderStem.Count == 0) layers.Add(new Conv2d(channels, widths[0], 3, padding: 1));
        for (var stage = 0; stage < widths.Count; stage++)
        {
            if (stage > 0) layers.Add(new Conv2d(widths[stage - 1], widths[stage], 3, stride: 2, padding: 1, bias: false));
            var pool = config.LatentStagePool && stage + 1 == widths.Count;
            for (var i = 0; i < config.NumEncoderBlocks[stage]; i++) layers.Add(new TinyBlock(widths[stage], pool));
        }
        layers.Add(new Conv2d(widths[^1], config.LatentChannels, 3, padding: 1));
        return layers;
    }

    private static List<nn.Module<Tensor, Tensor>> DecoderLayers(TinyConfig config)
    {
        var widths = config.DecoderBlockOutChannels;
        List<nn.Module<Tensor, Tensor>> layers = [new Conv2d(config.LatentChannels, widths[0], 3, padding: 1), nn.ReLU()];
        for (var stage = 0; stage < widths.Count; stage++)
        {
            if (stage > 0) layers.AddRange([nn.Upsample(scale_factor: [2, 2], mode: UpsampleMode.Nearest), new Conv2d(widths[stage - 1], widths[stage], 3, padding: 1, bias: false)]);
            var pool = config.LatentStagePool && stage == 0;
            for (var i = 0; i < config.NumDecoderBlocks[stage]; i++) layers.Add(new TinyBlock(widths[stage], pool));
        }
        layers.Add(new Conv2d(widths[^1], config.OutChannels, 3, padding: 1));
        return layers;
    }

    private sealed class TinyLayers : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<nn.Module<Tensor, Tensor>> layers;

        internal TinyLayers(List<nn.Module<Tensor, Tensor>> sequence)
            : base(nameof(TinyLayers))
        {
            layers = nn.ModuleList([.. sequence]);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in layers) x = layer.call(x);
            return x;
        }
    }

    /// <summary>relu(conv(x) + x), conv three 3×3 convolutions with ReLU between; with a pool, x ← x + pool(x) first.</summary>
    private sealed class TinyBlock : nn.Module<Tensor, Tensor>
    {
        private readonly Sequential conv;
        private readonly Sequential? pool;

        internal TinyBlock(int channels, bool pooled)
            : base(nameof(TinyBlock))
        {
            Conv2d Conv() => new(channels, channels, 3, padding: 1);
            conv = nn.Sequential(Conv(), nn.ReLU(), Conv(), nn.ReLU(), Conv());
            pool = pooled
                ? nn.Sequential(new Conv2d(channels, 4 * channels, 1, bias: false), new Layers.GroupNorm(4, 4 * channels), nn.ReLU(), new Conv2d(4 * channels, channels, 1, bias: false))
                : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            if (pool is not null) x = x + pool.call(x);
            return nn.functional.relu(conv.call(x) + x);
        }
    }
}
