using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>What all residual blocks of a network share.</summary>
/// <param name="Groups">Of every normalisation.</param>
/// <param name="Eps">Added to the variances.</param>
/// <param name="Activation">The non-linearity.</param>
internal sealed record ResnetStyle(int Groups, double Eps, Activation Activation)
{
    /// <summary>Channels of the time embedding; null where there is no time.</summary>
    internal int? TimeChannels { get; init; }

    /// <summary>Whether the time scales and shifts after the second normalisation (Dhariwal and Nichol 2021), or is added before it (Ho et al. 2020).</summary>
    internal bool ScaleShift { get; init; }

    /// <summary>Probability with which a channel's value is dropped before the second convolution.</summary>
    internal double Dropout { get; init; }

    internal GroupNorm Norm(int channels) => new(Groups, channels, Eps);
}

/// <summary>
/// (x + conv2 a(norm2(conv1 a(norm1 x) + time)))/scale, where x goes through a 1×1 convolution if the channels change, and the map may be halved or doubled before
/// conv1; fields are the keys of diffusers' <c>ResnetBlock2D</c>.
/// </summary>
internal sealed class ResnetBlock : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly ResnetStyle _style;
    private readonly double _scale;
    private readonly Func<Tensor, Tensor>? _resize;
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;

    /// <summary>A block.</summary>
    /// <param name="inChannels">Channels of its input.</param>
    /// <param name="outChannels">Channels of its output.</param>
    /// <param name="style">What it shares with the other blocks.</param>
    /// <param name="resize">What happens to both branches before conv1: <see cref="Resize.Halve"/>, <see cref="Resize.Double"/> or nothing.</param>
    /// <param name="outputScale">What the sum is divided by.</param>
    internal ResnetBlock(int inChannels, int outChannels, ResnetStyle style, Func<Tensor, Tensor>? resize = null, double outputScale = 1)
        : base(nameof(ResnetBlock))
    {
        (_style, _resize, _scale) = (style, resize, outputScale);
        norm1 = style.Norm(inChannels);
        conv1 = new Conv2d(inChannels, outChannels, 3, padding: 1);
        time_emb_proj = style.TimeChannels is { } channels ? new Linear(channels, style.ScaleShift ? 2 * outChannels : outChannels) : null;
        norm2 = style.Norm(outChannels);
        conv2 = new Conv2d(outChannels, outChannels, 3, padding: 1);
        conv_shortcut = inChannels == outChannels ? null : new Conv2d(inChannels, outChannels, 1);
        RegisterComponents();
    }

    /// <summary>Whether the block drops values at random.</summary>
    internal bool Draws => _style.Dropout > 0 && training;

    /// <summary>The block.</summary>
    /// <param name="x">[B, I, H, W].</param>
    /// <param name="time">The activated time embedding [B, T]; null where there is no time.</param>
    /// <returns>[B, O, H', W'].</returns>
    public override Tensor forward(Tensor x, Tensor? time) => WrappedTensorDisposeScope(() =>
    {
        var branch = x.InTurn(
            x => _style.Activation.After(norm1, x), _resize, conv1.call, h => NormaliseInTime(h, time),
            _style.Dropout > 0 ? h => nn.functional.dropout(h, _style.Dropout, training) : null, conv2.call);
        var trunk = x.InTurn(_resize, conv_shortcut is null ? null : conv_shortcut.call);
        var y = is_grad_enabled() ? trunk + branch : branch.add_(trunk);
        return _scale == 1 ? y : y / _scale;
    });

    /// <summary>a(norm2(h + time)), or a(norm2(h)·(1 + scale) + shift) with both from the time.</summary>
    private Tensor NormaliseInTime(Tensor h, Tensor? time)
    {
        if (time is null || time_emb_proj is null) return _style.Activation.After(norm2, h);
        var t = time_emb_proj.call(time);
        return _style.ScaleShift ? _style.Activation.After(norm2, h, modulation: (t.chunk(2, 1)[0], t.chunk(2, 1)[1])) : _style.Activation.After(norm2, h, addend: t);
    }

    /// <summary>The last layer of the branch begins at zero, so that a fresh block passes its input on.</summary>
    internal void ZeroBranch() => Zero.Fill(conv2);
}
