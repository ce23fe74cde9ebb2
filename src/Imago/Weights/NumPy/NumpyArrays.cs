using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>The elements of NumPy arrays as tensors.</summary>
internal static class NumpyArrays
{
    /// <summary>Reads exactly the elements of an array; a Fortran-ordered one is brought into C order.</summary>
    /// <param name="what">The array's name in messages.</param>
    /// <param name="type">Its type.</param>
    /// <param name="shape">Its sizes, checked against the bytes there are.</param>
    /// <param name="isFortranOrder">Whether the first index runs fastest.</param>
    /// <param name="data">The elements' bytes.</param>
    internal static Tensor ToTensor(string what, NumpyType? type, long[] shape, bool isFortranOrder, Stream data)
    {
        if (type?.Element is not { } element) throw new CheckpointException($"{what} holds {(type is null ? "nothing" : "text")}, not numbers.");
        long[] sizes = isFortranOrder ? [.. shape.Reverse()] : shape;
        var info = new TensorInfo(what, element.Name, sizes) { ByteCount = ElementType.Count([.. sizes, element.Bytes])!.Value };
        var tensor = MappedTensors.Read(what, info, element, span =>
        {
            data.ReadExactly(span);
            type.ToNativeOrder(span);
        });
        if (!isFortranOrder || shape.Length < 2) return tensor;
        using (tensor)
        {
            using var view = tensor.permute([.. Enumerable.Range(0, shape.Length).Reverse().Select(i => (long)i)]);
            return view.contiguous();
        }
    }
}
