using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Flows;
using Imago.Generation;
using Imago.Training;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate</c>: how well a model does on images that it has not seen.</summary>
internal static class EvaluateCommand
{
    private static readonly Argument<string> Model = new("model") { Description = "A run's folder, a diffusion model's, a file or folder of any autoencoder that Imago reads, or a hub's model (owner/name); or, with --against, --metrics or --save-statistics, a folder, zip, parquet or .npz of pictures, or a named data set.", HelpName = "MODEL|PICTURES" };
    internal static readonly Option<string?> Source = new("--data") { Description = "A named data set, or a folder, zip or parquet file of images; the default is the run's own.", HelpName = "NAME|PATH" };
    internal static readonly Option<string?> DataFolder = new("--data-folder") { Description = "Folder with the files of a published data set.", HelpName = "PATH" };
    internal static readonly Option<bool> Download = new("--download") { Description = "Fetch a published data set or a hub's model whose files are missing." };
    internal static readonly Option<string> Split = Choice("--split", "Which part of it.", "test", "validation", "train");
    private static readonly Option<bool> Binarize = new("--binarize") { Description = "Draw every pixel once to be black or white." };
    internal static readonly Option<int?> Images = new("--images") { Description = "Score the first so many images; the default is all.", HelpName = "N" };
    internal static readonly Option<int> Samples = new("--samples") { Description = "Samples of each image for the bound of log p(x); for a diffusion model, levels of noise at which its bound is evaluated.", HelpName = "K", DefaultValueFactory = _ => 100 };
    internal static readonly Option<LikelihoodKind?> Likelihood = new("--likelihood") { Description = "How a pixel is scored; the default is the run's own, or Bernoulli." };
    internal static readonly Option<double?> Sigma = new("--sigma") { Description = "Standard deviation of a pixel, where it is not learned.", HelpName = "X" };
    internal static readonly Option<long> Seed = new("--seed") { Description = "Seed of the noise.", HelpName = "N" };
    internal static readonly Option<int> Batch = new("--batch") { Description = "Images encoded at once.", HelpName = "N", DefaultValueFactory = _ => 100 };

    internal static readonly Option<int?> Prompts = new("--prompts") { Description = "Of a diffusion model of faces in words: draw a picture for so many captions and count the named attributes that are there.", HelpName = "N" };
    internal static readonly Option<int?> Steps = new("--steps") { Description = "Steps of each of those pictures; the default is the model's.", HelpName = "N" };
    internal static readonly Option<double?> Guidance = new("--guidance", "-g") { Description = "How strongly they follow their captions; the default is the model's.", HelpName = "X" };

    internal static Command Create()
    {
        var command = Models();
        foreach (var option in EvaluateSamples.All) command.Add(option);
        return command;
    }

    private static ImagoCommand Models() => new ImagoCommand("evaluate", "Score a model: likelihood bounds; for an autoencoder also what each latent carries, PSNR and SSIM; for faces in words whether prompts are followed. Or measure pictures: FID, KID, Inception Score, precision and recall.",
        "imago evaluate runs/faces-vae",
        "imago evaluate runs/mnist-vae --samples 5000",
        "imago evaluate runs/mnist-diffusion --images 500",
        "imago evaluate runs/faces-diffusion --prompts 500 --steps 10",
        "imago evaluate taef2_encoder.pth --data photos/ --json",
        "imago evaluate samples/ --against photos/ --metrics fid,kid,prdc --download",
        "imago evaluate samples.npz --against VIRTUAL_imagenet256_labeled.npz --resize tf1",
        "imago evaluate samples/ --against mnist --network runs/mnist-judge --metrics fid,is")
    {
        Model, Source, DataFolder, Download, Split, Binarize, Images, Samples, Likelihood, Sigma, Seed, Batch, Prompts, Steps, Guidance, HubModelOptions.Revision, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        if (EvaluateSamples.IsMeant(context))
        {
            EvaluateSamples.Run(context, context.Get(Model)!);
            return;
        }
        var path = HubModelOptions.Locate(context, context.Get(Model)!, Download);
        if (DiffusionFiles.IsModel(path))
        {
            if (context.Get(Prompts) is { } prompts) EvaluatePrompts.Run(context, path, prompts);
            else EvaluateDiffusion.Run(context, path);
            return;
        }
        if (FlowFiles.IsRun(path))
        {
            EvaluateFlow.Run(context, path);
            return;
        }
        if (context.IsGiven(Prompts)) throw new ArgumentException($"--prompts is for diffusion models, and {path} is none.");
        using var model = AutoencoderFiles.Load(path);
        model.to(context.Device);
        var run = RunOfAutoencoder(path);
        var set = Part(context, Open(context, model, run));
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = context.Get(Batch), Shuffle = false, Size = SizeOf(model, run), Channels = model.Channels });
        var options = new LikelihoodOptions { Objective = Objective(context, model, run), Samples = context.Get(Samples), Seed = context.Get(Seed) };
        var report = context.Track("Scoring", sink => LikelihoodEvaluation.Evaluate(model, Bytes(loader, context.Cancellation), options, context.Device,
            sink.For<WorkProgress>(done => (done.Done, set.Count, null)), context.Cancellation));
        if (loader.Skipped.Count > 0) context.Warn($"{loader.Skipped.Count} images cannot be read and were left out; the first is {loader.Skipped[0].Name}.");
        if (context.IsJson) context.WriteJson(new { Model = path, Data = set.Name, Split = context.Get(Split), Likelihood = options.Objective.Likelihood, Report = report });
        else Print(context, report, set.Name);
    }

    /// <summary>The configuration of a run that trained an autoencoder here; null for anything else.</summary>
    internal static AutoencoderRunConfig? RunOfAutoencoder(string path) =>
        RunFolder.Exists(path) && Directory.Exists(Path.Combine(path, "checkpoints")) ? RunFolder.Open(path).ReadConfig<AutoencoderRunConfig>() : null;

    internal static IEnumerable<torch.Tensor> Bytes(ImageLoader loader, CancellationToken cancellation)
    {
        foreach (var batch in loader.Epoch(0, cancellationToken: cancellation))
        {
            using (batch) yield return batch.Bytes;
        }
    }

    private static DatasetSplits Open(CommandContext context, Autoencoder model, AutoencoderRunConfig? run)
    {
        if (context.Get(Source) is null && run is null) throw new ArgumentException("Say with --data what to score the model on: a named data set, or a folder of images.");
        var data = context.Get(Source) is { } source ? new RunDataConfig { Source = source, Size = SizeOf(model, run) } : run!.Data;
        if (context.Get(DataFolder) is { } folder) data = data with { Folder = folder };
        if (context.Get(Binarize)) data = data with { Binarize = true };
        return data.Open(context.Get(Download), context.Cancellation);
    }

    /// <summary>The part of a set that is asked for, or the first pictures of it.</summary>
    internal static ImageDataset Part(CommandContext context, DatasetSplits splits) => Subset(context, splits.Parts.First(part => part.Name == context.Get(Split)).Set);

    internal static ImageDataset Subset(CommandContext context, ImageDataset set)
    {
        if (context.Get(Images) is not { } count) return set;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, "--images");
        return count >= set.Count ? set : new SubsetDataset(set, [.. Enumerable.Range(0, count)]);
    }

    /// <summary>The side that images are brought to: a run's own, or what a network of square images was made for.</summary>
    private static int? SizeOf(Autoencoder model, AutoencoderRunConfig? run) =>
        run is not null ? run.Data.Size : model.ImageSize is var (height, width) && height == width ? height : null;

    internal static ObjectiveConfig Objective(CommandContext context, Autoencoder model, AutoencoderRunConfig? run)
    {
        var objective = run?.Objective ?? new ObjectiveConfig { Likelihood = model.Output == DecoderOutput.Logits ? LikelihoodKind.Bernoulli : LikelihoodKind.Gaussian, Sigma = 0.1 };
        if (context.Get(Likelihood) is { } likelihood) objective = objective with { Likelihood = likelihood };
        return context.Get(Sigma) is { } sigma ? objective with { Sigma = sigma } : objective;
    }

    private static void Print(CommandContext context, LikelihoodReport report, string data)
    {
        context.Say($"{report.Images} images of {data}; nats are means over them.");
        Line("log p(x)", report.LogLikelihood, $"bound from {report.Samples} samples, ± {Number(report.LogLikelihoodError)}");
        Line("ELBO", report.Elbo, "");
        Line("reconstruction", report.Reconstruction, report.EntropyFloor > 0 ? $"of which {Number(report.EntropyFloor)} no model can avoid on grey pixels" : "");
        Line("KL", report.Kl, "");
        Line("bits/dimension", report.BitsPerDimension, "");
        Line("information", report.MutualInformation, $"nats that latents tell of their image, among {report.AggregateImages}");
        Line("marginal KL", report.MarginalKl, "between all latents together and the prior");
        Line("PSNR", report.Psnr, "dB");
        Line("SSIM", report.Ssim, "");
        if (report.KlPerLatent is not { } latents) return;
        context.Say($"{"active latents",-15} {report.ActiveUnits,9} of {latents.Count}");
        var largest = latents.Select((kl, index) => (kl, index)).OrderByDescending(latent => latent.kl).Take(10);
        context.Say($"{"KL per latent",-15} {string.Join(", ", largest.Select(latent => string.Create(CultureInfo.InvariantCulture, $"{latent.index}: {latent.kl:0.00}")))}{(latents.Count > 10 ? ", …" : "")}");

        void Line(string name, double? value, string remark)
        {
            if (value is { } number) context.Say($"{name,-15} {Number(number),9} {remark}".TrimEnd());
        }
    }

    private static string Number(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";

    private static Option<string> Choice(string name, string description, params string[] values)
    {
        var option = new Option<string>(name) { Description = description, HelpName = string.Join('|', values), DefaultValueFactory = _ => values[0] };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
