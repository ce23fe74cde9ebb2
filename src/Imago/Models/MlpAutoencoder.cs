using System.Text.Json.Serialization;
using Imago.Images;
using Imago.Autoencoders;
using Imago.Probability;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The fully connected autoencoder of Burda, Grosse and Salakhutdinov 2016 (section 5): deterministic layers, tanh, on both sides of a Gaussian.
/// </summary>
public sealed record MlpConfig : AutoencoderConfig
{
    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Height of the images, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Units of the hidden layers from the pixels inwards; the decoder mirrors them. Burda et al.: two of 200.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [200, 200];

    /// <summary>Latents, D. Burda et al.: 50.</summary>
    public required int Latent { get; init; }

    /// <summary>The non-linearity after every hidden layer.</summary>
    public Activation Activation { get; init; } = Activation.Tanh;

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
        Require(Height is > 0 and <= 4096, "height", Height, "between 1 and 4096");
        Require(Width is > 0 and <= 4096, "width", Width, "between 1 and 4096");
        Require(Hidden.Count > 0 && Hidden.All(n => n is > 0 and <= 65536), "hidden", Hidden, "a list of layer widths between 1 and 65536");
        Require(Latent is > 0 and <= 65536, "latent", Latent, "between 1 and 65536");
    }

    internal override Autoencoder Build() => new MlpAutoencoder(this);
}

/// <summary>The network of <see cref="MlpConfig"/>. Keys: <c>encoder.{lin1, lin2, …, mu, logvar}</c>, <c>decoder.{lin1, lin2, …, out}</c>.</summary>
internal sealed class MlpAutoencoder : Autoencoder
{
    private readonly MlpConfig _config;
    private readonly MlpEncoder encoder;
    private readonly MlpDecoder decoder;
    private readonly Parameter? log_sigma;

    internal MlpAutoencoder(MlpConfig config)
        : base(nameof(MlpAutoencoder))
    {
        _config = config;
        encoder = new MlpEncoder(config);
        decoder = new MlpDecoder(config);
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

    public override DiagonalGaussian Encode(Tensor x) => encoder.Posterior(x.flatten(1));

    public override Tensor Decode(Tensor z) => decoder.call(z).view(z.shape[0], _config.Channels, _config.Height, _config.Width);

    private static List<Linear> Layers(nn.Module owner, IReadOnlyList<int> sizes)
    {
        var layers = new List<Linear>();
        for (var i = 1; i < sizes.Count; i++)
        {
            layers.Add(new Linear(sizes[i - 1], sizes[i]));
            owner.register_module($"lin{i}", layers[^1]);
        }
        return layers;
    }

    private sealed class MlpEncoder : nn.Module
    {
        private readonly List<Linear> _hidden;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly Linear mu;
        private readonly Linear? logvar;

        internal MlpEncoder(MlpConfig config)
            : base(nameof(MlpEncoder))
        {
            _activation = config.Activation.Function();
            _hidden = Layers(this, [config.Channels * config.Height * config.Width, .. config.Hidden]);
            mu = new Linear(config.Hidden[^1], config.Latent);
            logvar = config.Variational ? new Linear(config.Hidden[^1], config.Latent) : null;
            RegisterComponents();
        }

        internal DiagonalGaussian Posterior(Tensor x)
        {
            var h = _hidden.Aggregate(x, (h, lin) => _activation(lin.call(h)));
            return logvar is null ? Point(mu.call(h)) : new DiagonalGaussian(mu.call(h), logvar.call(h));
        }
    }

    private sealed class MlpDecoder : nn.Module<Tensor, Tensor>
    {
        private readonly List<Linear> _hidden;
        private readonly Func<Tensor, Tensor> _activation;
        private readonly Linear @out;

        internal MlpDecoder(MlpConfig config)
            : base(nameof(MlpDecoder))
        {
            _activation = config.Activation.Function();
            _hidden = Layers(this, [config.Latent, .. config.Hidden.Reverse()]);
            @out = new Linear(config.Hidden[0], config.Channels * config.Height * config.Width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor z) => @out.call(_hidden.Aggregate(z, (h, lin) => _activation(lin.call(h))));
    }
}
