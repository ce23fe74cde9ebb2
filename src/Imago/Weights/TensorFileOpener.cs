namespace Imago.Weights;

/// <summary>Finds the reader of a file by its content.</summary>
internal static class TensorFileOpener
{
    internal static TensorFile Open(string path, string? variant = null)
    {
        if (Directory.Exists(path)) path = FileIn(path, variant);
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

    private static string FileIn(string folder, string? variant)
    {
        var names = Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).ToArray();
        if (WeightSet.Best(WeightSet.In(names), variant) is { } known) return Path.Combine(folder, known.Files[0]);
        if (names.Order(StringComparer.Ordinal).FirstOrDefault(WeightSet.IsIndex) is { } index) return Path.Combine(folder, index);      // it will say which shards are missing
        string[] candidates = [.. Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".safetensors" or ".bin" or ".pth" or ".pt" or ".ckpt").Order(StringComparer.Ordinal)];
        return candidates switch
        {
            [var only] => only,
            [] => throw new CheckpointException($"The folder {folder} holds no weights: neither model.safetensors, diffusion_pytorch_model.safetensors and the like, nor any other file of tensors. Name the file, or the sub-folder of one model."),
            _ => throw new CheckpointException($"The folder {folder} holds several files of weights ({string.Join(", ", candidates.Select(Path.GetFileName))}); name one of them."),
        };
    }
}
