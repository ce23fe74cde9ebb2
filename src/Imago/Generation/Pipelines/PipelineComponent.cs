using Imago.Weights;

namespace Imago.Generation.Pipelines;

/// <summary>One part of a published pipeline: what it is, and where its weights come from. Nothing is read before it is needed.</summary>
public sealed record PipelineComponent
{
    /// <summary>Where it comes from, for messages: a folder or a file.</summary>
    public required string Source { get; init; }

    /// <summary>The text of its <c>config.json</c> or <c>scheduler_config.json</c>; null for a tokenizer.</summary>
    public string? Config { get; init; }

    /// <summary>The folder that holds a tokenizer's files; null for other parts.</summary>
    public string? Folder { get; init; }

    /// <summary>The token that fills a text up, for a tokenizer of CLIP whose folder is another encoder's; null for what the folder says.</summary>
    public string? Padding { get; init; }

    /// <summary>
    /// Opens its weights under the keys that diffusers and transformers give them; null for a part without weights. Where they come from is the function's affair: a
    /// folder, a file, several, or a part of a larger file under other names.
    /// </summary>
    public Func<TensorFile>? OpenWeights { get; init; }

    /// <summary>The part in a folder of the hub: <c>config.json</c> and weights, <c>scheduler_config.json</c>, or a tokenizer's files.</summary>
    /// <param name="name">Its name in the pipeline, as in <see cref="ComponentNames"/>.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="variant">Which of several files of its weights is read, such as <c>fp16</c>, where it is there.</param>
    /// <exception cref="CheckpointException">The configuration is missing or cannot be read.</exception>
    public static PipelineComponent FromFolder(string name, string folder, string? variant = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!Directory.Exists(folder)) throw new CheckpointException($"{folder}: there is no such folder; it should hold the pipeline's {name}.");
        if (name.StartsWith(ComponentNames.Tokenizer, StringComparison.Ordinal)) return new() { Source = folder, Folder = folder };
        var isScheduler = name == ComponentNames.Scheduler;
        var config = Path.Combine(folder, isScheduler ? "scheduler_config.json" : "config.json");
        return new() { Source = folder, Config = PipelineFiles.ReadText(config), OpenWeights = isScheduler ? null : () => TensorFile.OpenVariant(folder, variant) };
    }

    /// <summary>Another part's configuration with the weights of a file: a separate autoencoder, text encoder or denoiser.</summary>
    /// <param name="path">The file, or a folder with weights; a folder's own <c>config.json</c> takes the place of the configuration.</param>
    /// <exception cref="CheckpointException">The path does not exist.</exception>
    public PipelineComponent WithWeights(string path)
    {
        if (!File.Exists(path) && !Directory.Exists(path)) throw new CheckpointException($"{path}: there is no such file or folder.");
        var config = Path.Combine(path, "config.json");
        return this with { Source = path, Config = File.Exists(config) ? PipelineFiles.ReadText(config) : Config, OpenWeights = () => TensorFile.Open(path) };
    }
}

/// <summary>The names that the parts of published pipelines have.</summary>
public static class ComponentNames
{
    /// <summary>The denoiser of Stable Diffusion 1, 2 and XL.</summary>
    public const string UNet = "unet";

    /// <summary>The denoiser of Stable Diffusion 3.</summary>
    public const string Transformer = "transformer";

    /// <summary>The autoencoder.</summary>
    public const string Vae = "vae";

    /// <summary>What noise levels are visited, and how.</summary>
    public const string Scheduler = "scheduler";

    /// <summary>The first text encoder; the others are <c>text_encoder_2</c> and <c>text_encoder_3</c>.</summary>
    public const string TextEncoder = "text_encoder";

    /// <summary>Its tokenizer; the others are <c>tokenizer_2</c> and <c>tokenizer_3</c>.</summary>
    public const string Tokenizer = "tokenizer";

    /// <summary>The name of the text encoder with a number: 1 has none.</summary>
    public static string TextEncoderOf(int number) => number == 1 ? TextEncoder : $"{TextEncoder}_{number}";

    /// <summary>The name of the tokenizer with a number: 1 has none.</summary>
    public static string TokenizerOf(int number) => number == 1 ? Tokenizer : $"{Tokenizer}_{number}";

    /// <summary>Every name that Imago knows.</summary>
    public static IReadOnlyList<string> All { get; } =
        [UNet, Transformer, Vae, Scheduler, .. Enumerable.Range(1, 3).Select(TextEncoderOf), .. Enumerable.Range(1, 3).Select(TokenizerOf)];
}
