using System.Text.Json.Nodes;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>Low-rank changes in files: safetensors with the keys of PEFT as diffusers writes them (<c>pytorch_lora_weights.safetensors</c>).</summary>
public static class LoraFiles
{
    private const string A = ".lora_A.weight", B = ".lora_B.weight", Alpha = ".alpha", Metadata = "lora_adapter_metadata";

    /// <summary>Adds the changes of a file to a network's own weights, for good.</summary>
    /// <param name="network">The network.</param>
    /// <param name="path">The file. A scale of its own stands in its metadata, as diffusers writes it, or beside the matrices as <c>alpha</c>; without, it is 1.</param>
    /// <param name="strength">Factor on all changes; 1 as they were trained, −1 takes them away again.</param>
    /// <exception cref="CheckpointException">The file holds keys that are no such changes, or changes of layers that the network does not have; the message lists them. The network is untouched then.</exception>
    public static void Fuse(DenoisingNetwork network, string path, double strength = 1)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var file = TensorFile.Open(path);
        var layers = network.named_modules().Where(entry => entry.module is Linear or Conv2d).ToDictionary(entry => entry.name, entry => entry.module is Linear linear ? linear.weight : ((Conv2d)entry.module).weight);
        var changes = new List<(Tensor Weight, Tensor Change)>();
        var wrong = file.Tensors.Select(info => info.Name).Where(name => !name.EndsWith(A, StringComparison.Ordinal) && !name.EndsWith(B, StringComparison.Ordinal) && !name.EndsWith(Alpha, StringComparison.Ordinal)).ToList();
        foreach (var name in file.Tensors.Select(info => info.Name).Where(name => name.EndsWith(A, StringComparison.Ordinal)))
        {
            var target = name[..^A.Length];
            var local = target.StartsWith("unet.", StringComparison.Ordinal) || target.StartsWith("transformer.", StringComparison.Ordinal) ? target[(target.IndexOf('.', StringComparison.Ordinal) + 1)..] : target;
            if (!layers.TryGetValue(local, out var weight) || !file.Contains(target + B) || Change(file, target, weight, strength) is not { } change) wrong.Add(name);
            else changes.Add((weight, change));
        }
        if (wrong.Count > 0 || changes.Count == 0)
            throw new CheckpointException($"{path} does not fit {network.GetName()}: {(changes.Count == 0 && wrong.Count == 0 ? "it holds no low-rank change" : $"there is no layer, partner or shape for {string.Join(", ", wrong.Take(20))}")}. Expected are pairs PATH{A} and PATH{B}.");
        foreach (var (weight, change) in changes) weight.add_(change);
    }

    /// <summary>Writes an adapter.</summary>
    internal static void Save(LoraAdapter adapter, LoraConfig config, string prefix, string path)
    {
        using var scope = NewDisposeScope();
        var metadata = new JsonObject
        {
            [$"{prefix}.r"] = config.Rank, [$"{prefix}.lora_alpha"] = config.Alpha ?? config.Rank, [$"{prefix}.target_modules"] = new JsonArray([.. config.Targets.Select(target => JsonValue.Create(target))]),
        };
        Safetensors.Write(path, adapter.state_dict(), new Dictionary<string, string> { ["format"] = "pt", [Metadata] = metadata.ToJsonString() });
    }

    private static Tensor? Change(TensorFile file, string target, Tensor weight, double strength)
    {
        var (a, b) = (file.Read(target + A).to(weight.dtype).to(weight.device), file.Read(target + B).to(weight.dtype).to(weight.device));
        var fits = a.dim() >= 2 && b.dim() >= 2 && a.shape[0] == b.flatten(1).shape[1] && b.shape[0] == weight.shape[0] && a.flatten(1).shape[1] == weight.flatten(1).shape[1];
        return fits ? LoraAdapter.Change(a, b, strength * ScaleOf(file, target, a.shape[0]), weight.shape) : null;
    }

    private static double ScaleOf(TensorFile file, string target, long rank)
    {
        if (file.Contains(target + Alpha)) return file.Read(target + Alpha).to(float64).item<double>() / rank;
        var prefix = target.Split('.')[0];
        return file.Metadata.TryGetValue(Metadata, out var text) && Number(text, $"{prefix}.lora_alpha") is { } alpha ? alpha / rank : 1;
    }

    private static double? Number(string json, string key)
    {
        try
        {
            return JsonNode.Parse(json)?[key]?.GetValue<double>();
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
