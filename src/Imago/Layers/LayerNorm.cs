using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Layer normalisation (Ba et al. 2016) over the last axis, with PyTorch's parameter names and first values: scale 1, shift 0. Computed in the type of
/// its input; parameters stay in float32.
/// </summary>
public sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    /// <summary>Scale of each feature [D].</summary>
    public Parameter weight;

    /// <summary>Shift of each feature [D], or none.</summary>
    public Parameter? bias;

    private readonly double _eps;

    /// <summary>A layer normalisation with learned scale and shift. Without them it is the function <see cref="Normalise"/>.</summary>
    /// <param name="features">Size of the last axis, D.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="bias">Whether there is a shift.</param>
    /// <param name="device">Where the parameters are made.</param>
    public LayerNorm(long features, double eps = 1e-5, bool bias = true, Device? device = null)
        : base(nameof(LayerNorm))
    {
        _eps = eps;
        weight = new Parameter(ones(features, device: Initialization.DeviceOr(device)));
        this.bias = bias ? new Parameter(zeros(features, device: Initialization.DeviceOr(device))) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x) => weight.dtype == ScalarType.Float32 || weight.dtype == x.dtype
        ? nn.functional.layer_norm(x, [x.shape[^1]], weight, bias, _eps)        // float32 parameters go with every type of input
        : WrappedTensorDisposeScope(() => nn.functional.layer_norm(x, [x.shape[^1]], weight.to(x.dtype), bias?.to(x.dtype), _eps));

    /// <summary>(x − mean) / √(variance + ε) over the last axis.</summary>
    /// <param name="x">[..., D].</param>
    /// <param name="eps">ε, added to the variance.</param>
    public static Tensor Normalise(Tensor x, double eps) => nn.functional.layer_norm(x, [x.shape[^1]], null, null, eps);
}
