using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>diffusers' <c>Timesteps</c>: <see cref="SinusoidalEmbedding"/> as a layer without weights, [B] → float32 [B, D].</summary>
internal sealed class Timesteps : nn.Module<Tensor, Tensor>
{
    private readonly int _width;
    private readonly bool _cosineFirst;
    private readonly Lazy<Tensor> _frequencies;

    internal Timesteps(int width, bool cosineFirst, double shift)
        : base(nameof(Timesteps))
    {
        (_width, _cosineFirst) = (width, cosineFirst);
        _frequencies = new(() => WrappedTensorDisposeScope(() => SinusoidalEmbedding.Frequencies(width, shift, CPU)).DetachFromDisposeScope());
        RegisterComponents();
    }

    public override Tensor forward(Tensor t) => WrappedTensorDisposeScope(() => SinusoidalEmbedding.Waves(t, _frequencies.Value.to(t.device), _width, _cosineFirst));
}

/// <summary>Random Fourier features (Song et al. 2021): [sin(2π w t), cos(2π w t)] with frequencies w that are drawn once and not trained.</summary>
internal sealed class FourierFeatures : nn.Module<Tensor, Tensor>
{
    private readonly bool _logarithm, _cosineFirst;
    private readonly Parameter weight;

    /// <summary>Features of t, or of ln t.</summary>
    internal FourierFeatures(int frequencies, double scale, bool logarithm, bool cosineFirst)
        : base(nameof(FourierFeatures))
    {
        (_logarithm, _cosineFirst) = (logarithm, cosineFirst);
        weight = Initialization.Normal(null, scale, frequencies);
        weight.requires_grad = false;
        RegisterComponents();
    }

    public override Tensor forward(Tensor t) => WrappedTensorDisposeScope(() =>
    {
        var x = _logarithm ? t.log() : t;
        var angle = x.unsqueeze(-1) * weight * 2 * Math.PI;
        return _cosineFirst ? cat([angle.cos(), angle.sin()], -1) : cat([angle.sin(), angle.cos()], -1);
    });
}

/// <summary>A table of embeddings, one for each whole timestep.</summary>
internal sealed class LearnedTimesteps : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    internal LearnedTimesteps(int timesteps, int width)
        : base(nameof(LearnedTimesteps))
    {
        weight = Initialization.Normal(null, 1, timesteps, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor t) => WrappedTensorDisposeScope(() => weight.index_select(0, t.to(int64)));
}

/// <summary>linear_2(a(linear_1(x + cond_proj c))): the little network behind an embedding; fields are the keys of diffusers' class of this name.</summary>
internal sealed class TimestepEmbedding : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Func<Tensor, Tensor>? _postActivation;
    private readonly Linear linear_1;
    private readonly Linear? cond_proj;
    private readonly Linear linear_2;

    internal TimestepEmbedding(
        int inChannels, int outChannels, Func<Tensor, Tensor> activation, Func<Tensor, Tensor>? postActivation = null, int? conditionChannels = null)
        : base(nameof(TimestepEmbedding))
    {
        (_activation, _postActivation) = (activation, postActivation);
        linear_1 = new Linear(inChannels, outChannels);
        cond_proj = conditionChannels is { } channels ? new Linear(channels, inChannels, bias: false) : null;
        linear_2 = new Linear(outChannels, outChannels);
        RegisterComponents();
    }

    /// <summary>Embeds.</summary>
    /// <param name="x">[B, I].</param>
    /// <param name="condition">[B, D] for a network that was made for one (it may be left out), else null.</param>
    /// <returns>[B, O].</returns>
    public override Tensor forward(Tensor x, Tensor? condition) => WrappedTensorDisposeScope(() =>
    {
        if (condition is not null) x = x + Projection(condition);
        var y = linear_2.call(_activation(linear_1.call(x)));
        return _postActivation is null ? y : _postActivation(y);
    });

    private Tensor Projection(Tensor condition) => cond_proj is null
        ? throw new ArgumentException("An embedding of the guidance scale was given to a network that was not made for one (time_cond_proj_dim is missing).", nameof(condition))
        : cond_proj.call(condition);
}
