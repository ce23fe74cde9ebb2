using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// A convolution [B, I, H, W] → [B, O, H', W'] with PyTorch's parameter names, shapes and initial values, computed in the type of its input
/// by <see cref="Convolution.Conv2d"/>; parameters are in float32 unless <see cref="InferenceWeights"/> says otherwise.
/// </summary>
public sealed class Conv2d : nn.Module<Tensor, Tensor>, IWeightedLayer
{
    /// <summary>Kernels [O, I, kH, kW].</summary>
    public Parameter weight;

    /// <summary>One value for each output channel [O], or none.</summary>
    public Parameter? bias;

    private readonly (long, long) _stride, _padding;

    /// <inheritdoc cref="IWeightedLayer.Delta"/>
    internal Func<Tensor>? Delta { get; set; }

    /// <summary>A convolution with a square kernel.</summary>
    /// <param name="inChannels">Channels of the input, I.</param>
    /// <param name="outChannels">Channels of the output, O.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Step in rows and columns.</param>
    /// <param name="padding">Rows and columns of zeros on each side.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="device">Where the parameters are made; on <c>meta</c> they have shapes and no values.</param>
    public Conv2d(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0, bool bias = true, Device? device = null)
        : this(inChannels, outChannels, (kernel, kernel), (stride, stride), (padding, padding), bias, device)
    {
    }

    /// <summary>A convolution whose kernel, stride and padding are given as (rows, columns).</summary>
    /// <inheritdoc cref="Conv2d(long, long, long, long, long, bool, Device)"/>
    public Conv2d(
        long inChannels, long outChannels, (long H, long W) kernel, (long H, long W) stride, (long H, long W) padding,
        bool bias = true, Device? device = null)
        : base(nameof(Conv2d))
    {
        (_stride, _padding) = (stride, padding);
        weight = Initialization.Weight(device, outChannels, inChannels, kernel.H, kernel.W);
        this.bias = bias ? Initialization.Bias(weight, outChannels) : null;
        RegisterComponents();
    }

    Parameter IWeightedLayer.Weight => weight;

    Func<Tensor>? IWeightedLayer.Delta
    {
        get => Delta;
        set => Delta = value;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => Delta is { } delta
        ? WrappedTensorDisposeScope(() => Convolution.Conv2d(x, weight + delta(), bias, _stride, _padding))
        : Convolution.Conv2d(x, weight, bias, _stride, _padding);
}
