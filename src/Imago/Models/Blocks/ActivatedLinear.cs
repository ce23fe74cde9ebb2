using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>a(proj x): the first half of a feed-forward layer without gates.</summary>
internal sealed class ActivatedLinear : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Linear proj;

    private ActivatedLinear(int inChannels, int outChannels, Activation activation)
        : base(nameof(ActivatedLinear))
    {
        _activation = activation.Function();
        proj = new Linear(inChannels, outChannels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => _activation(proj.call(x)));

    /// <summary>A feed-forward layer of four times the width inside.</summary>
    /// <param name="width">Channels of its input and output.</param>
    /// <param name="activation">The non-linearity as diffusers names it; geglu is a gated one.</param>
    internal static FeedForward FeedForward(int width, string activation) => new(
        activation == "geglu" ? new GatedGelu(width, 4 * width) : new ActivatedLinear(width, 4 * width, Activations.Named(activation)!.Value), 4 * width, width);
}
