using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Group normalisation (Wu and He 2018): each group of channels of each image gets mean 0 and variance 1, then each channel its scale and shift.
/// The values are PyTorch's, and so are the first ones: scale 1, shift 0 (TorchSharp 0.107 leaves them uninitialised).
/// </summary>
public sealed class GroupNorm : nn.Module<Tensor, Tensor>
{
    /// <summary>Scale of each channel [C].</summary>
    public Parameter weight;

    /// <summary>Shift of each channel [C].</summary>
    public Parameter bias;

    private readonly long _groups;
    private readonly double _eps;

    /// <summary>A group normalisation.</summary>
    /// <param name="groups">Number of groups, a divisor of <paramref name="channels"/>.</param>
    /// <param name="channels">Channels of the input, C.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="device">Where the parameters are made.</param>
    /// <exception cref="ArgumentException">The channels cannot be cut into so many groups.</exception>
    public GroupNorm(long groups, long channels, double eps = 1e-5, Device? device = null)
        : base(nameof(GroupNorm))
    {
        if (groups <= 0 || channels % groups != 0) throw new ArgumentException($"GroupNorm: {channels} channels cannot be cut into {groups} groups; choose a divisor of {channels}.", nameof(groups));
        (_groups, _eps) = (groups, eps);
        weight = new Parameter(ones(channels, device: Initialization.DeviceOr(device)));
        bias = new Parameter(zeros(channels, device: Initialization.DeviceOr(device)));
        RegisterComponents();
    }

    /// <summary>Normalises.</summary>
    /// <param name="x">[B, C, H, W], any layout; its type is that of the result.</param>
    /// <returns>[B, C, H, W].</returns>
    public override Tensor forward(Tensor x) => FusedGroupNorm.Apply(x, _groups, weight, bias, _eps);

    /// <summary>norm(x + addend)·(1 + scale) + shift in one operation.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="addend">[B, C], or nothing.</param>
    /// <param name="modulation">Scale and shift of each image, [B, C] each; or nothing.</param>
    /// <param name="silu">Whether SiLU stands behind.</param>
    /// <returns>[B, C, H, W].</returns>
    internal Tensor Modulated(Tensor x, Tensor? addend, (Tensor Scale, Tensor Shift)? modulation, bool silu = false) => WrappedTensorDisposeScope(() =>
    {
        var (w, b) = modulation is var (scale, shift) ? (weight * (1 + scale), bias * (1 + scale) + shift) : (weight, (Tensor)bias);
        return FusedGroupNorm.Apply(x, _groups, w, b, _eps, addend, silu);
    });
}
