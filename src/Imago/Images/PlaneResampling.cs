using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>
/// Resizing of floating-point planes by Pillow's kernels (its images of mode F): sums in float64, rounded to float32 after each pass and clipped nowhere, so that sharp
/// kernels over- and undershoot.
/// </summary>
public static class PlaneResampling
{
    /// <summary>A plane, scaled to a size.</summary>
    /// <param name="plane">Row after row.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="toWidth">Numbers in a row of the result.</param>
    /// <param name="toHeight">Rows of the result.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="order">Which direction comes first.</param>
    /// <exception cref="ArgumentException">The plane has not as many numbers as its size says.</exception>
    public static float[] Resize(ReadOnlySpan<float> plane, int width, int height, int toWidth, int toHeight, ResampleFilter filter, ResampleOrder order = ResampleOrder.HorizontalFirst)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfLessThan(toWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(toHeight, 1);
        if (plane.Length != (long)width * height) throw new ArgumentException($"{plane.Length} numbers for a plane of {width}×{height}.", nameof(plane));
        var source = plane.ToArray();
        if (Resampling.IsVerticalFirst(order, width, height, toWidth, toHeight)) return Horizontally(Vertically(source, width, height, toHeight, filter), width, toHeight, toWidth, filter);
        return Vertically(Horizontally(source, width, height, toWidth, filter), toWidth, height, toHeight, filter);
    }

    /// <summary>Every plane of a batch, scaled to a size.</summary>
    /// <param name="images">[B, C, H, W]; bytes, or numbers of any scale.</param>
    /// <param name="toWidth">Columns of the result.</param>
    /// <param name="toHeight">Rows of the result.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="order">Which direction comes first.</param>
    /// <returns>[B, C, toHeight, toWidth], float32.</returns>
    public static Tensor Resize(Tensor images, int toWidth, int toHeight, ResampleFilter filter, ResampleOrder order = ResampleOrder.HorizontalFirst)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() != 4) throw new ArgumentException($"Pictures are [B, C, H, W]; got [{string.Join(", ", images.shape)}].", nameof(images));
        var (batch, channels, height, width) = (images.shape[0], images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        using var scope = NewDisposeScope();
        var numbers = images.detach().cpu().to(float32).contiguous().data<float>().ToArray();
        var (size, toSize) = (width * height, toWidth * toHeight);
        var result = new float[batch * channels * toSize];
        for (var plane = 0; plane < batch * channels; plane++)
            Resize(numbers.AsSpan(plane * size, size), width, height, toWidth, toHeight, filter, order).CopyTo(result, plane * toSize);
        return tensor(result).view(batch, channels, toHeight, toWidth).MoveToOuterDisposeScope();
    }

    private static float[] Horizontally(float[] plane, int width, int height, int toWidth, ResampleFilter filter)
    {
        if (width == toWidth) return plane;
        var (kernel, result) = (new ResamplingKernel(width, toWidth, filter), new float[toWidth * height]);
        for (var x = 0; x < toWidth; x++)
        {
            var weights = kernel.At(x, out var first);
            for (var y = 0; y < height; y++)
            {
                var row = plane.AsSpan(y * width + first, weights.Length);
                var sum = 0.0;
                for (var k = 0; k < row.Length; k++) sum += row[k] * weights[k];
                result[y * toWidth + x] = (float)sum;
            }
        }
        return result;
    }

    private static float[] Vertically(float[] plane, int width, int height, int toHeight, ResampleFilter filter)
    {
        if (height == toHeight) return plane;
        var (kernel, result, sums) = (new ResamplingKernel(height, toHeight, filter), new float[width * toHeight], new double[width]);
        for (var y = 0; y < toHeight; y++)
        {
            Array.Clear(sums);
            var weights = kernel.At(y, out var first);
            for (var k = 0; k < weights.Length; k++)
            {
                var row = plane.AsSpan((first + k) * width, width);
                for (var x = 0; x < sums.Length; x++) sums[x] += row[x] * weights[k];
            }
            for (var x = 0; x < sums.Length; x++) result[y * width + x] = (float)sums[x];
        }
        return result;
    }
}
