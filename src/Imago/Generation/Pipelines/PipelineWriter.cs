using System.Text;
using System.Text.Json.Nodes;
using Imago.Autoencoders;
using Imago.Encoders;
using Imago.Layers;
using Imago.Models;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>
/// Pipelines and their parts as folders of the hub, which diffusers and transformers load. No network is built for it: weights go from file to file, one tensor in memory at a
/// time, after their names and shapes were compared with the configuration.
/// </summary>
public static class PipelineWriter
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>Writes a whole pipeline with its <c>model_index.json</c>.</summary>
    /// <param name="parts">The pipeline, from wherever its parts come.</param>
    /// <param name="folder">Made if it is missing; files of an older pipeline in it are replaced one by one.</param>
    /// <param name="type">What the weights are rounded to; null for the types that they have.</param>
    /// <param name="progress">The parts that were written, of all.</param>
    /// <param name="cancellation">Stops between two parts.</param>
    /// <exception cref="CheckpointException">A part does not fit its configuration (nothing was written then), or a file cannot be written.</exception>
    public static void Save(PipelineParts parts, string folder, ScalarType? type = null, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        foreach (var (name, part) in parts.Components) Check(name, part);
        var written = 0;
        foreach (var (name, part) in parts.Components)
        {
            cancellation.ThrowIfCancellationRequested();
            SavePart(name, part, Path.Combine(folder, name), type);
            progress?.Report(new WorkProgress(++written, parts.Components.Count));
        }
        WriteText(Path.Combine(folder, "model_index.json"), Index(parts).ToJsonString(ConfigJson.Options));
    }

    /// <summary>Writes one part: its configuration and weights, or a tokenizer's files.</summary>
    /// <param name="name">Its name, as in <see cref="ComponentNames"/>.</param>
    /// <param name="part">The part.</param>
    /// <param name="folder">The part's own folder; made if it is missing.</param>
    /// <param name="type">What the weights are rounded to; null for the types that they have.</param>
    /// <exception cref="CheckpointException">The part does not fit its configuration (nothing was written then), or a file cannot be written.</exception>
    public static void SaveComponent(string name, PipelineComponent part, string folder, ScalarType? type = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(part);
        Check(name, part);
        SavePart(name, part, folder, type);
    }

    /// <summary>Compares the names and shapes of a part's weights with those of the network that its configuration describes.</summary>
    /// <exception cref="CheckpointException">They differ; the message lists all.</exception>
    internal static void Check(string name, PipelineComponent part)
    {
        if (part.OpenWeights is null || part.Config is null) return;
        using var scope = NewDisposeScope();
        using var file = part.OpenWeights();
        var (network, map) = Network(name, part, file);
        ModuleWeights.Compare(network, file, map);
    }

    /// <summary>The part's network without memory, and the names that its weights have in it.</summary>
    private static (nn.Module Network, KeyMap Map) Network(string name, PipelineComponent part, TensorFile file)
    {
        if (name is ComponentNames.UNet or ComponentNames.Transformer) return (DenoiserConfig.Parse(part.Config!, part.Source).CreateEmpty(META), WeightKeys.Identity);
        if (name == ComponentNames.Vae)
        {
            using var _ = Initialization.On(META, draw: false);
            return (DiffusersConfig.Parse(part.Config!, part.Source).Build(), AutoencoderKeys.Kl);
        }
        var config = EncoderConfig.Parse(part.Config!, part.Source) as TextEncoderConfig ?? throw new CheckpointException($"{part.Source}: the configuration of the {name} is not one of a text encoder.");
        return (config.CreateEmpty(META), config is T5Config ? EncoderKeys.T5(file) : EncoderKeys.ClipText);
    }

    private static void SavePart(string name, PipelineComponent part, string folder, ScalarType? type)
    {
        Directory.CreateDirectory(folder);
        if (part.Folder is { } words) SaveTokenizer(words, part.Padding, folder);
        if (part.Config is { } config) WriteText(Path.Combine(folder, name == ComponentNames.Scheduler ? "scheduler_config.json" : "config.json"), config);
        if (part.OpenWeights is not { } open) return;
        using var file = open();
        SafetensorsWriter.Copy(Path.Combine(folder, IsText(name) ? "model.safetensors" : "diffusion_pytorch_model.safetensors"), file, type, Metadata);
    }

    private static void SaveTokenizer(string from, string? padding, string to)
    {
        foreach (var name in (string[])["vocab.json", "merges.txt", "tokenizer.json", "spiece.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"])
        {
            if (Path.Combine(from, name) is var source && File.Exists(source)) AtomicFile.Write(Path.Combine(to, name), stream => stream.Write(File.ReadAllBytes(source)));
        }
        if (padding is null) return;
        foreach (var name in (string[])["special_tokens_map.json", "tokenizer_config.json"])
        {
            var path = Path.Combine(to, name);
            var map = File.Exists(path) ? PipelineFiles.ReadObject(path) : [];
            map["pad_token"] = padding;
            if (name == "tokenizer_config.json") map["tokenizer_class"] ??= "CLIPTokenizer";
            WriteText(path, map.ToJsonString(ConfigJson.Options));
        }
    }

    private static JsonObject Index(PipelineParts parts)
    {
        var index = new JsonObject
        {
            ["_class_name"] = parts.Family switch
            {
                PipelineFamily.StableDiffusion => InputChannels(parts) == 9 ? "StableDiffusionInpaintPipeline" : "StableDiffusionPipeline",
                PipelineFamily.StableDiffusionXL => InputChannels(parts) == 9 ? "StableDiffusionXLInpaintPipeline" : "StableDiffusionXLPipeline",
                PipelineFamily.StableDiffusionXLRefiner => "StableDiffusionXLImg2ImgPipeline",
                _ => "StableDiffusion3Pipeline",
            },
        };
        if (parts.Family is PipelineFamily.StableDiffusionXL or PipelineFamily.StableDiffusionXLRefiner) index["force_zeros_for_empty_prompt"] = parts.ForceZerosForEmptyPrompt;
        if (parts.Family == PipelineFamily.StableDiffusionXLRefiner) index["requires_aesthetics_score"] = true;
        if (parts.Family == PipelineFamily.StableDiffusion)
        {
            index["requires_safety_checker"] = false;
            foreach (var absent in (string[])["safety_checker", "feature_extractor"]) index[absent] = new JsonArray(null, null);
        }
        foreach (var name in Expected(parts.Family)) index[name] = parts.Components.TryGetValue(name, out var part) ? Class(name, part) : new JsonArray(null, null);
        return index;
    }

    /// <summary>The parts that diffusers' class of a family names.</summary>
    private static IEnumerable<string> Expected(PipelineFamily family)
    {
        var encoders = family switch { PipelineFamily.StableDiffusion => 1, PipelineFamily.StableDiffusion3 => 3, _ => 2 };
        return [family == PipelineFamily.StableDiffusion3 ? ComponentNames.Transformer : ComponentNames.UNet, ComponentNames.Vae, ComponentNames.Scheduler, .. Enumerable.Range(1, encoders).SelectMany(number => (string[])[ComponentNames.TextEncoderOf(number), ComponentNames.TokenizerOf(number)])];
    }

    private static JsonArray Class(string name, PipelineComponent part)
    {
        if (part.Folder is { } folder) return new JsonArray("transformers", IsT5(folder) ? "T5TokenizerFast" : "CLIPTokenizer");
        var config = PipelineFiles.Object(part.Config!, part.Source);
        return IsText(name) ? new JsonArray("transformers", config["architectures"]?[0]?.ToString() ?? "CLIPTextModel") : new JsonArray("diffusers", config["_class_name"]?.ToString());
    }

    private static bool IsText(string name) => name.StartsWith(ComponentNames.TextEncoder, StringComparison.Ordinal);

    private static bool IsT5(string folder) => File.Exists(Path.Combine(folder, "spiece.model")) || (!File.Exists(Path.Combine(folder, "vocab.json")) && PipelineFiles.ReadText(Path.Combine(folder, "tokenizer.json")).Contains("\"Unigram\"", StringComparison.Ordinal));

    private static int InputChannels(PipelineParts parts) => parts.Network is UNet2DConditionConfig unet ? unet.InChannels : 0;

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text + "\n")));
}
