using System.CommandLine;
using Imago.Diffusion;
using Imago.Generation.SingleFiles;

namespace Imago.Cli;

/// <summary>What commands are told of a published pipeline beside where it lies.</summary>
internal static class PipelineOptions
{
    internal static Option<string?> Config { get; } = new("--config") { HelpName = "FOLDER", Description = "For a single file: a pipeline's folder whose configurations and tokenizers hold (weights not needed)." };

    internal static Option<string?> Tokenizer { get; } = new("--tokenizer") { HelpName = "FOLDER", Description = "For a single file: where the tokenizer is; in the hub's cache by default." };

    internal static Option<Prediction?> Predicts { get; } = new("--prediction") { Description = "What the model predicts, where the file does not tell: Epsilon or Velocity for Stable Diffusion 2." };

    internal static Option<string?> Vae { get; } = new("--vae") { HelpName = "FILE", Description = "Another autoencoder for the pipeline: a file of either layout, a folder, or one of a hub (owner/name)." };

    internal static Option<string[]> TextEncoder { get; } = new("--text-encoder") { HelpName = "FILE", Description = "Another text encoder for the pipeline, or one that it lacks: a file, or one of a hub (owner/name/FILE). May be repeated." };

    /// <summary>What the options say of a single file.</summary>
    internal static SingleFileOptions OfFile(CommandContext context) =>
        (context.Get(Config) is { } folder ? new SingleFileOptions().WithConfigs(folder) : new SingleFileOptions()) with { TokenizerFolder = context.Get(Tokenizer), Prediction = context.Get(Predicts) };

    /// <summary>What the options say, over what a recipe says; null for no changes.</summary>
    internal static PipelineChanges? Changes(CommandContext context, PipelineChanges? recipe = null)
    {
        var own = recipe ?? new PipelineChanges();
        var changes = own with
        {
            Config = context.Get(Config) ?? own.Config,
            Tokenizer = context.Get(Tokenizer) ?? own.Tokenizer,
            Prediction = context.Get(Predicts) ?? own.Prediction,
            Autoencoder = context.Get(Vae) ?? own.Autoencoder,
            TextEncoders = context.Get(TextEncoder) is { Length: > 0 } files ? files : own.TextEncoders,
            Without = context.Get(HubModelOptions.Without) is { Length: > 0 } parts ? parts : own.Without,
        };
        return changes is { Config: null, Tokenizer: null, Prediction: null, Autoencoder: null, TextEncoders.Count: 0, Without.Count: 0 } ? null : changes;
    }
}
