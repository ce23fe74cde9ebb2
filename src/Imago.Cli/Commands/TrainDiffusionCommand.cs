using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Lora;
using Imago.Models;
using Imago.Training;
using static Imago.Cli.Commands.TrainCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago train diffusion</c>: from options to a run's configuration, and from its progress to lines.</summary>
internal static class TrainDiffusionCommand
{
    // A published model knows much already: small steps, and few of its large pictures at once.
    private const double UsualMinutes = 10, PublishedRate = 1e-5, PublishedLoraRate = 1e-4;
    private const int PublishedBatch = 4;

    private static readonly Option<string?> AutoencoderPath = new("--autoencoder") { Description = "Draw the latents of this autoencoder instead of pixels: a run, a folder from a model hub, a file, or a hub's model (owner/name).", HelpName = "RUN|FOLDER|FILE" };
    private static readonly Option<int?> Patch = new("--patch") { Description = "Side of the patches of pixels that are drawn at once; the default suits the size.", HelpName = "PIXELS" };
    private static readonly Option<string?> ConditionKind = new Option<string?>("--condition") { Description = "What pictures can be asked for by; the default is text if the data have captions, else class, attributes, none.", HelpName = "class|attributes|text|none" }
        .AcceptOnlyFromAmong("class", "attributes", "text", "none");
    private static readonly Option<string?> NetworkName = new("--network") { Description = "A U-Net (the default), a transformer, or one that reads text; each sized to data and time. Or a network's JSON (a hub's config.json).", HelpName = "unet|dit|mmdit|FILE" };
    private static readonly Option<int?> Width = new("--width") { Description = "Channels of a U-Net's first level, a multiple of 16, or features of a transformer, a multiple of 64; the default suits size and time.", HelpName = "N" };
    private static readonly Option<string?> Predict = new Option<string?>("--predict") { Description = "What the network predicts: flow or sample (rectified flow), or epsilon or velocity (variance-preserving, cosine). The default is flow, but sample for narrow networks on patches of pixels.", HelpName = "NAME" }
        .AcceptOnlyFromAmong("flow", "epsilon", "velocity", "sample");
    private static readonly Option<string?> ObjectiveFile = new("--objective") { Description = "An objective's JSON: prediction, weighting, density of levels.", HelpName = "FILE" };
    private static readonly Option<string?> From = new("--from") { Description = "Go on from the weights of this model instead of fresh ones; its network, conditions and process are taken over. Also a hub's model (owner/name).", HelpName = "RUN|FOLDER|FILE" };
    private static readonly Option<long> ReadingSteps = new("--reading-steps") { Description = "First teach the text encoder in so many steps to tell the data's attributes from their captions, then keep it as it is.", HelpName = "N" };
    private static readonly Option<string?> TextEncoder = new("--text-encoder") { Description = "Attend to the tokens of this frozen text encoder (CLIP or T5, with its tokenizer): a folder of the hub, or of a pipeline; also a hub's model (owner/name).", HelpName = "FOLDER" };
    private static readonly Option<bool> CheckpointBlocks = new("--checkpoint-blocks") { Description = "Compute the insides of blocks again for the gradients: less memory, a third more time." };
    private static readonly Option<int?> LoraRank = new("--lora") { Description = "Train only low-rank changes of this rank of the model that --from names; they are written to pytorch_lora_weights.safetensors too.", HelpName = "RANK" };
    private static readonly Option<string?> LoraTargets = new("--lora-targets") { Description = "Which layers: the ends of their names, a star for anything, separated by commas; to_q,to_k,to_v,to_out.0 by default.", HelpName = "NAMES" };
    private static readonly Option<int> Batch = new("--batch") { Description = "Pictures in a batch.", HelpName = "N", DefaultValueFactory = _ => DiffusionPresets.BatchSize };
    private static readonly Option<double> LearningRate = new("--lr") { Description = "The learning rate.", HelpName = "X", DefaultValueFactory = _ => DiffusionPresets.Optimizer.LearningRate };
    private static readonly Option<double> WeightDecay = new("--weight-decay") { Description = "Decay of matrices and kernels.", HelpName = "X", DefaultValueFactory = _ => DiffusionPresets.Optimizer.WeightDecay };
    private static readonly Option<double> EmaDecay = new("--ema") { Description = "Decay of the moving average of the weights; 0 for none.", HelpName = "X", DefaultValueFactory = _ => 0.999 };
    private static readonly Option<bool> PostHoc = new("--post-hoc-ema") { Description = "Store snapshots, so that `imago export RUN --ema-width X` can choose the length of the moving average afterwards." };
    private static readonly Option<Precision?> ComputePrecision = new("--precision") { Description = "What the network computes in; the default is bf16 where the processor has it." };

    private static IReadOnlyList<Option> Fixed { get; } =
    [
        Source, DataFolder, Size, Channels, Count, Flip, RandomCrop, Strict, AutoencoderPath, Patch, ConditionKind, TextEncoder, ReadingSteps, NetworkName, Width, Predict, ObjectiveFile, CheckpointBlocks, From, LoraRank, LoraTargets, Batch, Accumulate, LearningRate,
        Schedule, Warmup, WeightDecay, Clip, EmaDecay, PostHoc, ComputePrecision, Seed, EvaluateEvery, CheckpointEvery, Patience, Out,
    ];

    internal static Command Create()
    {
        var command = new ImagoCommand("diffusion", "Train a diffusion model on images, or on an autoencoder's latents of them.",
            "imago train diffusion --data mnist --download --minutes 10",
            "imago train diffusion --data faces --autoencoder runs/faces-vae --condition text --minutes 60",
            "imago train diffusion --data photos/ --size 64 --flip --condition none",
            "imago train diffusion --from runs/faces --data me/ --minutes 5",
            "imago train diffusion --from runs/faces --data me/ --lora 8 --steps 300",
            "imago train diffusion --from stable-diffusion-v1-5/ --data captioned/ --lora 8 --steps 500",
            "imago train diffusion --data captioned/ --size 64 --text-encoder clip-vit-large-patch14/ --minutes 60",
            "imago train diffusion --resume runs/mnist-diffusion --minutes 30") { Download, Minutes, Steps, Epochs, Resume, SharedOptions.Json };
        foreach (var option in Fixed) command.Add(option);
        return command.Does(Run);
    }

    private static int Run(CommandContext context)
    {
        var (folder, config, splits) = context.Get(Resume) is { } path ? Continue(context, path) : Begin(context);
        using var training = context.Track("Preparing", sink => DiffusionTraining.Prepare(config, splits, folder, context.Device, sink, context.Cancellation));
        var result = context.Track("Training", sink => training.Run(folder, sink.For<TrainingProgress>(Describe), context.Cancellation));
        var parameters = training.Model.ParameterCount;
        TrainingRuns.Report(context, folder, result, new { Run = folder.Path, Parameters = parameters, Result = result },
            new("diffusion", string.Create(CultureInfo.InvariantCulture, $@"{TrainingRuns.Millions(parameters)} for {result.Steps} steps in {result.Elapsed:h\:mm\:ss}"), "imago generate --model RUN --count 16") { Digits = "0.0000", ModelFolder = "model" });
        return result.End == TrainingEnd.Cancelled ? CliApp.Interrupted : CliApp.Success;
    }

    private static (RunFolder, DiffusionRunConfig, DatasetSplits) Begin(CommandContext context)
    {
        var data = DataOf(context, context.Get(Batch));
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var loader = data.TrainingBatches(splits);
        var config = Configure(context, data with { Channels = loader.Channels }, splits, new ImageShape(loader.Channels, loader.Height, loader.Width));
        config.Validate();
        return (RunFolder.Create(context.Get(Out) ?? NewFolder(splits.Name, "diffusion"), config), config, splits);
    }

    private static (RunFolder, DiffusionRunConfig, DatasetSplits) Continue(CommandContext context, string path)
    {
        var (folder, config) = TrainingRuns.Reopen<DiffusionRunConfig>(context, path, Fixed, (config, longer) => config with { Training = longer(config.Training) }, config => config.Validate());
        return (folder, config, config.Data.Open(context.Get(Download), context.Cancellation));
    }

    private static DiffusionRunConfig Configure(CommandContext context, RunDataConfig data, DatasetSplits splits, ImageShape shape)
    {
        var usual = DiffusionPresets.Training(UsualMinutes);
        var training = TrainingRuns.Options(context, usual with
        {
            Ema = context.Get(EmaDecay) > 0 ? new EmaOptions { Decay = context.Get(EmaDecay) } : null, EmaSnapshots = context.Get(PostHoc) ? new EmaSnapshotOptions() : null,
            Precision = context.Get(ComputePrecision) ?? usual.Precision,
        });
        var optimizer = DiffusionPresets.Optimizer with { LearningRate = context.Get(LearningRate), WeightDecay = context.Get(WeightDecay) };
        if (context.Get(From) is { } from) return FromModel(context, from, data, training, optimizer) with { Lora = Lora(context) };
        if (context.IsGiven(LoraRank)) throw new ArgumentException("--lora needs the trained model that is to be changed: --from.");
        return Fresh(context, data, splits, shape, training, optimizer);
    }

    private static LoraConfig? Lora(CommandContext context)
    {
        if (context.Get(LoraRank) is not { } rank) return null;
        var lora = new LoraConfig { Rank = rank };
        return context.Get(LoraTargets) is { } targets ? lora with { Targets = targets.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) } : lora;
    }

    private static DiffusionRunConfig Fresh(CommandContext context, RunDataConfig data, DatasetSplits splits, ImageShape shape, TrainingOptions training, OptimizerConfig optimizer)
    {
        var named = context.Get(NetworkName) is { } name ? DiffusionPresets.KindOf(name) : null;
        var (channels, side, patch) = DiffusionPresets.Drawn(shape, AutoencoderOf(context), context.Get(Patch), named);
        var kind = named ?? DiffusionPresets.UsualKind(side);
        var width = context.Get(Width) ?? DiffusionPresets.WidthFor(side, training.Minutes ?? UsualMinutes, data.BatchSize, kind);
        var encoder = context.Get(TextEncoder) is { } folder ? Path.GetFullPath(HubModelOptions.Locate(context, folder, Download)) : null;
        if (encoder is not null && context.IsGiven(ConditionKind)) throw new ArgumentException("--text-encoder is the condition; leave out --condition.");
        if (encoder is not null && kind == NetworkKind.DiT) throw new ArgumentException("A DiT attends to no tokens; choose --network unet or mmdit with --text-encoder.");
        var condition = encoder is not null ? DiffusionPresets.FrozenText : context.Get(ConditionKind) ?? (kind == NetworkKind.MMDiT ? "text" : DiffusionPresets.ConditionOf(splits.Train));
        var conditioner = WithReading(context, DiffusionPresets.Conditioner(condition, splits.Train, DiffusionPresets.VectorWidth(width, side, kind), kind));
        var task = new NetworkTask(channels, side, conditioner) { IsPixels = !context.IsGiven(AutoencoderPath), EncoderWidth = encoder is null ? null : DiffusionFiles.TextWidth(encoder) };
        var objective = Objective(context) ?? DiffusionPresets.ObjectiveOf(context.Get(Predict) ?? DiffusionPresets.PredictionFor(kind, task, width));
        return new DiffusionRunConfig
        {
            Data = data, Autoencoder = AutoencoderOf(context), Patch = patch, Conditioner = conditioner, Objective = objective,
            Network = named is null && context.Get(NetworkName) is { } file ? Parse(file) : DiffusionPresets.Network(task, width, kind),
            TextEncoder = encoder, CheckpointBlocks = context.Get(CheckpointBlocks), Process = DiffusionPresets.ProcessOf(objective.Prediction), Optimizer = optimizer, Training = training, Seed = context.Get(Seed),
        };
    }

    private static DenoiserConfig Parse(string file) => File.Exists(file) ? DenoiserConfig.Parse(File.ReadAllText(file), file)
        : throw new ArgumentException($"--network is '{file}'; it must be unet, dit, mmdit or a file with a network's JSON.");

    private static string? AutoencoderOf(CommandContext context) => context.Get(AutoencoderPath) is { } path ? Path.GetFullPath(HubModelOptions.Locate(context, path, Download)) : null;

    /// <summary>Another model's network, conditions and process with new data.</summary>
    private static DiffusionRunConfig FromModel(CommandContext context, string from, RunDataConfig data, TrainingOptions training, OptimizerConfig optimizer)
    {
        foreach (var option in (Option[])[NetworkName, Width, Patch, ConditionKind, Predict, AutoencoderPath, TextEncoder])
        {
            if (context.IsGiven(option)) throw new ArgumentException($"{option.Name} comes from the model that --from names and cannot be chosen.");
        }
        var path = Path.GetFullPath(HubModelOptions.Locate(context, from, Download));
        using var model = DiffusionFiles.Load(path);
        var isPublished = model.Config.Prompts is null && !DiffusionFiles.IsModel(path);
        return new DiffusionRunConfig
        {
            Data = data with
            {
                Size = data.Size ?? (model.Config.Height == model.Config.Width ? model.Config.Height : null), Channels = model.Config.Channels,
                BatchSize = isPublished && !context.IsGiven(Batch) ? PublishedBatch : data.BatchSize,
            },
            Patch = model.Config.Patch, Conditioner = WithReading(context, model.Config.Conditioner), Network = model.Network.Config, Process = model.Config.Process, CheckpointBlocks = context.Get(CheckpointBlocks),
            Objective = (Objective(context) ?? DiffusionPresets.ObjectiveOf(model.Config)) with { Prediction = model.Config.Prediction }, Drawing = model.Config.Defaults,
            Optimizer = isPublished && !context.IsGiven(LearningRate) ? optimizer with { LearningRate = context.IsGiven(LoraRank) ? PublishedLoraRate : PublishedRate } : optimizer,
            Training = training, Seed = context.Get(Seed), From = path,
        };
    }

    /// <summary>The conditioner whose text encoder first learns to read, if that is wanted.</summary>
    private static ConditionerConfig WithReading(CommandContext context, ConditionerConfig conditioner)
    {
        if (!context.IsGiven(ReadingSteps)) return conditioner;
        if (!conditioner.Conditions.OfType<TextConditionConfig>().Any()) throw new ArgumentException("--reading-steps teaches a text encoder, and the model has none of its own; take --condition text.");
        return conditioner with { Conditions = [.. conditioner.Conditions.Select(condition => condition is TextConditionConfig text ? text with { ReadingSteps = context.Get(ReadingSteps) } : condition)] };
    }

    private static DiffusionObjectiveConfig? Objective(CommandContext context) => context.Get(ObjectiveFile) is { } file ? DiffusionObjectiveConfig.Parse(File.ReadAllText(file), file) : null;

    private static (long Done, long Total, string? Detail) Describe(TrainingProgress progress) => (progress.Step, progress.TotalSteps,
        string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}, loss {progress.Values["loss"]:0.0000}, {progress.ExamplesPerSecond:0} images/s"));
}
