using Imago.Layers;
using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>What a layer of CLIP's transformers is made of.</summary>
internal sealed record ClipLayerShape(int Width, int Heads, int Inner, int Layers, Activation Activation, double Eps)
{
    /// <summary>A linear layer without bias from a pooled vector to the space of texts and pictures.</summary>
    internal static Linear Projection(int width, int embedding) => new Linear(width, embedding, bias: false).Normal(Math.Pow(width, -0.5));
}

/// <summary>The layers one after the other: all hidden states, the input first. First weights as published (Radford et al. 2021, section 2.5, and their code).</summary>
internal sealed class ClipLayers : nn.Module<Tensor, Tensor?, bool, IReadOnlyList<Tensor>>
{
    private readonly ModuleList<ClipLayer> layers;

    internal ClipLayers(ClipLayerShape shape)
        : base(nameof(ClipLayers))
    {
        layers = nn.ModuleList([.. Enumerable.Range(0, shape.Layers).Select(_ => new ClipLayer(shape))]);
        RegisterComponents();
    }

    public override IReadOnlyList<Tensor> forward(Tensor x, Tensor? bias, bool causal)
    {
        List<Tensor> states = [x];
        foreach (var layer in layers) states.Add(layer.call(states[^1], bias, causal));
        return states;
    }
}

/// <summary>h = x + self_attn(layer_norm1 x); h + mlp(layer_norm2 h).</summary>
internal sealed class ClipLayer : nn.Module<Tensor, Tensor?, bool, Tensor>
{
    private readonly ClipAttention self_attn;
    private readonly LayerNorm layer_norm1;
    private readonly ClipMlp mlp;
    private readonly LayerNorm layer_norm2;

    internal ClipLayer(ClipLayerShape shape)
        : base(nameof(ClipLayer))
    {
        self_attn = new ClipAttention(shape);
        layer_norm1 = new LayerNorm(shape.Width, shape.Eps);
        mlp = new ClipMlp(shape);
        layer_norm2 = new LayerNorm(shape.Width, shape.Eps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor? bias, bool causal) => WrappedTensorDisposeScope(() =>
    {
        var h = x + self_attn.call(layer_norm1.call(x), bias, causal);
        return h + mlp.call(layer_norm2.call(h));
    });

    private sealed class ClipAttention : nn.Module<Tensor, Tensor?, bool, Tensor>
    {
        private readonly int _heads;
        private readonly Linear k_proj;
        private readonly Linear v_proj;
        private readonly Linear q_proj;
        private readonly Linear out_proj;

        internal ClipAttention(ClipLayerShape shape)
            : base(nameof(ClipAttention))
        {
            _heads = shape.Heads;
            var (std, residual) = (Math.Pow(shape.Width, -0.5), Math.Pow(2 * shape.Layers, -0.5));
            k_proj = new Linear(shape.Width, shape.Width).Normal(std);
            v_proj = new Linear(shape.Width, shape.Width).Normal(std);
            q_proj = new Linear(shape.Width, shape.Width).Normal(std);
            out_proj = new Linear(shape.Width, shape.Width).Normal(std * residual);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor? bias, bool causal) => WrappedTensorDisposeScope(() =>
            out_proj.call(MultiHeadAttention.Attend(q_proj.call(x), k_proj.call(x), v_proj.call(x), _heads, bias, causal)));
    }

    private sealed class ClipMlp : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _activation;
        private readonly Linear fc1;
        private readonly Linear fc2;

        internal ClipMlp(ClipLayerShape shape)
            : base(nameof(ClipMlp))
        {
            _activation = shape.Activation.Function();
            fc1 = new Linear(shape.Width, shape.Inner).Normal(Math.Pow(2 * shape.Width, -0.5));
            fc2 = new Linear(shape.Inner, shape.Width).Normal(Math.Pow(shape.Width, -0.5) * Math.Pow(2 * shape.Layers, -0.5));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => fc2.call(_activation(fc1.call(x))));
    }
}
