using System.Text;
using Imago.Encoders;
using Imago.Models;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>Published text encoders in a model's folder, as pipelines have them: <c>text_encoder/</c>, <c>tokenizer/</c>, and those with a number.</summary>
internal static class PromptFiles
{
    private const string NetworkFolder = "network", ConfigName = "config.json", WeightsName = "model.safetensors";
    private static readonly string[] TokenizerFiles = ["vocab.json", "merges.txt", "tokenizer.json", "spiece.model", "special_tokens_map.json", "tokenizer_config.json"];

    /// <summary>The encoder that a folder holds, whose tokens a network is to attend to.</summary>
    /// <param name="folder">A text encoder's configuration and weights with its tokenizer beside them, or a folder with <c>text_encoder/</c> and <c>tokenizer/</c>.</param>
    /// <exception cref="CheckpointException">There is no encoder, or it is damaged.</exception>
    internal static PromptConditioner LoadEncoder(string folder)
    {
        var isPlain = File.Exists(Path.Combine(folder, ConfigName));
        string Of(string name) => isPlain ? folder : Path.Combine(folder, name);
        return StableDiffusion.LoadTokens(new()
        {
            Source = folder,
            Components = new[] { ComponentNames.TextEncoder, ComponentNames.Tokenizer }.ToDictionary(name => name, name => PipelineComponent.FromFolder(name, Of(name))),
        });
    }

    /// <summary>The encoders of a model's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="config">How their results reach the network.</param>
    /// <exception cref="CheckpointException">A part is missing or damaged.</exception>
    internal static PromptConditioner Load(string folder, PromptsConfig config)
    {
        if (config.Use == PromptUse.Tokens) return LoadEncoder(folder);
        var network = DenoiserConfig.Parse(PipelineFiles.ReadText(Path.Combine(folder, NetworkFolder, ConfigName)), Path.Combine(folder, NetworkFolder, ConfigName));
        var names = ComponentNames.All.Where(name => (name.StartsWith(ComponentNames.TextEncoder, StringComparison.Ordinal) || name.StartsWith(ComponentNames.Tokenizer, StringComparison.Ordinal)) && Directory.Exists(Path.Combine(folder, name)));
        var components = names.ToDictionary(name => name, name => PipelineComponent.FromFolder(name, Path.Combine(folder, name)));
        components[network is MMDiTConfig ? ComponentNames.Transformer : ComponentNames.UNet] = PipelineComponent.FromFolder(ComponentNames.UNet, Path.Combine(folder, NetworkFolder));
        var parts = new PipelineParts { Source = folder, Components = components, ForceZerosForEmptyPrompt = config.EmptyIsZeros };
        return StableDiffusion.LoadPrompts(parts, network, parts.Family);
    }

    /// <summary>Writes encoders and tokenizers into a model's folder.</summary>
    /// <exception cref="CheckpointException">A file cannot be written, or the tokenizer's files are not known.</exception>
    internal static void Save(PromptConditioner prompts, string folder, ScalarType? type = null)
    {
        foreach (var (number, tower) in prompts.Towers)
        {
            var encoder = Directory.CreateDirectory(Path.Combine(folder, ComponentNames.TextEncoderOf(number))).FullName;
            AtomicFile.Write(Path.Combine(encoder, ConfigName), stream => stream.Write(Encoding.UTF8.GetBytes(tower.Encoder.Config.ToJson() + "\n")));
            ModuleWeights.Save(tower.Encoder, Path.Combine(encoder, WeightsName), new Dictionary<string, string> { ["format"] = "pt" }, type);
            var tokenizer = Directory.CreateDirectory(Path.Combine(folder, ComponentNames.TokenizerOf(number))).FullName;
            var source = tower.TokenizerFolder ?? throw new CheckpointException($"The files of the {ComponentNames.TokenizerOf(number)} are not known, so it cannot be written to {folder}; load the model from a folder of the hub.");
            if (Path.GetFullPath(source) == Path.GetFullPath(tokenizer)) continue;
            foreach (var file in TokenizerFiles.Where(name => File.Exists(Path.Combine(source, name)))) AtomicFile.Write(Path.Combine(tokenizer, file), stream => stream.Write(File.ReadAllBytes(Path.Combine(source, file))));
        }
    }
}
