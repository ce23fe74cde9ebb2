using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>Tensors from ranges of a mapped file: over the file's own memory where that is possible, else a copy.</summary>
internal static class MappedTensors
{
    /// <param name="file">The file.</param>
    /// <param name="offset">The first byte; the range has been checked to lie inside the file.</param>
    /// <param name="info">Name and shape.</param>
    /// <param name="type">The type in the file.</param>
    internal static Tensor Read(MappedFile file, long offset, TensorInfo info, ElementType type)
    {
        if (type.Tensor is null) throw new CheckpointException($"{file.Path}: tensor {info.Name} has the type {type.Name}, which Imago lists but does not read.");
        long[] shape = [.. info.Shape];
        if (info.ByteCount == 0) return empty(shape, dtype: type.Tensor.Value);
        if (IsInPlace(file, offset, info.ByteCount, type)) return file.Lend(offset, type.Tensor.Value, shape);
        var next = offset;
        return Read(file.Path, info, type, target =>
        {
            file.Span(next, target.Length).CopyTo(target);
            next += target.Length;
        });
    }

    /// <summary>A copy, from whatever fills the spans it is given one after the other.</summary>
    internal static Tensor Read(string path, TensorInfo info, ElementType type, Action<Span<byte>> source)
    {
        try
        {
            return type.ToTensor(source, [.. info.Shape]);
        }
        catch (OverflowException e)
        {
            throw new CheckpointException($"{path}: tensor {info.Name} holds a number of {type.Name} beyond 2^63 - 1, the largest that a tensor can hold.", e);
        }
    }

    private static bool IsInPlace(MappedFile file, long offset, long bytes, ElementType type)
    {
        if (type != ElementType.Bool) return type.IsInPlace(file.Address(offset));
        for (long at = 0; at < bytes; at += int.MaxValue)                       // a byte other than 0 and 1 is no bool to libtorch
        {
            if (file.Span(offset + at, (int)Math.Min(bytes - at, int.MaxValue)).IndexOfAnyInRange((byte)2, byte.MaxValue) >= 0) return false;
        }
        return true;
    }
}
