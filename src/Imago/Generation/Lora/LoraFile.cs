using Imago.Weights;

namespace Imago.Generation.Lora;

/// <summary>One layer's change in a file: the keys of its tensors.</summary>
/// <param name="Part">The network that the file says; null where it says none.</param>
/// <param name="Layer">The layer's name, with underscores for dots.</param>
/// <param name="Keys">Its tensors.</param>
internal sealed record LoraEntry(LoraPart? Part, string Layer, IReadOnlyDictionary<LoraRole, string> Keys);

/// <summary>
/// A file of low-rank changes, in any of the names that are in use: PEFT's and diffusers' (<c>lora_A</c>, <c>lora.down</c>, <c>to_q_lora.down</c>), kohya's (<c>lora_unet_…lora_down</c>, <c>alpha</c>),
/// LyCORIS' LoCon, LoHa and LoKr, each with or without DoRA. Opening reads its header and checks that it is one.
/// </summary>
public sealed class LoraFile : IDisposable
{
    private readonly TensorFile _file;
    private readonly LoraScaling _scaling;

    private LoraFile(TensorFile file)
    {
        _file = file;
        _scaling = LoraScaling.Of(file);
        var keys = file.Tensors.Select(info => (info.Name, Key: LoraKey.Parse(info.Name))).ToList();
        var strange = keys.Where(entry => entry.Key is null).Select(entry => entry.Name).ToList();
        if (strange.Count == keys.Count) throw new CheckpointException($"{file.Path} holds no low-rank change; it looks like {ModelKind.Of(file.Tensors) ?? "something that Imago does not know"}.");
        if (strange.Count > 0) throw new CheckpointException($"{file.Path}: {strange.Count} of its {keys.Count} tensors are {LoraFamily.Strange(strange)}, which Imago does not apply: {Some(strange)}.");
        Dialects = [.. keys.Select(entry => entry.Key!.Dialect).Where(dialect => dialect != LoraDialect.Common).Distinct()];
        Entries = [.. keys.GroupBy(entry => (entry.Key!.Part, entry.Key.Layer)).Select(group => new LoraEntry(group.Key.Part, group.Key.Layer, Roles(group.Select(entry => (entry.Key!.Role, entry.Name)))))];
        var halves = Entries.Where(entry => !LoraChange.IsComplete([.. entry.Keys.Keys])).Select(entry => entry.Keys.Values.First()).ToList();
        if (halves.Count > 0) throw new CheckpointException($"{file.Path}: tensors without the others that belong to them: {Some(halves)}. The file is cut off or was put together wrongly.");
    }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>What it is, in words: <c>LoRA in kohya's names, for Stable Diffusion XL</c>.</summary>
    public string Description => LoraFamily.Describe(this);

    /// <summary>Layers that it changes.</summary>
    public int Count => Entries.Count;

    internal IReadOnlyList<LoraEntry> Entries { get; }

    internal IReadOnlyList<LoraDialect> Dialects { get; }

    internal IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    /// <summary>Opens a file, or a folder with one (PEFT's with its <c>adapter_config.json</c>).</summary>
    /// <param name="path">Safetensors, or a checkpoint of PyTorch.</param>
    /// <exception cref="CheckpointException">It is damaged or no file of low-rank changes; the message says what it looks like.</exception>
    public static LoraFile Open(string path)
    {
        var file = TensorFile.Open(path);
        try
        {
            return new LoraFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensors of one change, in float32.</summary>
    internal LoraChange Read(LoraEntry entry)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        double? alpha = entry.Keys.TryGetValue(LoraRole.Alpha, out var key) ? Number(key) : _scaling.Alpha(entry.Part, entry.Layer);
        return new LoraChange(
            entry.Keys.Where(pair => pair.Key != LoraRole.Alpha).ToDictionary(pair => pair.Key, pair => _file.Read(pair.Value).to(TorchSharp.torch.float32, copy: true).MoveToOuterDisposeScope()),
            alpha, _scaling.IsByRoot(entry.Part));
    }

    /// <summary>What the file says of a tensor.</summary>
    internal TensorInfo Info(string key) => _file.Tensors.First(info => info.Name == key);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>The first few of many.</summary>
    internal static string Some(IReadOnlyCollection<string> names) => $"{string.Join(", ", names.Take(5))}{(names.Count > 5 ? $" and {names.Count - 5} more" : "")}";

    private Dictionary<LoraRole, string> Roles(IEnumerable<(LoraRole Role, string Key)> tensors)
    {
        var roles = new Dictionary<LoraRole, string>();
        foreach (var (role, key) in tensors)
            if (!roles.TryAdd(role, key)) throw new CheckpointException($"{Path}: {key} and {roles[role]} are the same tensor of the same layer.");
        return roles;
    }

    private double Number(string key)
    {
        if (Info(key).ElementCount != 1) throw new CheckpointException($"{Path}: {key} is [{string.Join(", ", Info(key).Shape)}]; expected one number.");
        var number = _file.Read(key).to(TorchSharp.torch.float64).item<double>();
        return double.IsFinite(number) ? number : throw new CheckpointException($"{Path}: {key} is {number}; expected a finite number.");
    }
}
