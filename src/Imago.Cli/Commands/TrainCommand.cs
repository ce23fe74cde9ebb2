using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Training;

namespace Imago.Cli.Commands;

/// <summary><c>imago train autoencoder</c>: from options to a run's configuration, and from its progress to lines.</summary>
internal static class TrainCommand
{
    private const double UsualMinutes = 5;

    internal static readonly Option<string> Source = new("--data") { Description = "A named data set, or a folder, zip or parquet file of images.", HelpName = "NAME|PATH", DefaultValueFactory = _ => "faces" };
    internal static readonly Option<string?> DataFolder = new("--data-folder") { Description = "Folder with the files of a published data set.", HelpName = "PATH" };
    internal static readonly Option<bool> Download = new("--download") { Description = "Fetch a published data set whose files are missing." };
    internal static readonly Option<int?> Size = new("--size") { Description = "Side of the images in pixels; the default is their own.", HelpName = "PIXELS" };
    internal static readonly Option<int?> Channels = new("--channels") { Description = "1 for grey, 3 for colour; the default is the images' own.", HelpName = "N" };
    internal static readonly Option<int?> Count = new("--count") { Description = "Images of a drawn set.", HelpName = "N" };
    internal static readonly Option<bool> Flip = new("--flip") { Description = "Mirror half of the images." };
    internal static readonly Option<bool> RandomCrop = new("--random-crop") { Description = "Cut a random square out of slightly larger images." };
    private static readonly Option<bool> Binarize = new("--binarize") { Description = "Draw every pixel once to be black or white." };
    internal static readonly Option<bool> Strict = new("--strict") { Description = "Stop at a broken image instead of skipping it." };
    private static readonly Option<string> Network = new("--network") { Description = $"{string.Join(", ", AutoencoderPresets.All.Keys)}, or a JSON file.", HelpName = "KIND|FILE", DefaultValueFactory = _ => "conv" };
    private static readonly Option<int?> Latents = new("--latents") { Description = "Number of latents, or of latent channels.", HelpName = "N" };
    private static readonly Option<string> ObjectiveName = new("--objective") { Description = $"{string.Join(", ", Objectives.Names)}, or a JSON file.", HelpName = "NAME|FILE", DefaultValueFactory = _ => "vae" };
    private static readonly Option<LikelihoodKind?> Likelihood = new("--likelihood") { Description = "How a pixel is scored; the default is Gaussian for colour and Bernoulli for grey.", HelpName = "KIND" };
    private static readonly Option<double> Beta = new("--beta") { Description = "Weight of the KL term.", HelpName = "X", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Attribute = new("--attribute") { Description = "What guided_vae gives a latent of its own: a class, or an attribute as imago edit takes it.", HelpName = "NAME" };
    private static readonly Option<long> BetaWarmup = new("--beta-warmup") { Description = "Steps over which that weight rises from 0.", HelpName = "STEPS" };
    private static readonly Option<int> Samples = new("--samples") { Description = "Samples of each image in importance-weighted objectives.", HelpName = "K", DefaultValueFactory = _ => 1 };
    private static readonly Option<int?> FirstSamples = new("--first-samples") { Description = "Samples of each image at the first step, growing to --samples over half of the run.", HelpName = "K" };
    internal static readonly Option<double?> Minutes = new("--minutes") { Description = "Train for so long; 5 unless --steps or --epochs is given.", HelpName = "X" };
    internal static readonly Option<long?> Steps = new("--steps") { Description = "Train for so many steps.", HelpName = "N" };
    internal static readonly Option<double?> Epochs = new("--epochs") { Description = "Train for so many passes through the data.", HelpName = "X" };
    internal static readonly Option<int> Batch = new("--batch") { Description = "Images in a batch.", HelpName = "N", DefaultValueFactory = _ => 64 };
    internal static readonly Option<int> Accumulate = new("--accumulate") { Description = "Batches in a step.", HelpName = "N", DefaultValueFactory = _ => 1 };
    internal static readonly Option<double> LearningRate = new("--lr") { Description = "The learning rate.", HelpName = "X", DefaultValueFactory = _ => 1e-3 };
    internal static readonly Option<ScheduleShape> Schedule = new("--schedule") { Description = "How the learning rate falls.", DefaultValueFactory = _ => ScheduleShape.Cosine };
    internal static readonly Option<long> Warmup = new("--warmup") { Description = "Steps over which the learning rate rises.", HelpName = "STEPS", DefaultValueFactory = _ => 50 };
    private static readonly Option<double> WeightDecay = new("--weight-decay") { Description = "Decay of matrices and kernels.", HelpName = "X", DefaultValueFactory = _ => 0.01 };
    internal static readonly Option<double?> Clip = new("--clip") { Description = "Largest norm of the gradient.", HelpName = "X" };
    private static readonly Option<double> EmaDecay = new("--ema") { Description = "Decay of the moving average of the weights; 0 for none.", HelpName = "X", DefaultValueFactory = _ => 0.999 };
    private static readonly Option<Precision> ComputePrecision = new("--precision") { Description = "What the network computes in.", DefaultValueFactory = _ => Precision.Fp32 };
    internal static readonly Option<long> Seed = new("--seed") { Description = "Seed of weights, order and noise.", HelpName = "N" };
    internal static readonly Option<int?> EvaluateEvery = new("--evaluate-every") { Description = "Steps between evaluations on held-out images.", HelpName = "STEPS" };
    internal static readonly Option<int?> CheckpointEvery = new("--checkpoint-every") { Description = "Steps between checkpoints; the default is every 30 seconds.", HelpName = "STEPS" };
    internal static readonly Option<int?> Patience = new("--patience") { Description = "Stop after so many evaluations without a new best.", HelpName = "N" };
    internal static readonly Option<string?> Out = new("--out", "-o") { Description = "The run's folder; the default is a new one in runs/.", HelpName = "FOLDER" };
    internal static readonly Option<string?> Resume = new("--resume") { Description = "Continue the run in this folder; --minutes, --steps or --epochs make it longer.", HelpName = "FOLDER" };

    internal static Command Create() => new("train", "Train a model.")
    {
        new ImagoCommand("autoencoder", "Train an autoencoder on images.",
            "imago train autoencoder --minutes 5",
            "imago train autoencoder --data photos/ --size 64 --latents 64 --out runs/photos",
            "imago train autoencoder --data mnist --download --network mlp --binarize --epochs 20",
            "imago train autoencoder --resume runs/photos --minutes 30")
        {
            Source, DataFolder, Download, Size, Channels, Count, Flip, RandomCrop, Binarize, Strict, Network, Latents, ObjectiveName, Attribute, Likelihood, Beta, BetaWarmup, Samples, FirstSamples,
            Minutes, Steps, Epochs, Batch, Accumulate, LearningRate, Schedule, Warmup, WeightDecay, Clip, EmaDecay, ComputePrecision, Seed,
            EvaluateEvery, CheckpointEvery, Patience, Out, Resume, SharedOptions.Json,
        }.Does(Run),
        TrainDiffusionCommand.Create(),
        TrainFlowCommand.Create(),
        TrainGanCommand.Create(),
        TrainClassifierCommand.Create(),
    };

    private static int Run(CommandContext context)
    {
        var (folder, config, splits) = context.Get(Resume) is { } path ? Continue(context, path) : Begin(context);
        using var training = new AutoencoderTraining(config, splits, context.Device);
        var result = context.Track("Training", sink => training.Run(folder, sink.For<TrainingProgress>(Describe), context.Cancellation));
        TrainingRuns.Report(context, folder, result, new { Run = folder.Path, Result = result },
            new("autoencoder", TrainingRuns.Duration(result), "imago sample RUN, imago reconstruct RUN, imago traverse RUN") { HeldOut = "Held out, nats an image", Digits = "0.00" });
        return result.End == TrainingEnd.Cancelled ? CliApp.Interrupted : CliApp.Success;
    }

    private static (RunFolder, AutoencoderRunConfig, DatasetSplits) Begin(CommandContext context)
    {
        var data = DataOf(context, context.Get(Batch));
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var loader = data.TrainingBatches(splits);
        var config = Configure(context, data with { Size = data.Size, Channels = loader.Channels }, new ImageShape(loader.Channels, loader.Height, loader.Width));
        config.Training.Validate();
        var folder = RunFolder.Create(context.Get(Out) ?? NewFolder(splits.Name, config.Objective.Name), config);
        return (folder, config, splits);
    }

    private static (RunFolder, AutoencoderRunConfig, DatasetSplits) Continue(CommandContext context, string path)
    {
        var fixedOptions = new Option[]
        {
            Source, DataFolder, Size, Channels, Count, Flip, RandomCrop, Binarize, Strict, Network, Latents, ObjectiveName, Attribute, Likelihood, Beta, BetaWarmup, Samples, FirstSamples, Batch, Accumulate, LearningRate,
            Schedule, Warmup, WeightDecay, Clip, EmaDecay, ComputePrecision, Seed, EvaluateEvery, CheckpointEvery, Patience, Out,
        };
        var (folder, config) = TrainingRuns.Reopen<AutoencoderRunConfig>(
            context, path, fixedOptions, (config, longer) => config with { Training = longer(config.Training) }, config => config.Training.Validate());
        return (folder, config, config.Data.Open(context.Get(Download), context.Cancellation));
    }

    internal static RunDataConfig DataOf(CommandContext context, int batch) => new()
    {
        Source = Rooted(context.Get(Source)!),
        Folder = context.Get(DataFolder) is { } folder ? Path.GetFullPath(folder) : null,
        Size = context.Get(Size), Channels = context.Get(Channels), Count = context.Get(Count), Seed = context.Get(Seed),
        Flip = context.Get(Flip), RandomCrop = context.Get(RandomCrop), Binarize = context.Get(Binarize), Strict = context.Get(Strict), BatchSize = batch,
    };

    /// <summary>A path that works from wherever the run is continued; names stay names.</summary>
    internal static string Rooted(string source) =>
        Datasets.All.Any(set => set.Name.Equals(source, StringComparison.OrdinalIgnoreCase)) || !Path.Exists(source) ? source : Path.GetFullPath(source);

    private static AutoencoderRunConfig Configure(CommandContext context, RunDataConfig data, ImageShape shape)
    {
        var written = File.Exists(context.Get(ObjectiveName)) ? ObjectiveConfig.Parse(File.ReadAllText(context.Get(ObjectiveName)!), context.Get(ObjectiveName)!) : null;
        var network = NetworkOf(context, shape, isVariational: (written?.Name ?? context.Get(ObjectiveName)) is not ("ae" or "rae" or "wae_mmd"));
        var objective = written ?? Objective(context, isBernoulli: shape.Channels == 1 && network.GivesLogits);
        return new AutoencoderRunConfig
        {
            Data = data,
            Network = network,
            Objective = objective,
            Optimizer = new AdamWConfig { LearningRate = context.Get(LearningRate), WeightDecay = context.Get(WeightDecay) },
            Seed = context.Get(Seed),
            Training = TrainingRuns.Options(context, new TrainingOptions
            {
                Minutes = UsualMinutes, Ema = context.Get(EmaDecay) > 0 ? new EmaOptions { Decay = context.Get(EmaDecay) } : null, Precision = context.Get(ComputePrecision),
            }),
        };
    }

    private static AutoencoderConfig NetworkOf(CommandContext context, ImageShape shape, bool isVariational)
    {
        var name = context.Get(Network)!;
        if (AutoencoderPresets.All.TryGetValue(name, out var preset)) return preset(shape, context.Get(Latents), isVariational);
        if (!File.Exists(name)) throw new ArgumentException($"--network is '{name}'; it must be one of {string.Join(", ", AutoencoderPresets.All.Keys)}, or a JSON file.");
        return AutoencoderConfig.Parse(File.ReadAllText(name), name);
    }

    private static ObjectiveConfig Objective(CommandContext context, bool isBernoulli)
    {
        var objective = new ObjectiveConfig
        {
            Name = context.Get(ObjectiveName)!, Attribute = context.Get(Attribute), Beta = context.Get(Beta), WarmupSteps = context.Get(BetaWarmup),
            Samples = context.Get(Samples), FirstSamples = context.Get(FirstSamples),
            Likelihood = context.Get(Likelihood) ?? (isBernoulli ? LikelihoodKind.Bernoulli : LikelihoodKind.Gaussian),
        };
        objective.Validate();
        return objective;
    }

    internal static string NewFolder(string data, string objective) =>
        Enumerable.Range(1, int.MaxValue).Select(n => Path.Combine("runs", $"{data}-{objective}{(n == 1 ? "" : $"-{n}")}")).First(path => !Path.Exists(path));

    private static (long Done, long Total, string? Detail) Describe(TrainingProgress progress) => (progress.Step, progress.TotalSteps,
        string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}, loss {progress.Values["loss"]:0.0}, {progress.ExamplesPerSecond:0} images/s"));
}
