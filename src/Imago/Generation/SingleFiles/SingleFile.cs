using Imago.Diffusion;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Weights;

namespace Imago.Generation.SingleFiles;

/// <summary>
/// Whole models in one file (<c>.safetensors</c>, <c>.ckpt</c>), in the layouts of the original implementations: Stable Diffusion 1 and 2, XL and its refiner, 3 and 3.5,
/// their 9-channel variants for inpainting, with or without autoencoder and text encoders.
/// </summary>
/// <example><code>
/// using var model = StableDiffusion.Load(SingleFile.Open("sd_xl_base_1.0.safetensors"));
/// </code></example>
public static class SingleFile
{
    private const string SchedulerName = "scheduler_config.json", ConfigName = "config.json";

    /// <summary>Takes a file apart. Its keys and shapes are read, no numbers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the file does not say; null for what is usual.</param>
    /// <returns>The pipeline's parts, whose weights are parts of the file.</returns>
    /// <exception cref="CheckpointException">It is none of these files (the message says what it is), it contradicts the options, or a tokenizer is missing.</exception>
    public static PipelineParts Open(string path, SingleFileOptions? options = null)
    {
        options ??= new SingleFileOptions();
        using var file = TensorFile.Open(path);
        var layout = LayoutOf(file);
        var parts = Parts(path, file, layout, options);
        foreach (var part in layout.Parts.Where(part => part.Text is not null)) AddTokenizer(path, parts, part, layout.Family, options);
        return Pipeline(path, layout, parts);
    }

    private static PipelineParts Pipeline(string path, OriginalLayout layout, Dictionary<string, PipelineComponent> parts) =>
        new() { Source = path, Components = parts, ForceZerosForEmptyPrompt = layout.Family != OriginalFamily.StableDiffusionXLRefiner };

    private static Dictionary<string, PipelineComponent> Parts(string path, TensorFile file, OriginalLayout layout, SingleFileOptions options)
    {
        if (options.Family is { } wanted && wanted != layout.Family) throw new CheckpointException($"{path} is {layout.Family.Name()}, not {wanted.Name()}.");
        var prediction = options.Prediction ?? OriginalSchedules.DefaultOf(layout.Family);
        var parts = layout.Parts.Select(part => (part.Name, Component: Component(path, file, part, layout.Family, options, prediction))).ToDictionary(entry => entry.Name, entry => entry.Component);
        parts[ComponentNames.Scheduler] = Scheduler(path, layout.Family, options);
        return parts;
    }

    /// <summary>Whether a file is one of these, by its keys.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">It is damaged, or no file of tensors.</exception>
    public static bool IsCheckpoint(string path)
    {
        using var file = TensorFile.Open(path);
        return OriginalLayout.Of(file.Tensors) is not null;
    }

    /// <summary>What a file holds.</summary>
    /// <exception cref="CheckpointException">It is no such checkpoint; the message says what it is and what can be done with it.</exception>
    internal static OriginalLayout LayoutOf(TensorFile file) => OriginalLayout.Of(file.Tensors)
        ?? throw new CheckpointException($"{file.Path} is no checkpoint of Stable Diffusion: it has neither a U-Net (model.diffusion_model.input_blocks.…) nor a transformer (….joint_blocks.…). {ModelKind.Explain(file.Tensors)}");

    /// <summary>One part of a file.</summary>
    internal static PipelineComponent Component(string path, TensorFile file, OriginalPart part, OriginalFamily family, SingleFileOptions options, Prediction prediction)
    {
        var config = Given(options, part.Name, ConfigName);
        if (config is { } given && part.Name is ComponentNames.UNet or ComponentNames.Transformer) RefuseOtherFamily(path, family, config!, options.Folders[part.Name]);
        config ??= OriginalParts.Infer(file, part, family, prediction == Prediction.Velocity);
        return new PipelineComponent { Source = $"{path} ({part.Name})", Config = config, OpenWeights = () => OriginalParts.Open(path, part, family, config) };
    }

    /// <summary>The process of a file's family, or the one that the options name.</summary>
    internal static PipelineComponent Scheduler(string path, OriginalFamily family, SingleFileOptions options)
    {
        if (Given(options, ComponentNames.Scheduler, SchedulerName) is not { } given)
            return new PipelineComponent { Source = $"{path} (scheduler of {family.Name()})", Config = OriginalSchedules.Of(family, options.Prediction).ToJsonString() };
        var own = new PipelineComponent { Source = options.Folders[ComponentNames.Scheduler], Config = given };
        return options.Prediction is { } prediction ? OriginalSchedules.With(own, prediction) : own;
    }

    private static void AddTokenizer(string path, Dictionary<string, PipelineComponent> parts, OriginalPart part, OriginalFamily family, SingleFileOptions options)
    {
        var number = part.Name == ComponentNames.TextEncoder ? 1 : part.Name[^1] - '0';
        var name = ComponentNames.TokenizerOf(number);
        if (options.Folders.TryGetValue(name, out var folder)) parts[name] = PipelineComponent.FromFolder(name, folder);
        else if (!options.LeavesOutUnreadable) parts[name] = PublishedTokenizers.Require(path, part, family, parts[part.Name].Config!, options.TokenizerFolder);
        else if (PublishedTokenizers.Find(part, family, parts[part.Name].Config!, options.TokenizerFolder) is { } found) parts[name] = found;
        else parts.Remove(part.Name);
    }

    private static void RefuseOtherFamily(string path, OriginalFamily family, string config, string source)
    {
        var other = DenoiserConfig.Parse(config, source) switch
        {
            MMDiTConfig => "Stable Diffusion 3",
            UNet2DConditionConfig { AdditionEmbedType: "text_time" } => "Stable Diffusion XL",
            _ => "Stable Diffusion 1 or 2",
        };
        var own = family.IsTransformer() ? "Stable Diffusion 3" : family.IsXL() ? "Stable Diffusion XL" : "Stable Diffusion 1 or 2";
        if (other != own) throw new CheckpointException($"{path} is {family.Name()}, and the configuration in {source} is one of {other}: they do not belong together.");
    }

    private static string? Given(SingleFileOptions options, string part, string file) =>
        options.Folders.TryGetValue(part, out var folder) && Path.Combine(folder, file) is var path && File.Exists(path) ? PipelineFiles.ReadText(path) : null;
}
