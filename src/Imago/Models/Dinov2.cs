using Imago.Encoders;
using Imago.Layers;
using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>DINOv2 (Oquab et al. 2024) with the keys and defaults of transformers' <c>Dinov2Config</c>.</summary>
public sealed record Dinov2Config : ImageEncoderConfig
{
    /// <summary>Features of a token.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Heads of each attention.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Features inside the feed-forward layers for each of a token.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <inheritdoc/>
    public override int PatchSize { get; init; } = 14;

    /// <summary>The non-linearity of the feed-forward layers, as transformers names it.</summary>
    public string HiddenAct { get; init; } = "gelu";

    /// <summary>Added to the variance in every normalisation.</summary>
    public double LayerNormEps { get; init; } = 1e-6;

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>What a fresh layer's branches are multiplied by.</summary>
    public double LayerscaleValue { get; init; } = 1;

    /// <summary>Whether the feed-forward layers are gated (Shazeer 2020) and two thirds as wide.</summary>
    public bool UseSwigluFfn { get; init; }

    /// <summary>Whether there is a token for hidden patches.</summary>
    public bool UseMaskToken { get; init; } = true;

    internal int Inner => (int)(HiddenSize * MlpRatio);

    /// <summary>Two thirds, up to a multiple of eight.</summary>
    internal int GatedInner => (Inner * 2 / 3 + 7) / 8 * 8;

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(MlpRatio is > 0 and <= 64, "mlp_ratio", MlpRatio, "above 0, at most 64");
        RequireSizes(HiddenSize, NumHiddenLayers, NumAttentionHeads, Inner);
        RequirePatches();
        Require(Activations.Named(HiddenAct) is not null, "hidden_act", HiddenAct, "gelu, quick_gelu, gelu_new, relu, silu, tanh or mish");
        Require(LayerNormEps > 0, "layer_norm_eps", LayerNormEps, "positive");
    }

    private protected override ImageEncoder Build() => new Dinov2(this);
}

/// <summary>Class token and patches → layers → layernorm; fields are the keys of published files.</summary>
internal sealed class Dinov2 : ImageEncoder
{
    private readonly Dinov2Config _config;
    private readonly Dinov2Embeddings embeddings;
    private readonly Dinov2Layers encoder;
    private readonly LayerNorm layernorm;

    internal Dinov2(Dinov2Config config)
        : base(nameof(Dinov2))
    {
        _config = config;
        embeddings = new Dinov2Embeddings(config);
        encoder = new Dinov2Layers(config);
        layernorm = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override ImageEncoderConfig Config => _config;

    private protected override EncoderOutput Compute(Tensor pixels, Tensor? masked)
    {
        var states = encoder.call(embeddings.call(pixels, masked));
        var last = layernorm.call(states[^1]);
        return new EncoderOutput(states, last) { Pooled = last.select(1, 0) };
    }
}

internal sealed class Dinov2Embeddings : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly int _grid;
    private readonly Parameter cls_token;
    private readonly Parameter? mask_token;
    private readonly Patches patch_embeddings;
    private readonly Parameter position_embeddings;

    internal Dinov2Embeddings(Dinov2Config config)
        : base(nameof(Dinov2Embeddings))
    {
        _grid = config.Grid;
        cls_token = Initialization.Normal(null, 0.02, 1, 1, config.HiddenSize);
        mask_token = config.UseMaskToken ? Initialization.Normal(null, 0, 1, config.HiddenSize) : null;
        patch_embeddings = new Patches(config);
        position_embeddings = Initialization.Normal(null, 0.02, 1, 1 + _grid * _grid, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels, Tensor? masked) => WrappedTensorDisposeScope(() =>
    {
        var map = patch_embeddings.call(pixels);
        var tokens = FeatureMap.ToTokens(map);
        if (masked is not null)
        {
            var hidden = mask_token ?? throw new ArgumentException($"{nameof(Dinov2)}: this network has no token for hidden patches (use_mask_token is false).", nameof(masked));
            tokens = where(masked.to(ScalarType.Bool).unsqueeze(-1), hidden.to(tokens.dtype), tokens);
        }
        return ImageTokens.WithClass(cls_token, tokens) + ImageTokens.Positions(position_embeddings[0], _grid, map).to(map.dtype);
    });

    private sealed class Patches : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d projection;

        internal Patches(Dinov2Config config)
            : base(nameof(Patches))
        {
            projection = new Conv2d(config.NumChannels, config.HiddenSize, config.PatchSize, stride: config.PatchSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor pixels) => projection.call(pixels);
    }
}

internal sealed class Dinov2Layers : nn.Module<Tensor, IReadOnlyList<Tensor>>
{
    private readonly ModuleList<Dinov2Layer> layer;

    internal Dinov2Layers(Dinov2Config config)
        : base(nameof(Dinov2Layers))
    {
        layer = nn.ModuleList([.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new Dinov2Layer(config))]);
        RegisterComponents();
    }

    public override IReadOnlyList<Tensor> forward(Tensor x)
    {
        List<Tensor> states = [x];
        foreach (var next in layer) states.Add(next.call(states[^1]));
        return states;
    }
}

/// <summary>h = x + λ₁·attention(norm1 x); h + λ₂·mlp(norm2 h) (layer scale: Touvron et al. 2021).</summary>
internal sealed class Dinov2Layer : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Dinov2Attention attention;
    private readonly LayerScale layer_scale1;
    private readonly LayerNorm norm2;
    private readonly nn.Module<Tensor, Tensor> mlp;
    private readonly LayerScale layer_scale2;

    internal Dinov2Layer(Dinov2Config config)
        : base(nameof(Dinov2Layer))
    {
        norm1 = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        attention = new Dinov2Attention(config);
        layer_scale1 = new LayerScale(config);
        norm2 = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        mlp = config.UseSwigluFfn ? new GatedMlp(config) : new Mlp(config);
        layer_scale2 = new LayerScale(config);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var h = x + layer_scale1.call(attention.call(norm1.call(x)));
        return h + layer_scale2.call(mlp.call(norm2.call(h)));
    });

    private sealed class LayerScale : nn.Module<Tensor, Tensor>
    {
        private readonly Parameter lambda1;

        internal LayerScale(Dinov2Config config)
            : base(nameof(LayerScale))
        {
            lambda1 = new Parameter(full([config.HiddenSize], config.LayerscaleValue, ScalarType.Float32, Initialization.DeviceOr(null)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x * lambda1.to(x.dtype);
    }

    private sealed class Mlp : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _activation;
        private readonly Linear fc1;
        private readonly Linear fc2;

        internal Mlp(Dinov2Config config)
            : base(nameof(Mlp))
        {
            _activation = Activations.Named(config.HiddenAct)!.Value.Function();
            fc1 = new Linear(config.HiddenSize, config.Inner).Normal(0.02);
            fc2 = new Linear(config.Inner, config.HiddenSize).Normal(0.02);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => fc2.call(_activation(fc1.call(x)));
    }

    /// <summary>SwiGLU (Shazeer 2020): gate and value come from one matrix.</summary>
    private sealed class GatedMlp : nn.Module<Tensor, Tensor>
    {
        private readonly Linear weights_in;
        private readonly Linear weights_out;

        internal GatedMlp(Dinov2Config config)
            : base(nameof(GatedMlp))
        {
            weights_in = new Linear(config.HiddenSize, 2 * config.GatedInner).Normal(0.02);
            weights_out = new Linear(config.GatedInner, config.HiddenSize).Normal(0.02);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var halves = weights_in.call(x).chunk(2, -1);
            return weights_out.call(nn.functional.silu(halves[0]) * halves[1]);
        }
    }
}

/// <summary>Self-attention; the keys have it in two parts, attention.attention and attention.output.</summary>
internal sealed class Dinov2Attention : nn.Module<Tensor, Tensor>
{
    private readonly SelfAttention attention;
    private readonly Output output;

    internal Dinov2Attention(Dinov2Config config)
        : base(nameof(Dinov2Attention))
    {
        attention = new SelfAttention(config);
        output = new Output(config);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => output.call(attention.call(x));

    private sealed class SelfAttention : nn.Module<Tensor, Tensor>
    {
        private readonly int _heads;
        private readonly Linear query;
        private readonly Linear key;
        private readonly Linear value;

        internal SelfAttention(Dinov2Config config)
            : base(nameof(SelfAttention))
        {
            _heads = config.NumAttentionHeads;
            Linear Map() => new Linear(config.HiddenSize, config.HiddenSize, config.QkvBias).Normal(0.02);
            (query, key, value) = (Map(), Map(), Map());
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => MultiHeadAttention.Attend(query.call(x), key.call(x), value.call(x), _heads);
    }

    private sealed class Output : nn.Module<Tensor, Tensor>
    {
        private readonly Linear dense;

        internal Output(Dinov2Config config)
            : base(nameof(Output))
        {
            dense = new Linear(config.HiddenSize, config.HiddenSize).Normal(0.02);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => dense.call(x);
    }
}
