using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Group normalisation (Wu and He 2018): each group of channels of each image gets mean 0 and variance 1, then each channel its scale and shift.
/// The values are PyTorch's, and so are the first ones: scale 1, shift 0 (TorchSharp 0.107 leaves them uninitialised).
/// </summary>
/// <remarks>
/// libtorch's gradient for channels-last groups of fewer than eight channels takes several times as long as that of contiguous ones with the
/// changes of layout around it, so that is what training does there. A group of sixteen channels or more is fast either way.
/// </remarks>
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

    private bool IsSlowInChannelsLast => weight.shape[0] / _groups < 8;

    /// <summary>Normalises.</summary>
    /// <param name="x">[B, C, H, W], any layout; its type is that of the result.</param>
    /// <returns>[B, C, H, W].</returns>
    public override Tensor forward(Tensor x) => x.dim() == 4 && IsSlowInChannelsLast && is_grad_enabled()
        ? WrappedTensorDisposeScope(() => Convolution.ChannelsLast(Normalise(x.contiguous())))
        : Normalise(x);

    private Tensor Normalise(Tensor x) => nn.functional.group_norm(x, _groups, weight, bias, _eps);
}
