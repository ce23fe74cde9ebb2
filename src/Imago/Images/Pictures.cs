using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>Pictures between bytes and tensors. Bytes are [0, 255]; the meaning of floating-point numbers is always named by a <see cref="PixelRange"/>.</summary>
public static class Pictures
{
    /// <summary>The picture's bytes as a tensor.</summary>
    /// <returns>uint8 [C, H, W].</returns>
    public static Tensor ToBytes(PixelImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var tensor = empty(image.Channels, image.Height, image.Width, dtype: uint8);
        ToPlanes(image, MemoryOf(tensor));
        return tensor;
    }

    /// <summary>The picture as floating-point numbers.</summary>
    /// <returns>float32 [C, H, W] in <paramref name="range"/>.</returns>
    public static Tensor ToFloat(PixelImage image, PixelRange range) => WrappedTensorDisposeScope(() => ToFloat(ToBytes(image), range));

    /// <summary>Bytes as floating-point numbers: x/255, or x/127.5 − 1.</summary>
    /// <param name="bytes">uint8 of any shape.</param>
    /// <param name="range">The range of the result.</param>
    /// <returns>float32 of the same shape in <paramref name="range"/>.</returns>
    public static Tensor ToFloat(Tensor bytes, PixelRange range)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (bytes.dtype != uint8) throw new ArgumentException($"pixels are {bytes.dtype}, expected uint8.", nameof(bytes));
        return WrappedTensorDisposeScope(() => range == PixelRange.ZeroToOne ? bytes.to(float32) / 255 : bytes.to(float32) / 127.5 - 1);
    }

    /// <summary>Floating-point numbers as bytes: clamped to the range and rounded to the nearest of the 256 levels.</summary>
    /// <param name="values">Floating point of any shape, in <paramref name="range"/>; NaN becomes 0.</param>
    /// <param name="range">The range of <paramref name="values"/>.</param>
    /// <returns>uint8 of the same shape.</returns>
    public static Tensor ToBytes(Tensor values, PixelRange range)
    {
        ArgumentNullException.ThrowIfNull(values);
        return WrappedTensorDisposeScope(() =>
        {
            var x = values.detach().to(float32);
            var levels = range == PixelRange.ZeroToOne ? x * 255 : (x + 1) * 127.5;
            return levels.nan_to_num(0).clamp(0, 255).round().to(uint8);
        });
    }

    /// <summary>The same pictures with black at 0 and white at 1, whatever they are; the tensor itself if they are so already.</summary>
    internal static Tensor ZeroToOne(Tensor values, PixelRange range) => range == PixelRange.ZeroToOne ? values : (values + 1) / 2;

    /// <summary>One picture from a tensor of floating-point numbers.</summary>
    /// <param name="values">[C, H, W] with C of 1, 3 or 4, or [H, W], in <paramref name="range"/>.</param>
    /// <param name="range">The range of <paramref name="values"/>.</param>
    public static PixelImage FromTensor(Tensor values, PixelRange range)
    {
        using var bytes = ToBytes(values, range);
        return FromBytes(bytes);
    }

    /// <summary>The pictures of a batch of floating-point numbers.</summary>
    /// <param name="values">[B, C, H, W] with C of 1, 3 or 4, in <paramref name="range"/>.</param>
    /// <param name="range">The range of <paramref name="values"/>.</param>
    public static IReadOnlyList<PixelImage> FromBatch(Tensor values, PixelRange range)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.dim() != 4) throw new ArgumentException($"a batch of pictures has 4 dimensions [B, C, H, W], got [{string.Join(", ", values.shape)}].", nameof(values));
        using var scope = NewDisposeScope();
        return [.. ToBytes(values, range).unbind(0).Select(FromBytes)];
    }

    /// <summary>One picture from its bytes.</summary>
    /// <param name="bytes">uint8 [C, H, W] with C of 1, 3 or 4, or [H, W].</param>
    public static PixelImage FromBytes(Tensor bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        var shape = bytes.dim() == 2 ? [1, bytes.shape[0], bytes.shape[1]] : bytes.shape;
        if (bytes.dtype != uint8 || shape.Length != 3 || shape[0] is not (1 or 3 or 4))
            throw new ArgumentException($"got {bytes.dtype} [{string.Join(", ", bytes.shape)}], expected uint8 [C, H, W] with C of 1, 3 or 4.", nameof(bytes));
        using var interleaved = WrappedTensorDisposeScope(() => bytes.cpu().reshape(shape).permute(1, 2, 0).contiguous());
        return new PixelImage((int)shape[2], (int)shape[1], (int)shape[0], MemoryOf(interleaved).ToArray());
    }

    /// <summary>Interleaved [H, W, C] to planes [C, H, W].</summary>
    internal static void ToPlanes(PixelImage image, Span<byte> planes)
    {
        var (channels, count) = (image.Channels, image.Width * image.Height);
        if (image.Pixels.Length != count * channels)
            throw new ArgumentException($"{image.Pixels.Length} bytes for {image.Width}×{image.Height} pixels of {channels} channels.", nameof(image));
        for (var c = 0; c < channels; c++)
        {
            var plane = planes.Slice(c * count, count);
            for (int i = 0, from = c; i < count; i++, from += channels) plane[i] = image.Pixels[from];
        }
    }

    /// <summary>The bytes of a contiguous uint8 tensor in main memory, in place.</summary>
    internal static Span<byte> MemoryOf(Tensor tensor) => tensor.numel() == 0 ? [] : tensor.bytes;
}
