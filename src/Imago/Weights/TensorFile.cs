using TorchSharp;

namespace Imago.Weights;

/// <summary>What a file says of one tensor, before its numbers are read.</summary>
/// <param name="Name">The key.</param>
/// <param name="DataType">The type as the file spells it: <c>F32</c>, <c>BF16</c>, <c>F8_E4M3</c>, ….</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
public sealed record TensorInfo(string Name, string DataType, IReadOnlyList<long> Shape)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (count, size) => count * size);

    /// <summary>Bytes that the tensor takes in the file (before any compression of the container).</summary>
    public long ByteCount { get; init; }
}

/// <summary>An open file (or set of shards) of named tensors, of any format that Imago reads. Tensors may share memory with the file, which stays open until they are disposed.</summary>
/// <remarks>
/// Files are taken for hostile: everything is checked before memory is allocated, nothing in them is executed, and what is refused is named.
/// Do not shorten or overwrite a file while tensors that share its memory are alive.
/// </remarks>
public abstract class TensorFile : IDisposable
{
    /// <summary>The path it was opened from.</summary>
    public abstract string Path { get; }

    /// <summary>What the file says of each tensor, in the file's order.</summary>
    public abstract IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Text stored beside the tensors; empty where the format or the file has none.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// Reads one tensor, on the CPU. Where it shares memory with the file, its pages are private: writing to it in place is harmless, and changes nothing on disk.
    /// </summary>
    /// <remarks>
    /// Types that libtorch lacks are widened without loss: unsigned 16 and 32 bits to int32 and int64, unsigned 64 bits to int64 where every number fits
    /// (refused otherwise), 8-bit floats to bfloat16.
    /// </remarks>
    /// <exception cref="CheckpointException">There is no such key, or its data are damaged, or of a type that Imago does not read.</exception>
    public abstract torch.Tensor Read(string name);

    /// <summary>
    /// Opens a file of any format that Imago reads, judged by its first bytes and not by its name: safetensors (or an index of shards), PyTorch checkpoints of both
    /// containers, <c>.npy</c>, <c>.npz</c>, GGUF; or a folder of the hub that holds the weights of one model.
    /// </summary>
    /// <exception cref="CheckpointException">It is damaged or refused (the message names why), or something else (the message says what).</exception>
    public static TensorFile Open(string path) => TensorFileOpener.Open(path);

    /// <summary>Opens a folder's weights, of the variant that is wanted (such as <c>fp16</c>) where it is there, else the plain ones.</summary>
    internal static TensorFile OpenVariant(string folder, string? variant) => TensorFileOpener.Open(folder, variant);

    /// <summary>Whether the file holds this key.</summary>
    public virtual bool Contains(string name) => Tensors.Any(tensor => tensor.Name == name);

    /// <summary>Gives back the memory of what was read from the file so far, where no tensor needs it any more.</summary>
    internal virtual void Forget()
    {
    }

    /// <summary>Closes the file; tensors already read stay valid.</summary>
    public abstract void Dispose();
}
