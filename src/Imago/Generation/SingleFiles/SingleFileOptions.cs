using Imago.Diffusion;
using Imago.Generation.Pipelines;

namespace Imago.Generation.SingleFiles;

/// <summary>What is said of a single file that the file itself does not say.</summary>
public sealed record SingleFileOptions
{
    /// <summary>
    /// Folders that hold a part's <c>config.json</c>, <c>scheduler_config.json</c> or tokenizer, by the part's name (<see cref="ComponentNames"/>). What is not here is told from the
    /// file's names and shapes, or looked for in the hub's cache (tokenizers).
    /// </summary>
    public IReadOnlyDictionary<string, string> Folders { get; init; } = new Dictionary<string, string>();

    /// <summary>A folder with a tokenizer for those parts that have none in <see cref="Folders"/>: one of CLIP or T5, or one that holds <c>tokenizer</c>, <c>tokenizer_2</c>, ….</summary>
    public string? TokenizerFolder { get; init; }

    /// <summary>What the denoiser predicts; null for what the family's published model does. Version 2 of 512 pixels needs it: it predicts noise, that of 768 predicts v, and no file tells.</summary>
    public Prediction? Prediction { get; init; }

    /// <summary>The family that the file must be of; null for any.</summary>
    public OriginalFamily? Family { get; init; }

    /// <summary>Whether a text encoder is left out if no tokenizer is found for it; otherwise that is an error.</summary>
    public bool LeavesOutUnreadable { get; init; }

    /// <summary>The options with every configuration and tokenizer of a pipeline's folder, which need not hold weights.</summary>
    /// <param name="folder">The folder, with sub-folders as in the hub.</param>
    /// <exception cref="CheckpointException">There is no such folder, or it has none of these sub-folders.</exception>
    public SingleFileOptions WithConfigs(string folder)
    {
        if (!Directory.Exists(folder)) throw new CheckpointException($"{folder}: there is no such folder; it should hold the configurations of a pipeline.");
        var folders = ComponentNames.All.Select(name => (Name: name, Folder: Path.Combine(folder, name))).Where(entry => Directory.Exists(entry.Folder)).ToDictionary(entry => entry.Name, entry => entry.Folder);
        if (folders.Count == 0) throw new CheckpointException($"{folder} holds no part of a pipeline: none of {string.Join(", ", ComponentNames.All)} is a folder in it.");
        return this with { Folders = folders };
    }
}
