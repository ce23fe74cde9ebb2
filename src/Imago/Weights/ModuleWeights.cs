using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>What a lenient loading left undone.</summary>
/// <param name="Missing">Keys of the module that no file has; they keep their values.</param>
/// <param name="Unexpected">Keys of the files that the module lacks.</param>
public sealed record LoadReport(IReadOnlyList<string> Missing, IReadOnlyList<string> Unexpected);

/// <summary>Weights into modules and out of them: the one loader, which is strict, and tells everything that is wrong at once.</summary>
public static class ModuleWeights
{
    private const int PairsBetweenForgetting = 32;

    /// <summary>Copies the weights of a file into a module's parameters and buffers, converting floating-point types to the module's.</summary>
    /// <param name="module">The module; its keys are those of its <c>state_dict</c>.</param>
    /// <param name="file">An open file.</param>
    /// <param name="map">The module's names of the file's keys; null for the same names.</param>
    /// <param name="strict">Whether missing and unexpected keys are errors. Wrong shapes and types always are.</param>
    /// <exception cref="CheckpointException">Keys, shapes or types do not fit; the message lists all, with file names. The module is untouched then.</exception>
    public static LoadReport Load(nn.Module module, TensorFile file, KeyMap? map = null, bool strict = true) => Load(module, [file], map, strict);

    /// <summary>Opens a file (or folder) of any format and copies its weights into a module.</summary>
    /// <inheritdoc cref="Load(nn.Module, TensorFile, KeyMap?, bool)"/>
    public static LoadReport Load(nn.Module module, string path, KeyMap? map = null, bool strict = true)
    {
        using var file = TensorFile.Open(path);
        return Load(module, [file], map, strict);
    }

    /// <summary>Copies tensors into a module.</summary>
    /// <inheritdoc cref="Load(nn.Module, TensorFile, KeyMap?, bool)"/>
    public static LoadReport Load(nn.Module module, IReadOnlyDictionary<string, Tensor> tensors, KeyMap? map = null, bool strict = true)
    {
        using var file = new TensorsInMemory(tensors);
        return Load(module, [file], map, strict);
    }

    /// <summary>Copies the weights of several files, which together hold the module's keys.</summary>
    /// <inheritdoc cref="Load(nn.Module, TensorFile, KeyMap?, bool)"/>
    public static LoadReport Load(nn.Module module, IReadOnlyList<TensorFile> files, KeyMap? map = null, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(files);
        map ??= WeightKeys.Identity;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fit = new Fit(module.state_dict(), files, map);
        fit.ThrowIfWrong(module.GetName(), strict);
        foreach (var part in fit.Pairs.Chunk(PairsBetweenForgetting))
        {
            foreach (var (target, file, key) in part)
            {
                using var source = file.Read(key);
                target.copy_(source);
            }
            foreach (var file in files) file.Forget();                              // the file's pages and the module's copy of them never lie in memory together
        }
        return new LoadReport([.. fit.Missing], [.. fit.Unexpected.Select(entry => entry.Key)]);
    }

    /// <summary>Compares names, shapes and kinds of numbers without loading anything; the module may lie on the device <c>meta</c>.</summary>
    /// <exception cref="CheckpointException">They do not fit; the message lists all.</exception>
    internal static void Compare(nn.Module module, TensorFile file, KeyMap? map = null) => new Fit(module.state_dict(), [file], map ?? WeightKeys.Identity, isToBeFilled: false).ThrowIfWrong(module.GetName(), strict: true);

    /// <summary>Writes a module's parameters and buffers as safetensors.</summary>
    /// <param name="module">The module; it is not changed.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="metadata">Text to store beside them.</param>
    /// <param name="type">What floating-point numbers are rounded to in the file; <see langword="null"/> for the module's own types.</param>
    /// <inheritdoc cref="Safetensors.Write" path="/exception"/>
    public static void Save(nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null, ScalarType? type = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Safetensors.Write(path, module.state_dict().Select(entry => KeyValuePair.Create(entry.Key, type is { } to && entry.Value.is_floating_point() ? entry.Value.to(to) : entry.Value)), metadata);
    }

    /// <summary>Which tensor of which file goes where, and all that does not fit.</summary>
    private sealed class Fit
    {
        private readonly List<string> _wrong = [];
        private readonly IReadOnlyList<TensorFile> _files;
        private readonly bool _isToBeFilled;

        internal Fit(Dictionary<string, Tensor> targets, IReadOnlyList<TensorFile> files, KeyMap map, bool isToBeFilled = true)
        {
            (_files, _isToBeFilled) = (files, isToBeFilled);
            var filled = new HashSet<string>();
            foreach (var file in files)
            {
                foreach (var info in file.Tensors)
                {
                    if (map(info.Name) is not { } name) continue;
                    if (!targets.TryGetValue(name, out var target)) Unexpected.Add((info.Name, file.Path));
                    else if (!filled.Add(name)) _wrong.Add($"{name}: it is there twice, the second time as {info.Name} in {file.Path}");
                    else Compare(name, target, info, file);
                }
            }
            Missing.AddRange(targets.Keys.Where(name => !filled.Contains(name)).Select(name => name));
            Shapes = targets.ToDictionary(entry => entry.Key, entry => entry.Value.shape);
        }

        internal List<(Tensor Target, TensorFile File, string Key)> Pairs { get; } = [];

        internal List<string> Missing { get; } = [];

        internal List<(string Key, string Path)> Unexpected { get; } = [];

        private Dictionary<string, long[]> Shapes { get; }

        internal void ThrowIfWrong(string module, bool strict)
        {
            var isWrong = _wrong.Count > 0 || (strict && (Missing.Count > 0 || Unexpected.Count > 0));
            if (!isWrong) return;
            var report = new StringBuilder($"The weights in {string.Join(", ", _files.Select(file => file.Path))} do not fit {module}.");
            if (strict) Append(report, "missing", Missing.Select(name => $"{name} {Text(Shapes[name])}"));
            if (strict) Append(report, "unexpected", Unexpected.Select(entry => $"{entry.Key} in {entry.Path}"));
            Append(report, "of another shape or type", _wrong);
            if (Prefix() is { } prefix) report.Append($"\nThe file's keys differ by the prefix '{prefix}': load with WeightKeys.WithoutPrefix or WeightKeys.Under.");
            foreach (var file in _files.Where(file => Missing.Count + Unexpected.Count > 0 && ModelKind.Of(file.Tensors) is not null)) report.Append($"\n{file.Path}: {ModelKind.Explain(file.Tensors)}");
            throw new CheckpointException(report.ToString());
        }

        private void Compare(string name, Tensor target, TensorInfo info, TensorFile file)
        {
            if (!target.shape.AsSpan().SequenceEqual([.. info.Shape]))
                _wrong.Add($"{name}: {Text(info.Shape)} in {file.Path}, expected {Text(target.shape)}");
            else if (IsFloat(info.DataType) != target.is_floating_point())
                _wrong.Add($"{name}: {info.DataType} in {file.Path}, expected {target.dtype}");
            else if (_isToBeFilled && target.device_type == DeviceType.META)
                _wrong.Add($"{name}: the module lies on the device 'meta' and has no memory to load into; build it on the CPU");
            else
                Pairs.Add((target, file, info.Name));
        }

        private static bool IsFloat(string dataType) => !dataType.StartsWith("BOOL", StringComparison.Ordinal) && !(dataType[0] is 'I' or 'U' && dataType.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0);

        /// <summary>What stands before every one of the module's keys in the file, if that is all that is wrong.</summary>
        private string? Prefix()
        {
            if (Missing.Count == 0) return null;
            var first = Unexpected.Select(entry => entry.Key).FirstOrDefault(key => key.EndsWith($".{Missing[0]}", StringComparison.Ordinal));
            return first?[..^Missing[0].Length];
        }

        private static void Append(StringBuilder report, string what, IEnumerable<string> lines)
        {
            var all = lines.ToList();
            if (all.Count > 0) report.Append($"\n{what} ({all.Count}):\n  {string.Join("\n  ", all)}");
        }

        private static string Text(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
    }

    /// <summary>Tensors of a program as if they lay in a file.</summary>
    private sealed class TensorsInMemory(IReadOnlyDictionary<string, Tensor> tensors) : TensorFile
    {
        public override string Path => "the given tensors";

        public override IReadOnlyList<TensorInfo> Tensors { get; } = [.. tensors.Select(entry => new TensorInfo(entry.Key, ElementType.Of(entry.Value.dtype).Name, entry.Value.shape) { ByteCount = entry.Value.numel() * entry.Value.element_size() })];

        public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

        public override Tensor Read(string name) => tensors[name].alias();

        public override void Dispose()
        {
        }
    }
}
