using System.Text.Json;
using Imago.Generation;
using Imago.Generation.Lora;
using Imago.Generation.Pipelines;
using Imago.Layers;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Runs under low-rank changes: attached and fused, from every file that is said to hold the same, the changed weights among the quantities; afterwards the weights are what they were.</summary>
internal sealed partial class PipelinesSet
{
    private const string Fuse = "fuse";
    private static readonly string[] LoraKinds = ["lora", "locon", "loha", "lokr", "dora"];

    private static bool IsLora(string kind) => kind == Fuse || LoraKinds.Any(start => kind.StartsWith(start, StringComparison.Ordinal));

    private static List<JsonElement> Adapters(GoldenCase golden) =>
        golden.Entry.TryGetProperty("adapters", out var adapters) && adapters.ValueKind == JsonValueKind.Array ? [.. adapters.EnumerateArray()] : [];

    private static List<JsonElement> LoraAdapters(GoldenCase golden) => [.. Adapters(golden).Where(adapter => IsLora(adapter.GetProperty("kind").GetString()!))];

    private static void RunLora(GoldenCase golden, IReadOnlyList<JsonElement> adapters, Checks check)
    {
        var fuse = adapters.Where(adapter => adapter.GetProperty("kind").GetString() == Fuse).Select(adapter => (double?)adapter.GetProperty("scale").GetDouble()).FirstOrDefault();
        var files = adapters.Where(adapter => adapter.TryGetProperty("file", out _)).Select(adapter => (Path: adapter.GetProperty("file").GetString()!, Strength: (fuse ?? 1) * StrengthOf(adapter.GetProperty("scale")))).ToList();
        var others = adapters.SelectMany(adapter => adapter.TryGetProperty("same_result_files", out var same) ? same.EnumerateArray().Select(path => path.GetString()!) : []).ToList();
        if (others.Count > 0 && files.Count > 1) throw new NotImplementedHereException("several files with other spellings");
        foreach (var use in fuse is null ? [LoraUse.Attached, LoraUse.Fused] : (LoraUse[])[LoraUse.Fused]) RunLora(golden, files, use, check);
        foreach (var path in others) RunLora(golden, [(path, files[0].Strength)], LoraUse.Fused, check);
    }

    private static void RunLora(GoldenCase golden, IReadOnlyList<(string Path, LoraStrength Strength)> files, LoraUse use, Checks check)
    {
        using var scope = NewDisposeScope();
        LoraStack? stack = null;
        IReadOnlyList<(string Name, Tensor Now, Tensor Before)> weights = [];
        using var run = new PipelineRun(golden, model =>
        {
            weights = [.. Weights(model).Select(entry => (entry.Name, entry.Weight, entry.Weight.clone()))];
            stack = new LoraStack(model);
            foreach (var (path, strength) in files) check.Equal($"{path}, layers that are not there", stack.Add(golden.PathOf(path), strength).Count, 0);
            if (use == LoraUse.Fused) stack.Fuse();
            else stack.Attach();
            return name => use == LoraUse.Fused ? Changed(name, weights) : null;
        });
        run.Compare(check);
        stack!.Remove();
        foreach (var (name, now, before) in weights) check.Exact($"{name} afterwards", now, before);
        stack.Dispose();
    }

    /// <summary><c>out.fused.PART.PATH.weight</c>, a changed weight; <c>out.delta.PART.PATH</c>, what it has more than before.</summary>
    private static Tensor Changed(string name, IReadOnlyList<(string Name, Tensor Now, Tensor Before)> weights)
    {
        var (isFused, key) = name.Split('.', 3) is ["out", var kind and ("fused" or "delta"), var rest] ? (kind == "fused", rest) : throw new NotImplementedHereException($"Imago does not compare {name}");
        var (part, path) = key.Split('.', 2) is [var head, var tail] ? (head, tail) : throw new FormatException($"{name} names no part.");
        if (isFused) path = path[..^".weight".Length];
        var own = part.StartsWith("text_encoder", StringComparison.Ordinal) ? EncoderKeys.ClipText(path)! : path;
        var (_, now, before) = weights.First(entry => entry.Name == $"{part}.{own}");
        return isFused ? now : now - before;
    }

    private static IEnumerable<(string Name, Tensor Weight)> Weights(DiffusionModel model)
    {
        var denoiser = model.Network.Config is MMDiTConfig ? ComponentNames.Transformer : ComponentNames.UNet;
        return ((PromptConditioner)model.Encoder).Encoders.Select(entry => (entry.Key, Module: (nn.Module)entry.Value)).Prepend((denoiser, model.Network))
            .SelectMany(part => part.Module.named_modules().Where(entry => entry.module is IWeightedLayer).Select(entry => ($"{part.Key}.{entry.name}", (Tensor)((IWeightedLayer)entry.module).Weight)));
    }

    private static LoraStrength StrengthOf(JsonElement scale) => scale.ValueKind == JsonValueKind.Object
        ? new LoraStrength(scale.EnumerateObject().First(part => !part.Name.StartsWith("text_encoder", StringComparison.Ordinal)).Value.GetDouble(), scale.EnumerateObject().First(part => part.Name.StartsWith("text_encoder", StringComparison.Ordinal)).Value.GetDouble())
        : new LoraStrength(scale.GetDouble());
}
