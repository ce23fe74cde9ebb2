using System.Text.Json.Serialization;
using Imago.Images;
using Imago.Autoencoders;
using Imago.Layers;
using Imago.Probability;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The convolutional autoencoder of Burgess et al. 2018 ("Understanding disentangling in β-VAE", appendix A.1): 4×4 convolutions of stride 2, then
/// linear layers, and the mirror image as decoder. The defaults are that network for 64×64 pixels; widths, depth, normalisation and residual blocks
/// may be chosen.
/// </summary>
public sealed record ConvConfig : AutoencoderConfig
{
    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Height of the images, in pixels: a multiple of 2^(number of <see cref="Widths"/>).</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, in pixels: a multiple of 2^(number of <see cref="Widths"/>).</summary>
    public required int Width { get; init; }

    /// <summary>Channels after each halving of the resolution, from the pixels inwards.</summary>
    public IReadOnlyList<int> Widths { get; init; } = [32, 32, 32, 32];

    /// <summary>Units of the linear layers between the feature map and the latents, from the feature map inwards; may be empty.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [256, 256];

    /// <summary>Latents, D.</summary>
    public required int Latent { get; init; }

    /// <summary>The non-linearity after every layer but the heads.</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>Groups of the group normalisation after every convolution but the last; 0 for none, as in the paper.</summary>
    public int NormGroups { get; init; }

    /// <summary>Residual blocks at each resolution, on both sides; 0 as in the paper.</summary>
    public int Blocks { get; init; }

    /// <summary>What the decoder's last layer gives.</summary>
    public DecoderOutput Output { get; init; } = DecoderOutput.Logits;

    /// <inheritdoc/>
    [JsonIgnore]
    public override bool GivesLogits => Output == DecoderOutput.Logits;

    /// <summary>False for a plain autoencoder, whose encoder gives a point.</summary>
    public bool Variational { get; init; } = true;

    /// <summary>Whether the decoder has one learned standard deviation for all pixels.</summary>
    public bool LearnedSigma { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(Channels is 1 or 3 or 4, "channels", Channels, "1, 3 or 4");
        Require(Widths.Count is > 0 and <= 12 && Widths.All(n => n is > 0 and <= 8192), "widths", Widths, "1 to 12 numbers of channels between 1 and 8192");
        var factor = 1 << Widths.Count;
        Require(Height is > 0 and <= 4096 && Height % factor == 0, "height", Height, $"a multiple of {factor} (one halving for each of the {Widths.Count} widths), at most 4096");
        Require(Width is > 0 and <= 4096 && Width % factor == 0, "width", Width, $"a multiple of {factor} (one halving for each of the {Widths.Count} widths), at most 4096");
        Require(Hidden.All(n => n is > 0 and <= 65536), "hidden", Hidden, "a list of layer widths between 1 and 65536");
        Require(Latent is > 0 and <= 65536, "latent", Latent, "between 1 and 65536");
        Require(Blocks is >= 0 and <= 16, "blocks", Blocks, "between 0 and 16");
        Require(NormGroups >= 0 && (NormGroups == 0 || Widths.All(n => n % NormGroups == 0)), "norm_groups", NormGroups, $"0, or a divisor of every width [{string.Join(", ", Widths)}]");
    }

    internal override Autoencoder Build() => new ConvAutoencoder(this);
}

/// <summary>
/// The network of <see cref="ConvConfig"/>. Keys as in YannDubs/disentangling-vae: <c>encoder.{conv1, conv2, conv3, conv_64, lin1, lin2, mu_logvar_gen}</c>,
/// <c>decoder.{lin1, lin2, lin3, convT_64, convT1, convT2, convT3}</c>; further levels are <c>conv_128</c>, …, normalisations and residual blocks have
/// the suffix of their convolution (<c>norm_64</c>, <c>blocks_64.0</c>). The outputs of <c>mu_logvar_gen</c> are interleaved: μ₁, log σ²₁, μ₂, ….
/// </summary>
internal sealed class ConvAutoencoder : Autoencoder
{
    private readonly ConvConfig _config;
    private readonly ConvEncoder encoder;
    private readonly ConvDecoder decoder;
    private readonly Parameter? log_sigma;

    internal ConvAutoencoder(ConvConfig config)
        : base(nameof(ConvAutoencoder))
    {
        _config = config;
        encoder = new ConvEncoder(config);
        decoder = new ConvDecoder(config);
        log_sigma = config.LearnedSigma ? new Parameter(zeros(1)) : null;
        RegisterComponents();
    }

    public override AutoencoderConfig Config => _config;

    public override int Channels => _config.Channels;

    public override (int Height, int Width) ImageSize => (_config.Height, _config.Width);

    public override PixelRange Pixels => PixelRange.ZeroToOne;

    public override DecoderOutput Output => _config.Output;

    public override bool IsVariational => _config.Variational;

    public override Tensor? LogSigma => log_sigma;

    public override long[] LatentShape(int height, int width) => (height, width) == ImageSize
        ? [_config.Latent]
        : throw new ArgumentException($"The network takes images of {_config.Width}×{_config.Height} pixels, not {width}×{height}: resize them.");

    public override DiagonalGaussian Encode(Tensor x) => encoder.Posterior(x);

    public override Tensor Decode(Tensor z) => decoder.call(z);

    /// <summary>Residual blocks of one resolution.</summary>
    private static ModuleList<ResidualBlock> Blocks(ConvConfig config, int width) =>
        nn.ModuleList([.. Enumerable.Range(0, config.Blocks).Select(_ => new ResidualBlock(config, width))]);

    private static nn.Module<Tensor, Tensor>? Norm(ConvConfig config, int width) => config.NormGroups == 0 ? null : new Layers.GroupNorm(config.NormGroups, width);

    /// <summary>One resolution: a convolution that halves or doubles it, and what comes with it.</summary>
    private sealed record Level(nn.Module<Tensor, Tensor> Convolution, nn.Module<Tensor, Tensor>? Norm, ModuleList<ResidualBlock> Blocks)
    {
        internal Level RegisterIn(nn.Module owner, string convolution, string suffix)
        {
            owner.register_module(convolution + suffix, Convolution);
            if (Norm is not null) owner.register_module("norm" + suffix, Norm);
            if (Blocks.Count > 0) owner.register_module("blocks" + suffix, Blocks);
            return this;
        }
    }

    private sealed class ConvEncoder : nn.Module
    {
        private readonly List<Level> _levels = [];
        private readonly List<Linear> _hidden = [];
        private readonly Func<Tensor, Tensor> _activation;
        private readonly Func<Tensor, Tensor> _head;                  // no field of its own: its key depends on the kind of autoencoder
        private readonly bool _variational;

        internal ConvEncoder(ConvConfig config)
            : base(nameof(ConvEncoder))
        {
            _activation = config.Activation.Function();
            _variational = config.Variational;
            int[] widths = [config.Channels, .. config.Widths];
            for (var i = 1; i < widths.Length; i++)
            {
                var level = new Level(new Conv2d(widths[i - 1], widths[i], 4, stride: 2, padding: 1), Norm(config, widths[i]), Blocks(config, widths[i]));
                _levels.Add(level.RegisterIn(this, "conv", i <= 3 ? $"{i}" : $"_{4 << i}"));
            }
            int[] sizes = [Features(config), .. config.Hidden];
            for (var i = 1; i < sizes.Length; i++)
            {
                _hidden.Add(new Linear(sizes[i - 1], sizes[i]));
                register_module($"lin{i}", _hidden[^1]);
            }
            var head = new Linear(sizes[^1], config.Variational ? 2 * config.Latent : config.Latent);
            register_module(config.Variational ? "mu_logvar_gen" : "mu_gen", head);
            _head = head.call;
        }

        internal DiagonalGaussian Posterior(Tensor x)
        {
            var h = x;
            foreach (var (convolution, norm, blocks) in _levels)
            {
                h = _activation(convolution.call(h).Through(norm));
                foreach (var block in blocks) h = block.call(h);
            }
            h = _hidden.Aggregate(h.flatten(1), (h, lin) => _activation(lin.call(h)));
            var output = _head(h);
            if (!_variational) return Point(output);
            var pairs = output.view(x.shape[0], -1, 2);
            return new DiagonalGaussian(pairs.select(2, 0), pairs.select(2, 1));
        }
    }

    private sealed class ConvDecoder : nn.Module<Tensor, Tensor>
    {
        private readonly long[] _map;
        private readonly List<Level> _levels = [];
        private readonly List<Linear> _hidden = [];
        private readonly Func<Tensor, Tensor> _activation;

        internal ConvDecoder(ConvConfig config)
            : base(nameof(ConvDecoder))
        {
            _activation = config.Activation.Function();
            _map = [config.Widths[^1], config.Height >> config.Widths.Count, config.Width >> config.Widths.Count];
            int[] sizes = [config.Latent, .. config.Hidden.Reverse(), Features(config)];
            for (var i = 1; i < sizes.Length; i++)
            {
                _hidden.Add(new Linear(sizes[i - 1], sizes[i]));
                register_module($"lin{i}", _hidden[^1]);
            }
            int[] widths = [.. config.Widths.Reverse(), config.Channels];
            var extra = Math.Max(0, config.Widths.Count - 3);
            for (var i = 1; i < widths.Length; i++)
            {
                var last = i + 1 == widths.Length;
                var convolution = new ConvTranspose2d(widths[i - 1], widths[i], 4, stride: 2, padding: 1);
                var level = new Level(convolution, last ? null : Norm(config, widths[i]), Blocks(config, widths[i - 1]));
                _levels.Add(level.RegisterIn(this, "convT", i <= extra ? $"_{64 << (extra - i)}" : $"{i - extra}"));
            }
        }

        public override Tensor forward(Tensor z)
        {
            var h = _hidden.Aggregate(z, (h, lin) => _activation(lin.call(h))).view([z.shape[0], .. _map]);
            foreach (var (convolution, norm, blocks) in _levels)
            {
                foreach (var block in blocks) h = block.call(h);
                h = convolution.call(h).Through(norm);
                if (convolution != _levels[^1].Convolution) h = _activation(h);
            }
            return h;
        }
    }

    /// <summary>x + conv2(a(norm2(conv1(a(norm1 x))))), 3×3 (He et al. 2016, "Identity mappings in deep residual networks").</summary>
    private sealed class ResidualBlock : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _activation;
        private readonly nn.Module<Tensor, Tensor>? norm1;
        private readonly Conv2d conv1;
        private readonly nn.Module<Tensor, Tensor>? norm2;
        private readonly Conv2d conv2;

        internal ResidualBlock(ConvConfig config, int width)
            : base(nameof(ResidualBlock))
        {
            _activation = config.Activation.Function();
            norm1 = Norm(config, width);
            conv1 = new Conv2d(width, width, 3, padding: 1);
            norm2 = Norm(config, width);
            conv2 = new Conv2d(width, width, 3, padding: 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var h = conv1.call(_activation(x.Through(norm1)));
            return x + conv2.call(_activation(h.Through(norm2)));
        }
    }

    /// <summary>Numbers in the innermost feature map.</summary>
    private static int Features(ConvConfig config) => config.Widths[^1] * (config.Height >> config.Widths.Count) * (config.Width >> config.Widths.Count);
}
