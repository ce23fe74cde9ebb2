using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// x / √(mean x² + ε) · weight over the last axis (Zhang and Sennrich 2019). The mean is computed in float32; the result has the type of the input.
/// </summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    /// <summary>Scale of each feature [D]; at first 1.</summary>
    public Parameter weight;

    private readonly double _eps;

    /// <summary>A root-mean-square normalisation.</summary>
    /// <param name="features">Size of the last axis, D.</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="device">Where the parameter is made.</param>
    public RmsNorm(long features, double eps = 1e-6, Device? device = null)
        : base(nameof(RmsNorm))
    {
        _eps = eps;
        weight = new Parameter(ones(features, device: Initialization.DeviceOr(device)));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var wide = x.to(ScalarType.Float32);
        return (wide * (wide.square().mean([-1], keepdim: true) + _eps).rsqrt() * weight).to(x.dtype);
    });
}
