using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Two-dimensional convolutions by the paths of libtorch that give right numbers everywhere. Some of libtorch 2.10's do not on some
/// processors: contiguous (NCHW) tensors whose channel counts are not multiples of 16, 1×1 kernels on several threads, and one or three
/// channels in bfloat16. So everything runs channels-last, 1×1 kernels are linear maps over the channel axis, and
/// channel counts that are not a multiple of four are padded with zeros.
/// </summary>
/// <remarks>
/// Weight and bias are cast to the type of the input, which is therefore the type of the computation; gradients flow through the cast.
/// The result is channels-last. The functions return fresh tensors and dispose none of their arguments.
/// </remarks>
public static class Convolution
{
    private const long ChannelMultiple = 4;

    /// <summary>y[b, o] = bias[o] + Σᵢ weight[o, i] ⋆ x[b, i], the cross-correlation that is called convolution, with zeros around x.</summary>
    /// <param name="x">Input [B, I, H, W], any layout.</param>
    /// <param name="weight">Kernels [O, I, kH, kW].</param>
    /// <param name="bias">One value for each output channel [O], or none.</param>
    /// <param name="stride">Step in rows and columns.</param>
    /// <param name="padding">Rows and columns of zeros on each side.</param>
    /// <returns>[B, O, (H + 2·padding − kH)/stride + 1, (W + 2·padding − kW)/stride + 1], channels-last.</returns>
    /// <exception cref="ArgumentException">The channels of input and weight differ, or the kernel is larger than the padded input.</exception>
    public static Tensor Conv2d(Tensor x, Tensor weight, Tensor? bias, (long H, long W) stride, (long H, long W) padding)
    {
        CheckChannels(x, weight, axis: 1);
        CheckFits(x, weight, padding);
        using var scope = NewDisposeScope();
        var (w, b) = (weight.to(x.dtype), bias?.to(x.dtype));
        var y = PlainPaths.AreTaken
            ? nn.functional.conv2d(x.contiguous(), w, b, [stride.H, stride.W], [padding.H, padding.W])
            : IsPointwise(w)
            ? Pointwise(Strided(Padded(ChannelsLast(x), padding), stride), w.flatten(1), b)
            : General(x, w, b, inputAxis: 1, outputAxis: 0, (x, w, b) =>
                nn.functional.conv2d(x, w, b, [stride.H, stride.W], [padding.H, padding.W]));
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>The adjoint of <see cref="Conv2d"/> with respect to its input, plus a bias.</summary>
    /// <param name="x">Input [B, I, H, W], any layout.</param>
    /// <param name="weight">Kernels [I, O, kH, kW].</param>
    /// <param name="bias">One value for each output channel [O], or none.</param>
    /// <param name="stride">Step in rows and columns of the convolution whose adjoint this is.</param>
    /// <param name="padding">Rows and columns cut from each side of the result.</param>
    /// <param name="outputPadding">Rows and columns added at the bottom and at the right of the result.</param>
    /// <returns>[B, O, (H − 1)·stride − 2·padding + kH + outputPadding, likewise for W], channels-last.</returns>
    /// <exception cref="ArgumentException">The channels of input and weight differ.</exception>
    public static Tensor ConvTranspose2d(
        Tensor x, Tensor weight, Tensor? bias, (long H, long W) stride, (long H, long W) padding, (long H, long W) outputPadding)
    {
        CheckChannels(x, weight, axis: 0);
        using var scope = NewDisposeScope();
        var y = General(x, weight.to(x.dtype), null, inputAxis: 0, outputAxis: 1, (x, w, _) =>
            nn.functional.conv_transpose2d(x, w, null, [stride.H, stride.W], [padding.H, padding.W], [outputPadding.H, outputPadding.W]));
        if (bias is not null) y = y + bias.to(x.dtype).view(1, -1, 1, 1);       // inside, its gradient takes longer than all else in bfloat16
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>The same values in memory order [B, H, W, C]; no copy if they are so already.</summary>
    public static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    private static bool IsPointwise(Tensor weight) => weight.shape[2] == 1 && weight.shape[3] == 1;

    private static Tensor Pointwise(Tensor x, Tensor weight, Tensor? bias) =>
        nn.functional.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2);

    private static Tensor Padded(Tensor x, (long H, long W) padding) =>
        padding == (0, 0) ? x : nn.functional.pad(x, [padding.W, padding.W, padding.H, padding.H]);

    private static Tensor Strided(Tensor x, (long H, long W) stride) =>
        stride == (1, 1) ? x : x[.., .., TensorIndex.Slice(step: stride.H), TensorIndex.Slice(step: stride.W)];

    private static Tensor General(
        Tensor x, Tensor weight, Tensor? bias, int inputAxis, int outputAxis, Func<Tensor, Tensor, Tensor?, Tensor> convolve)
    {
        var channels = weight.shape[outputAxis];
        var (inputs, outputs) = (Missing(weight.shape[inputAxis]), Missing(channels));
        var w = PadAxis(PadAxis(weight, inputAxis, inputs), outputAxis, outputs);
        var b = bias is null ? null : PadAxis(bias, 0, outputs);
        var y = convolve(ChannelsLast(PadAxis(x, 1, inputs)), ChannelsLast(w), b);
        return outputs == 0 ? y : y.narrow(1, 0, channels);
    }

    private static long Missing(long channels) => (ChannelMultiple - channels % ChannelMultiple) % ChannelMultiple;

    /// <summary>Zeros behind the values along one axis.</summary>
    private static Tensor PadAxis(Tensor x, int axis, long count)
    {
        if (count == 0) return x;
        var pads = new long[2 * (x.dim() - axis)];
        pads[^1] = count;
        return nn.functional.pad(x, pads);
    }

    private static void CheckChannels(Tensor x, Tensor weight, int axis)
    {
        if (x.dim() != 4 || x.shape[1] != weight.shape[axis])
            throw new ArgumentException($"The input has shape [{string.Join(", ", x.shape)}]; expected [batch, {weight.shape[axis]}, height, width].", nameof(x));
    }

    private static void CheckFits(Tensor x, Tensor weight, (long H, long W) padding)
    {
        if (x.shape[2] + 2 * padding.H < weight.shape[2] || x.shape[3] + 2 * padding.W < weight.shape[3])
            throw new ArgumentException(
                $"An input of {x.shape[2]}×{x.shape[3]} with padding {padding.H}×{padding.W} is smaller than the kernel of {weight.shape[2]}×{weight.shape[3]}.", nameof(x));
    }
}
