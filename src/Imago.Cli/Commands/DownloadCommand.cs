using System.CommandLine;
using Imago.Hub;

namespace Imago.Cli.Commands;

/// <summary><c>imago download</c>: a hub's model into the cache that Python's libraries use too.</summary>
internal static class DownloadCommand
{
    private static readonly Argument<string> Id = new("ID") { Description = "The model: owner/name, owner/name@revision, owner/name/FILE for one file, or the address of its page." };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "List the files and their sizes, and fetch nothing." };

    internal static Command Create() => new ImagoCommand(
        "download",
        "Fetch a model from a hub: only the files that Imago needs, each verified.",
        "imago download stabilityai/stable-diffusion-xl-base-1.0 --variant fp16",
        "imago download stabilityai/stable-diffusion-3-medium-diffusers --without text_encoder_3 --dry-run",
        "imago download stabilityai/sd-vae-ft-mse")
    {
        Id, HubModelOptions.Revision, HubModelOptions.Variant, HubModelOptions.Without, DryRun, SharedOptions.Json,
    }.Explained(
        "Files go where Python's libraries keep them: HF_HUB_CACHE, else hub/ in HF_HOME, else ~/.cache/huggingface/hub.",
        "HF_TOKEN opens models that ask for an account; HF_ENDPOINT names another hub; HF_HUB_OFFLINE=1 forbids the network.").Does(Run, usesTorch: false);

    private static void Run(CommandContext context)
    {
        var options = HubModelOptions.Of(context, isDownloadAllowed: true);
        if (!HubId.TryParse(context.Get(Id)!, options.Revision, out var id)) throw new ArgumentException($"'{context.Get(Id)}' is no hub's id; it must be owner/name, such as stabilityai/sd-vae-ft-mse.");
        var plan = HubModels.PlanAsync(id, options, context.Cancellation).GetAwaiter().GetResult();
        var isDry = context.Get(DryRun);
        var path = isDry ? plan.Folder : HubModelOptions.Track(context, progress => HubModels.DownloadAsync(plan, options, progress, context.Cancellation).GetAwaiter().GetResult());
        if (context.IsJson) context.WriteJson(new { id.Repository, id.Revision, plan.Commit, Path = path, plan.Bytes, plan.BytesToFetch, DryRun = isDry, plan.Files });
        else Print(context, plan, path, isDry);
    }

    private static void Print(CommandContext context, HubPlan plan, string path, bool isDry)
    {
        context.Say($"{plan.Id}, commit {plan.Commit[..8]}");
        foreach (var file in plan.Files) context.Say($"  {ByteSize.Text(file.Bytes),12}  {file.Path}{(file.IsHere ? "  (here)" : "")}");
        context.Say($"{plan.Files.Count} files, {ByteSize.Text(plan.Bytes)}; {(isDry ? $"to fetch: {ByteSize.Text(plan.BytesToFetch)}, into" : "in")} {path}");
    }
}
