namespace Imago.Weights;

/// <summary>Finds the reader of a file by its content.</summary>
internal static class TensorFileOpener
{
    private static readonly string[] FolderFiles =
    [
        "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors", "model.safetensors.index.json", "model.safetensors",
        "diffusion_pytorch_model.bin", "pytorch_model.bin",
    ];

    internal static TensorFile Open(string path)
    {
        if (Directory.Exists(path)) path = FileIn(path);
        return KindOf(path) switch
        {
            FileFormat.Kind.Safetensors => Safetensors.Open(path),
            FileFormat.Kind.TorchLegacy => TorchCheckpoint.Open(path),
            FileFormat.Kind.Zip => IsNumpyArchive(path) ? NumpyFile.Open(path) : TorchCheckpoint.Open(path),
            FileFormat.Kind.Numpy => NumpyFile.Open(path),
            FileFormat.Kind.Gguf => GgufFile.Open(path),
            FileFormat.Kind.Json => Safetensors.OpenSharded(path),
            var kind when path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && kind is FileFormat.Kind.Unknown => Safetensors.Open(path),
            var kind => throw new CheckpointException($"{path} is not a file of tensors but {FileFormat.Describe(kind)}."),
        };
    }

    internal static FileFormat.Kind KindOf(string path)
    {
        using var file = new MappedFile(path);
        return FileFormat.Of(file);
    }

    private static bool IsNumpyArchive(string path)
    {
        using var file = new MappedFile(path);
        var members = ZipContainer.Open(file).Members;
        return !members.Exists(member => member.Name.EndsWith("data.pkl", StringComparison.Ordinal)) && (members.Exists(member => member.Name.EndsWith(".npy", StringComparison.Ordinal)) || members.Count == 0);
    }

    private static string FileIn(string folder)
    {
        if (FolderFiles.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } known) return known;
        string[] candidates = [.. Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".safetensors" or ".bin" or ".pth" or ".pt" or ".ckpt").Order(StringComparer.Ordinal)];
        return candidates switch
        {
            [var only] => only,
            [] => throw new CheckpointException($"The folder {folder} holds no weights: none of {string.Join(", ", FolderFiles)}, nor any other file of tensors. Name the file, or the sub-folder of one model."),
            _ => throw new CheckpointException($"The folder {folder} holds several files of weights ({string.Join(", ", candidates.Select(Path.GetFileName))}); name one of them."),
        };
    }
}
