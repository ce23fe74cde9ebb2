using Imago.Diffusion;
using Imago.Generation.Pipelines;

namespace Imago.Generation.SingleFiles;

/// <summary>What is said of a published pipeline beside where it lies: parts from other files, and what a single file does not hold.</summary>
public sealed record PipelineChanges
{
    /// <summary>A folder of the hub, weights not needed, whose configurations and tokenizers hold for a single file; null for what the file's names and shapes tell.</summary>
    public string? Config { get; init; }

    /// <summary>A folder with tokenizers for a single file; null for the hub's cache.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>What the denoiser predicts; null for what the configuration or the family says.</summary>
    public Prediction? Prediction { get; init; }

    /// <summary>A file or folder with another autoencoder.</summary>
    public string? Autoencoder { get; init; }

    /// <summary>Files with other text encoders, or with those that the pipeline lacks.</summary>
    public IReadOnlyList<string> TextEncoders { get; init; } = [];

    /// <summary>Parts that are left out (<see cref="ComponentNames"/>), such as <c>text_encoder_3</c>; others are not minded.</summary>
    public IReadOnlyList<string> Without { get; init; } = [];

    /// <summary>The changes with their files where they are.</summary>
    /// <param name="locate">Where a file or folder is that is named in another way than by its path.</param>
    public PipelineChanges Located(Func<string, string> locate)
    {
        ArgumentNullException.ThrowIfNull(locate);
        return this with { Autoencoder = Autoencoder is null ? null : locate(Autoencoder), TextEncoders = [.. TextEncoders.Select(locate)] };
    }

    /// <summary>Takes a pipeline apart and changes it.</summary>
    /// <param name="path">A folder of the hub, or a single file.</param>
    /// <param name="variant">Which of several files of the same weights of a folder is read.</param>
    /// <exception cref="CheckpointException">It is no pipeline, or a part does not belong to it.</exception>
    /// <exception cref="ArgumentException">A change is none that the pipeline can have.</exception>
    public PipelineParts Open(string path, string? variant = null)
    {
        var options = (Config is null ? new SingleFileOptions() : new SingleFileOptions().WithConfigs(Config)) with { TokenizerFolder = Tokenizer, Prediction = Prediction };
        var parts = Without.Aggregate(File.Exists(path) ? SingleFile.Open(path, options) : Folder(path, variant), (rest, name) => rest.Without(name));
        if (Autoencoder is not null) parts = parts.WithAutoencoder(Autoencoder);
        return TextEncoders.Aggregate(parts, (with, file) => with.WithTextEncoder(file, options));
    }

    private PipelineParts Folder(string path, string? variant)
    {
        if (Config is not null) throw new ArgumentException($"Another configuration is for single files; {path} is a folder, which has its own.");
        if (!PipelineFiles.IsPipeline(path)) throw new CheckpointException($"{path} is no pipeline of Stable Diffusion; its parts cannot be changed.");
        var isVaeAbsent = Autoencoder is not null && !Directory.Exists(Path.Combine(path, ComponentNames.Vae));
        var parts = PipelineFiles.FromFolder(path, variant, isVaeAbsent ? [.. Without, ComponentNames.Vae] : Without);
        return Prediction is { } prediction ? parts.With(ComponentNames.Scheduler, OriginalSchedules.With(parts.Require(ComponentNames.Scheduler), prediction)) : parts;
    }
}
