using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// A transposed convolution [B, I, H, W] → [B, O, H', W'] with PyTorch's parameter names, shapes and initial values, computed in the type of its
/// input by <see cref="Convolution.ConvTranspose2d"/>; parameters are in float32 unless <see cref="InferenceWeights"/> says otherwise.
/// </summary>
public sealed class ConvTranspose2d : nn.Module<Tensor, Tensor>
{
    /// <summary>Kernels [I, O, kH, kW].</summary>
    public Parameter weight;

    /// <summary>One value for each output channel [O], or none.</summary>
    public Parameter? bias;

    private readonly long _stride, _padding, _outputPadding;

    /// <summary>A transposed convolution with a square kernel.</summary>
    /// <param name="inChannels">Channels of the input, I.</param>
    /// <param name="outChannels">Channels of the output, O.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">How many rows and columns of the output one of the input moves on.</param>
    /// <param name="padding">Rows and columns cut from each side of the output.</param>
    /// <param name="outputPadding">Rows and columns added at the bottom and at the right of the output.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="device">Where the parameters are made; on <c>meta</c> they have shapes and no values.</param>
    public ConvTranspose2d(
        long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0, long outputPadding = 0, bool bias = true, Device? device = null)
        : base(nameof(ConvTranspose2d))
    {
        (_stride, _padding, _outputPadding) = (stride, padding, outputPadding);
        weight = Initialization.Weight(device, inChannels, outChannels, kernel, kernel);
        this.bias = bias ? Initialization.Bias(weight, outChannels) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) =>
        Convolution.ConvTranspose2d(x, weight, bias, (_stride, _stride), (_padding, _padding), (_outputPadding, _outputPadding));
}
