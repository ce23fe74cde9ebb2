using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>Files in the safetensors format: a JSON header with name, type, shape and range of each tensor, then the numbers.</summary>
public static class Safetensors
{
    /// <summary>Opens a file: its header is read and checked whole, the numbers stay on disk until they are used.</summary>
    /// <exception cref="CheckpointException">It is not a valid safetensors file; the message names what is wrong.</exception>
    public static TensorFile Open(string path) => new SafetensorsFile(path);

    /// <summary>Opens a model that is spread over several files, by its index.</summary>
    /// <param name="indexPath">A file such as <c>model.safetensors.index.json</c>, with the shards beside it.</param>
    /// <exception cref="CheckpointException">The index is malformed, or a shard is missing, damaged or holds other keys than the index says.</exception>
    public static TensorFile OpenSharded(string indexPath) => new ShardedTensors(indexPath);

    /// <summary>
    /// Writes tensors as a stream to a file of a temporary name, which takes its place at the end: a crash or a full disk leaves an older file of that name as it was.
    /// </summary>
    /// <param name="path">The file to write.</param>
    /// <param name="tensors">Names and tensors of any device and stride. Larger element types come first in the file, so that all are aligned.</param>
    /// <param name="metadata">Text to store beside them.</param>
    /// <exception cref="ArgumentException">A tensor's type has no place in the format, or a name is used twice or reserved.</exception>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        SafetensorsWriter.Write(path, tensors, metadata);
}
