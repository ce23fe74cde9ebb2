using System.Text.Json.Nodes;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>Low-rank changes in files: safetensors with the keys of PEFT as diffusers writes them (<c>pytorch_lora_weights.safetensors</c>).</summary>
public static class LoraFiles
{
    /// <summary>Adds the changes of a file to a network's own weights, for good.</summary>
    /// <param name="network">The network.</param>
    /// <param name="path">The file, in any of the names that <see cref="LoraFile"/> reads. A factor of its own stands in its header or beside its tensors; without, it is 1.</param>
    /// <param name="strength">Factor on all changes; 1 as they were trained.</param>
    /// <exception cref="CheckpointException">The file holds no such changes, or changes of layers that the network does not have; the message says what it looks like. The network is untouched then.</exception>
    public static void Fuse(DenoisingNetwork network, string path, double strength = 1)
    {
        using var stack = new LoraStack(new Dictionary<LoraPart, nn.Module> { [LoraPart.Denoiser] = network });
        stack.Add(path, new LoraStrength(strength));
        stack.FuseForGood();
    }

    /// <summary>Writes an adapter.</summary>
    internal static void Save(LoraAdapter adapter, LoraConfig config, string prefix, string path)
    {
        using var scope = NewDisposeScope();
        var metadata = new JsonObject
        {
            [$"{prefix}.r"] = config.Rank, [$"{prefix}.lora_alpha"] = config.Alpha ?? config.Rank, [$"{prefix}.target_modules"] = new JsonArray([.. config.Targets.Select(target => JsonValue.Create(target))]),
        };
        Safetensors.Write(path, adapter.state_dict(), new Dictionary<string, string> { ["format"] = "pt", [LoraScaling.Metadata] = metadata.ToJsonString() });
    }
}
