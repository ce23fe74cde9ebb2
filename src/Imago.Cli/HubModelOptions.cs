using System.CommandLine;
using Imago.Hub;

namespace Imago.Cli;

/// <summary>How commands take models of a hub by their ids.</summary>
internal static class HubModelOptions
{
    internal static Option<bool> Download { get; } = new("--download") { Description = "Fetch what is missing of a model that is named by its hub's id." };

    internal static Option<string?> Revision { get; } = new("--revision") { HelpName = "REV", Description = "A branch, tag or commit of a hub's model; main by default." };

    internal static Option<string?> Variant { get; } = new("--variant") { HelpName = "NAME", Description = "Which of several files of the same weights is used, where it is there: fp16." };

    internal static Option<string[]> Without { get; } = new("--without") { HelpName = "PART", Description = "A part of the model that is neither fetched nor loaded, such as text_encoder_3. May be repeated." };

    /// <summary>What the options say.</summary>
    internal static HubOptions Of(CommandContext context, bool isDownloadAllowed) => new()
    {
        Revision = context.Get(Revision),
        Variant = context.Get(Variant),
        Without = [.. new HubOptions().Without, .. context.Get(Without) ?? []],
        AllowDownload = isDownloadAllowed,
    };

    /// <summary>The path of a model: what was written, or where a hub's model is in the cache, fetched if that is needed and allowed.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="idOrPath">What was written.</param>
    /// <param name="download">The command's own option that allows downloads, if it is another.</param>
    internal static string Locate(CommandContext context, string idOrPath, Option<bool>? download = null) =>
        Track(context, progress => HubModels.Resolve(idOrPath, Of(context, context.Get(download ?? Download)), progress, context.Cancellation));

    /// <summary>The path of a file beside the model, such as a LoRA; <c>--revision</c> and <c>--variant</c> speak of the model alone.</summary>
    internal static string LocateExtra(CommandContext context, string idOrPath) =>
        Track(context, progress => HubModels.Resolve(idOrPath, new HubOptions { AllowDownload = context.Get(Download) }, progress, context.Cancellation));

    /// <summary>Fetches under a progress bar that counts megabytes.</summary>
    internal static T Track<T>(CommandContext context, Func<IProgress<HubProgress>, T> work) =>
        context.Track("MB fetched", sink => work(sink.For<HubProgress>(now => (now.Bytes / 1_000_000, now.TotalBytes / 1_000_000, $"{now.Files} of {now.TotalFiles} files"))));
}
