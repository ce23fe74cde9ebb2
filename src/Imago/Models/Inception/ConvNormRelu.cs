using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Inception;

/// <summary>
/// Convolution without bias → batch normalisation by stored statistics → ReLU. The normalisation is an affine map of each channel, γ(y − μ)/√(σ² + 0.001) + β, and is
/// multiplied into the kernels.
/// </summary>
internal sealed class ConvNormRelu : nn.Module<Tensor, Tensor>
{
    private const double Eps = 0.001;
    private readonly (long, long) _stride, _padding;
    private readonly Conv2d conv;
    private readonly StoredNorm bn;

    internal ConvNormRelu(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0)
        : this(inChannels, outChannels, (kernel, kernel), (padding, padding), stride)
    {
    }

    internal ConvNormRelu(long inChannels, long outChannels, (long H, long W) kernel, (long H, long W) padding, long stride = 1)
        : base(nameof(ConvNormRelu))
    {
        (_stride, _padding) = ((stride, stride), padding);
        conv = new Conv2d(inChannels, outChannels, kernel, _stride, padding, bias: false);
        bn = new StoredNorm(outChannels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var (scale, shift) = bn.Affine(x.dtype);
        var kernels = conv.weight.to(x.dtype) * scale.view(-1, 1, 1, 1);
        return nn.functional.relu(Layers.Convolution.Conv2d(x, kernels, shift, _stride, _padding));
    });

    /// <summary>The statistics and the affine map of a batch normalisation.</summary>
    private sealed class StoredNorm : nn.Module
    {
        private readonly Parameter weight;
        private readonly Parameter bias;
        private readonly Tensor running_mean;
        private readonly Tensor running_var;

        internal StoredNorm(long channels)
            : base(nameof(StoredNorm))
        {
            var device = Initialization.DeviceOr(null);
            weight = new Parameter(ones(channels, device: device));
            bias = new Parameter(zeros(channels, device: device));
            running_mean = zeros(channels, device: device);
            running_var = ones(channels, device: device);
            RegisterComponents();
        }

        /// <summary>γ/√(σ² + ε) and β − μγ/√(σ² + ε), [C].</summary>
        internal (Tensor Scale, Tensor Shift) Affine(ScalarType type)
        {
            var scale = weight.to(float64) / (running_var.to(float64) + Eps).sqrt();
            var shift = bias.to(float64) - running_mean.to(float64) * scale;
            return (scale.to(type), shift.to(type));
        }
    }
}
