using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Convolutions as their definition says, in float64: a sum over the taps of the kernel of products over channels.</summary>
internal static class ConvolutionReference
{
    internal static Tensor Conv2d(Tensor x, Tensor weight, Tensor bias, int stride, int padding)
    {
        var padded = nn.functional.pad(x, [padding, padding, padding, padding]);
        var height = (int)((padded.shape[2] - weight.shape[2]) / stride) + 1;
        var width = (int)((padded.shape[3] - weight.shape[3]) / stride) + 1;
        var y = bias.view(1, -1, 1, 1).expand(x.shape[0], -1, height, width);
        for (int i = 0; i < weight.shape[2]; i++)
        {
            for (int j = 0; j < weight.shape[3]; j++)
            {
                var window = padded[.., .., Every(i, height, stride), Every(j, width, stride)];
                y = y + einsum("bihw,oi->bohw", window, weight[.., .., i, j]);
            }
        }
        return y;
    }

    internal static Tensor ConvTranspose2d(Tensor x, Tensor weight, Tensor bias, int stride, int padding, int outputPadding)
    {
        var height = (int)((x.shape[2] - 1) * stride + weight.shape[2] + outputPadding);
        var width = (int)((x.shape[3] - 1) * stride + weight.shape[3] + outputPadding);
        var full = zeros(x.shape[0], weight.shape[1], height, width, dtype: float64);
        for (int i = 0; i < weight.shape[2]; i++)
        {
            for (int j = 0; j < weight.shape[3]; j++)
            {
                var placed = zeros_like(full);
                placed[.., .., Every(i, (int)x.shape[2], stride), Every(j, (int)x.shape[3], stride)] = einsum("bihw,io->bohw", x, weight[.., .., i, j]);
                full = full + placed;
            }
        }
        return full[.., .., padding..(height - padding), padding..(width - padding)] + bias.view(1, -1, 1, 1);
    }

    private static TensorIndex Every(int start, int count, int step) => TensorIndex.Slice(start, start + (count - 1) * step + 1, step);
}
