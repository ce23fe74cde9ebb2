using Imago.Encoders;
using Imago.Generation.Pipelines;
using Imago.Hub;
using Imago.Text;

namespace Imago.Generation.SingleFiles;

/// <summary>
/// Tokenizers for single files, which hold none: in a folder that the user names, or in the hub's cache, where every pipeline of the same text encoder has the same one.
/// </summary>
internal static class PublishedTokenizers
{
    /// <summary>What CLIP's second tower was trained to see behind a text.</summary>
    private const string ZeroPadding = "!";

    private static readonly string[] Places = ["", "tokenizer", "tokenizer_2", "tokenizer_3"];

    /// <summary>The tokenizer of a text encoder; null if there is none.</summary>
    /// <param name="part">The text encoder.</param>
    /// <param name="family">The model.</param>
    /// <param name="config">The encoder's configuration, which says how many tokens it knows.</param>
    /// <param name="folder">Where the user says that it is; null for the hub's cache.</param>
    internal static PipelineComponent? Find(OriginalPart part, OriginalFamily family, string config, string? folder)
    {
        var isT5 = part.Text == TextLayout.T5;
        var vocabulary = ((TextEncoderConfig)EncoderConfig.Parse(config, part.Name)).VocabSize;
        var found = Candidates(folder).FirstOrDefault(place => Fits(place, isT5, vocabulary));
        if (found is null) return null;
        return new PipelineComponent { Source = found, Folder = found, Padding = isT5 ? null : PaddingOf(part, family) };
    }

    /// <summary>The tokenizer of a text encoder.</summary>
    /// <exception cref="CheckpointException">There is none; the message says what to do.</exception>
    internal static PipelineComponent Require(string path, OriginalPart part, OriginalFamily family, string config, string? folder) => Find(part, family, config, folder)
        ?? throw new CheckpointException($"{path} holds a {part.Name}, and there is no tokenizer for it {(folder is null ? "in the hub's cache" : $"in {folder}")}: single files hold none. {Advice(part)}");

    private static string Advice(OriginalPart part) => part.Text == TextLayout.T5
        ? "Give the folder with T5's tokenizer (--tokenizer FOLDER; it holds spiece.model or tokenizer.json), or the pipeline's folder of the hub (--config FOLDER)."
        : "Give the folder with CLIP's tokenizer (--tokenizer FOLDER; it holds vocab.json and merges.txt), or the pipeline's folder of the hub (--config FOLDER). Any pipeline of the family in the hub's cache would do too.";

    /// <summary>The second towers (OpenCLIP) see zeros behind a text, the others its end again and again.</summary>
    private static string? PaddingOf(OriginalPart part, OriginalFamily family) => part.Name != ComponentNames.TextEncoder || family == OriginalFamily.StableDiffusion2 ? ZeroPadding : ClipTokenizer.EndText;

    private static IEnumerable<string> Candidates(string? folder)
    {
        if (folder is not null) return Places.Select(place => Path.Combine(folder, place));
        var cache = HubSettings.FromEnvironment().CacheFolder;
        if (!Directory.Exists(cache)) return [];
        return from model in Directory.EnumerateDirectories(cache, "models--*").Order(StringComparer.Ordinal)
               where Directory.Exists(Path.Combine(model, "snapshots"))
               from snapshot in Directory.EnumerateDirectories(Path.Combine(model, "snapshots")).Order(StringComparer.Ordinal)
               from place in Places
               select Path.Combine(snapshot, place);
    }

    private static bool Fits(string folder, bool isT5, int vocabulary)
    {
        var has = (string name) => File.Exists(Path.Combine(folder, name));
        if (isT5 ? !has("spiece.model") && !has("tokenizer.json") : !(has("vocab.json") && has("merges.txt")) && !has("tokenizer.json")) return false;
        try
        {
            PromptTokenizer tokenizer = isT5 ? T5Tokenizer.Load(folder) : ClipTokenizer.Load(folder);
            return tokenizer.Count <= vocabulary && (isT5 || tokenizer.Count == vocabulary);
        }
        catch (CheckpointException)
        {
            return false;                                                            // a tokenizer of something else
        }
    }
}
