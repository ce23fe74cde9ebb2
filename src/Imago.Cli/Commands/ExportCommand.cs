using System.CommandLine;
using System.Globalization;
using Imago.Cli.Exploring;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Training;

namespace Imago.Cli.Commands;

/// <summary><c>imago export</c>: a diffusion model as a folder of its own, to be copied and published.</summary>
internal static class ExportCommand
{
    private static readonly Argument<string> Model = new("model") { HelpName = "MODEL", Description = "The model: a run of `imago train diffusion`, a model's folder, one of a hub (owner/name), or a single file of Stable Diffusion." };
    private static readonly Option<string> Out = new("--out", "-o") { HelpName = "FOLDER", Description = "Where to: a new or empty folder, or one with an older model.", Required = true };
    private static readonly Option<Precision> WeightPrecision = new("--precision") { Description = "What the weights are kept in: bf16 takes half the room of fp32.", DefaultValueFactory = _ => Precision.Fp32 };
    private static readonly Option<string?> Description = new("--description") { HelpName = "TEXT", Description = "What the model is, for those who find it." };
    private static readonly Option<string?> Sampler = new("--sampler") { HelpName = "NAME", Description = "The method that it draws with when none is chosen." };
    private static readonly Option<int?> Steps = new("--steps") { HelpName = "N", Description = "The steps that it makes when nothing is chosen." };
    private static readonly Option<double?> Guidance = new("--guidance", "-g") { HelpName = "X", Description = "How strongly it follows its condition when nothing is chosen." };

    private static readonly Option<double?> EmaWidth = new("--ema-width") { HelpName = "X", Description = "Width of the moving average as a share of the run (0.05, 0.1, … up to 0.28): for a run that was trained with --post-hoc-ema." };

    internal static Command Create() => new ImagoCommand(
        "export",
        "Write a diffusion model as a small folder that draws anywhere.",
        "imago export runs/faces-diffusion --precision bf16 --out faces",
        "imago export sd_xl_base_1.0.safetensors --out sdxl",
        "imago export runs/faces-diffusion --ema-width 0.15 --out faces-long",
        "imago export runs/faces-diffusion --out faces --guidance 3 --steps 12 --description \"faces from words\"")
    {
        Model, Out, WeightPrecision, Description, Sampler, Steps, Guidance, EmaWidth, HubModelOptions.Download, HubModelOptions.Revision, HubModelOptions.Variant, HubModelOptions.Without,
        PipelineOptions.Config, PipelineOptions.Tokenizer, PipelineOptions.Predicts, PipelineOptions.Vae, PipelineOptions.TextEncoder, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        var (source, folder) = (context.Get(Model)!, Path.GetFullPath(context.Get(Out)!));
        RefuseForeign(folder);
        var path = HubModelOptions.Locate(context, source);
        if (File.Exists(path) || PipelineFiles.IsPipeline(path)) PipelineExport.Run(context, path, folder, context.IsGiven(WeightPrecision) ? context.Get(WeightPrecision) : null);
        else ExportOwn(context, source, path, folder);
    }

    private static void ExportOwn(CommandContext context, string source, string path, string folder)
    {
        using var model = Load(path, context.Get(EmaWidth), context.Get(HubModelOptions.Variant));
        var options = new ExportOptions { Precision = context.Get(WeightPrecision), Description = context.Get(Description), Defaults = Defaults(context, model.Config.Defaults) };
        Directory.CreateDirectory(folder);
        DiffusionFiles.Save(model, folder, options);
        var bytes = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        if (context.IsJson)
        {
            context.WriteJson(new { Model = source, Folder = folder, Bytes = bytes, Parameters = model.ParameterCount, options.Precision, Defaults = options.Defaults ?? model.Config.Defaults, Description = options.Description ?? model.Config.Description });
            return;
        }
        context.Say(string.Create(CultureInfo.InvariantCulture, $"{model.ParameterCount / 1e6:0.00} million parameters, {bytes / 1e6:0.00} MB in {context.Get(Out)}."));
        context.Hint($"Next: imago generate --model {context.Get(Out)}");
    }

    private static DiffusionModel Load(string source, double? width, string? variant)
    {
        if (width is not null and not (> 0 and <= PostHocEma.LargestWidth)) throw new ArgumentException(FormattableString.Invariant($"--ema-width is {width}; it must be above 0 and at most {PostHocEma.LargestWidth:0.000}, a plain mean over the run."));
        return width is { } chosen ? DiffusionFiles.Load(source, chosen) : DiffusionFiles.Load(source, variant);
    }

    private static DrawingDefaults Defaults(CommandContext context, DrawingDefaults own)
    {
        if (context.Get(Steps) is < 1) throw new ArgumentException($"--steps is {context.Get(Steps)}; it must be at least 1.");
        if (context.Get(Guidance) is { } guidance && !double.IsFinite(guidance)) throw new ArgumentException("--guidance must be a number.");
        return own with
        {
            Sampler = context.Get(Sampler) is { } name ? Samplers.Find(name).Name : own.Sampler,
            Steps = context.Get(Steps) ?? own.Steps,
            Guidance = context.Get(Guidance) ?? own.Guidance,
        };
    }

    /// <summary>A folder of something else is not written into.</summary>
    private static void RefuseForeign(string folder)
    {
        if (File.Exists(folder)) throw new ArgumentException($"--out is {folder}, which is a file; it must be a folder.");
        if (RunFolder.Exists(folder)) throw new ArgumentException($"--out is {folder}, the folder of a run, which holds its model already; name another folder.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !DiffusionFiles.IsModel(folder) && !PipelineFiles.IsPipeline(folder))
            throw new ArgumentException($"--out is {folder}, which holds something else than a diffusion model; name a new folder.");
    }
}
