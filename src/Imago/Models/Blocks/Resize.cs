using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>Changes of a feature map's size without weights.</summary>
internal static class Resize
{
    /// <summary>The mean of each 2×2 square.</summary>
    internal static Tensor Halve(Tensor x) => nn.functional.avg_pool2d(x, 2);

    /// <summary>Each value twice in both directions.</summary>
    internal static Tensor Double(Tensor x) => To(x, 2 * x.shape[2], 2 * x.shape[3]);

    /// <summary>The nearest neighbour.</summary>
    internal static Tensor To(Tensor x, long height, long width) => nn.functional.interpolate(x, size: [height, width], mode: InterpolationMode.Nearest);
}

/// <summary>A 3×3 convolution of stride 2; with padding 0 after one row of zeros below and one column to the right.</summary>
internal sealed class Downsample : nn.Module<Tensor, Tensor>
{
    private readonly bool _padsAfter;
    private readonly Conv2d conv;

    internal Downsample(int channels, int padding)
        : base(nameof(Downsample))
    {
        _padsAfter = padding == 0;
        conv = new Conv2d(channels, channels, 3, stride: 2, padding: padding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _padsAfter ? WrappedTensorDisposeScope(() => conv.call(nn.functional.pad(x, [0, 1, 0, 1]))) : conv.call(x);
}

/// <summary>The nearest neighbour at another size, twice the input's unless one is given, then a 3×3 convolution.</summary>
internal sealed class Upsample : nn.Module<Tensor, Size?, Tensor>
{
    private readonly Conv2d conv;

    internal Upsample(int channels)
        : base(nameof(Upsample))
    {
        conv = new Conv2d(channels, channels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Size? size) =>
        WrappedTensorDisposeScope(() => conv.call(size is { } s ? Resize.To(x, s[0], s[1]) : Resize.Double(x)));
}
