using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>The interpolations of PyTorch's <c>interpolate</c>.</summary>
public enum TensorFilter
{
    /// <summary>The source pixel at ⌊i·in/out⌋.</summary>
    Nearest,

    /// <summary>The source pixel that the middle of the target pixel lies in.</summary>
    NearestExact,

    /// <summary>Linear between half-pixel centres.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = −3/4, with antialiasing a = −1/2.</summary>
    Bicubic,

    /// <summary>Means over the source pixels that a target pixel touches (adaptive average pooling).</summary>
    Area,
}

/// <summary>Resizing of tensors as other libraries do it: PyTorch's <c>interpolate</c> and TensorFlow 1's <c>resize_bilinear</c>.</summary>
public static class TensorResizing
{
    /// <summary>PyTorch's <c>interpolate</c> with <c>align_corners=False</c>.</summary>
    /// <param name="images">[B, C, H, W], floating point.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">The interpolation.</param>
    /// <param name="antialias">Whether the kernel is widened when shrinking; of <see cref="TensorFilter.Bilinear"/> and <see cref="TensorFilter.Bicubic"/> alone.</param>
    /// <exception cref="ArgumentException">They are no such pictures, or the interpolation has no antialiasing.</exception>
    public static Tensor Resize(Tensor images, int width, int height, TensorFilter filter, bool antialias = false)
    {
        Check(images, width, height);
        var isSmooth = filter is TensorFilter.Bilinear or TensorFilter.Bicubic;
        if (antialias && !isSmooth) throw new ArgumentException($"{filter} has no antialiasing; choose {nameof(TensorFilter.Bilinear)} or {nameof(TensorFilter.Bicubic)}.", nameof(antialias));
        return filter switch
        {
            TensorFilter.Bilinear => nn.functional.interpolate(images, [height, width], mode: InterpolationMode.Bilinear, align_corners: false, antialias: antialias),
            TensorFilter.Bicubic => nn.functional.interpolate(images, [height, width], mode: InterpolationMode.Bicubic, align_corners: false, antialias: antialias),
            TensorFilter.Area => nn.functional.adaptive_avg_pool2d(images, [height, width]),
            _ => WrappedTensorDisposeScope(() => images.index_select(2, Nearest(images, 2, height, filter)).index_select(3, Nearest(images, 3, width, filter))),
        };
    }

    /// <summary>PyTorch's <c>interpolate</c> of bytes: first along rows, then along columns, rounded and clipped to bytes after each.</summary>
    /// <param name="bytes">uint8 [B, C, H, W].</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">The interpolation.</param>
    /// <param name="antialias">Whether the kernel is widened when shrinking.</param>
    /// <exception cref="ArgumentException">They are no such bytes, or the interpolation has no antialiasing.</exception>
    public static Tensor ResizeBytes(Tensor bytes, int width, int height, TensorFilter filter, bool antialias = false)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.dtype != uint8 || bytes.dim() != 4) throw new ArgumentException($"Bytes are [B, C, H, W]; got {bytes.dtype} [{string.Join(", ", bytes.shape)}].", nameof(bytes));
        Tensor Levels(Tensor x) => x.clamp(0, 255).round();
        return WrappedTensorDisposeScope(() =>
        {
            var rows = Levels(Resize(bytes.to(float32), width, (int)bytes.shape[2], filter, antialias));
            return Levels(Resize(rows, width, height, filter, antialias)).to(uint8);
        });
    }

    /// <summary>
    /// Bilinear as TensorFlow 1 resizes without <c>align_corners</c>: output i reads the source at i·in/out (the factor in float32, no half pixels, no antialiasing), first
    /// along rows, then along columns, each p + (q − p)·fraction.
    /// </summary>
    /// <param name="images">[B, C, H, W], float32.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <exception cref="ArgumentException">They are no such pictures.</exception>
    public static Tensor BilinearOfTensorFlow1(Tensor images, int width, int height)
    {
        Check(images, width, height);
        return WrappedTensorDisposeScope(() => Along(Along(images, 3, width), 2, height));
    }

    private static Tensor Along(Tensor images, int axis, int size)
    {
        var last = images.shape[axis] - 1;
        var scale = (float)images.shape[axis] / size;
        float[] positions = [.. Enumerable.Range(0, size).Select(i => i * scale)];
        long[] low = [.. positions.Select(position => (long)MathF.Floor(position))];
        var fraction = tensor([.. positions.Zip(low, (position, floor) => position - floor)], device: images.device).view(axis == 3 ? [1, 1, 1, size] : [1, 1, size, 1]);
        Tensor At(IEnumerable<long> indices) => images.index_select(axis, tensor([.. indices], device: images.device));
        var (p, q) = (At(low), At(low.Select(floor => Math.Min(floor + 1, last))));
        return p + (q - p) * fraction;
    }

    private static Tensor Nearest(Tensor images, int axis, int size, TensorFilter filter)
    {
        var from = images.shape[axis];
        var (scale, shift) = ((float)from / size, filter == TensorFilter.NearestExact ? 0.5f : 0);
        return tensor([.. Enumerable.Range(0, size).Select(i => Math.Min((long)((i + shift) * scale), from - 1))], device: images.device);
    }

    private static void Check(Tensor images, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (images.dim() != 4 || !images.is_floating_point()) throw new ArgumentException($"Pictures are [B, C, H, W] of floating point; got {images.dtype} [{string.Join(", ", images.shape)}].", nameof(images));
    }
}
