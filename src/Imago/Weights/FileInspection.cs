using Imago.Data;
using Imago.Images;

namespace Imago.Weights;

/// <summary>What a file is and holds.</summary>
/// <param name="Path">The path given.</param>
/// <param name="Format"><c>safetensors</c>, <c>pytorch</c>, <c>numpy</c>, <c>gguf</c>, <c>image</c>, <c>idx</c>, <c>parquet</c>.</param>
/// <param name="Description">The format in words, container and version included.</param>
/// <param name="FileBytes">Bytes on disk, of all shards together.</param>
public sealed record FileInspection(string Path, string Format, string Description, long FileBytes)
{
    /// <summary>The kind of model, where its keys tell.</summary>
    public string? Model { get; init; }

    /// <summary>The tensors, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; init; } = [];

    /// <summary>Texts beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Elements of all tensors together.</summary>
    public long Parameters => Tensors.Sum(tensor => tensor.ElementCount);

    /// <summary>Elements by type.</summary>
    public IReadOnlyDictionary<string, long> Precision => Tensors.GroupBy(tensor => tensor.DataType).ToDictionary(group => group.Key, group => group.Sum(tensor => tensor.ElementCount));

    /// <summary>Looks into a file (or a folder of the hub with one model), judging by content; nothing is executed, and numbers are not read.</summary>
    /// <exception cref="ImagoException">The file is damaged, refused, or none that Imago knows; the message says which and why.</exception>
    public static FileInspection Of(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return OfTensors(path);
        var kind = TensorFileOpener.KindOf(path);
        return kind switch
        {
            FileFormat.Kind.Png or FileFormat.Kind.Jpeg or FileFormat.Kind.Gif or FileFormat.Kind.WebP or FileFormat.Kind.Bmp => OfImage(path),
            FileFormat.Kind.Idx => OfIdx(path),
            FileFormat.Kind.Gzip => OfGzip(path),
            FileFormat.Kind.Parquet => OfParquet(path),
            _ => OfTensors(path),
        };
    }

    /// <summary>Whether a file holds tensors, by its first bytes.</summary>
    internal static bool IsOfTensors(string path) =>
        TensorFileOpener.KindOf(path) is FileFormat.Kind.Safetensors or FileFormat.Kind.Zip or FileFormat.Kind.TorchLegacy or FileFormat.Kind.Gguf or FileFormat.Kind.Json;

    private static FileInspection OfTensors(string path)
    {
        using var file = TensorFile.Open(path);
        var (format, description) = file switch
        {
            SafetensorsFile => ("safetensors", "safetensors"),
            ShardedTensors { IsSafetensors: true } sharded => ("safetensors", $"safetensors in {sharded.ShardCount} shards"),
            ShardedTensors sharded => ("pytorch", $"PyTorch checkpoint in {sharded.ShardCount} shards"),
            TorchCheckpoint checkpoint => ("pytorch", $"PyTorch checkpoint, {checkpoint.Container} container"),
            NumpyFile { IsArchive: true } => ("numpy", "NumPy archive (.npz)"),
            NumpyFile => ("numpy", "NumPy array (.npy)"),
            GgufFile gguf => ("gguf", $"GGUF version {gguf.Version}"),
            _ => throw new InvalidOperationException($"{file.GetType().Name} has no description."),
        };
        return new FileInspection(path, format, description, Size(file)) { Model = ModelKind.Of(file.Tensors), Tensors = file.Tensors, Metadata = file.Metadata };
    }

    private static long Size(TensorFile file) => file is ShardedTensors sharded ? sharded.FileBytes : LinkedFile.Length(file.Path) ?? 0;

    private static FileInspection OfImage(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var header = ImageFile.Inspect(bytes, path);
        var colours = header.Channels switch { 1 => "grey", 3 => "colour", _ => "colour with alpha" };
        return new FileInspection(path, "image", $"{header.Format.ToUpperInvariant()} image, {header.Width}×{header.Height}, {colours}", bytes.Length);
    }

    private static FileInspection OfIdx(string path)
    {
        var idx = IdxFile.Read(path);
        var info = new TensorInfo("array", ElementType.Of(idx.Type).Name, idx.Shape) { ByteCount = idx.Elements.Length };
        return new FileInspection(path, "idx", "IDX array", LinkedFile.Length(path) ?? 0) { Tensors = [info] };
    }

    /// <summary>The arrays of MNIST come gzipped; nothing else that does is read.</summary>
    private static FileInspection OfGzip(string path)
    {
        try
        {
            return OfIdx(path);
        }
        catch (DataException e)
        {
            throw new CheckpointException($"{path} is {FileFormat.Describe(FileFormat.Kind.Gzip)}. (Nor is it an IDX array: {e.Message})", e);
        }
    }

    private static FileInspection OfParquet(string path)
    {
        var images = new ParquetImageDataset(System.IO.Path.GetFileName(path), [path]);
        return new FileInspection(path, "parquet", $"Parquet table of {images.Count} images{(images.ClassNames.Count > 0 ? $" in {images.ClassNames.Count} classes" : "")}", LinkedFile.Length(path) ?? 0);
    }
}
