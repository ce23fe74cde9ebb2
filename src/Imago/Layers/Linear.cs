using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// y = x·weightᵀ + bias over the last axis, [..., I] → [..., O], with PyTorch's parameter names, shapes and initial values, computed in the type
/// of its input; parameters are in float32 unless <see cref="InferenceWeights"/> says otherwise.
/// </summary>
public sealed class Linear : nn.Module<Tensor, Tensor>, IWeightedLayer
{
    /// <summary>The matrix [O, I].</summary>
    public Parameter weight;

    /// <summary>One value for each output [O], or none.</summary>
    public Parameter? bias;

    /// <inheritdoc cref="IWeightedLayer.Delta"/>
    internal Func<Tensor>? Delta { get; set; }

    /// <summary>A linear layer.</summary>
    /// <param name="inFeatures">Size of the last axis of the input, I.</param>
    /// <param name="outFeatures">Size of the last axis of the output, O.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="device">Where the parameters are made; on <c>meta</c> they have shapes and no values.</param>
    public Linear(long inFeatures, long outFeatures, bool bias = true, Device? device = null)
        : base(nameof(Linear))
    {
        weight = Initialization.Weight(device, outFeatures, inFeatures);
        this.bias = bias ? Initialization.Bias(weight, outFeatures) : null;
        RegisterComponents();
    }

    Parameter IWeightedLayer.Weight => weight;

    Func<Tensor>? IWeightedLayer.Delta
    {
        get => Delta;
        set => Delta = value;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var matrix = Delta is { } delta ? weight + delta() : weight;
        return nn.functional.linear(x, matrix.to(x.dtype), bias?.to(x.dtype)).MoveToOuterDisposeScope();
    }
}
