using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Flows;
using Imago.Generation;
using Imago.Training;
using static Imago.Cli.Commands.TrainCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago train flow</c>: from options to a run's configuration.</summary>
internal static class TrainFlowCommand
{
    private static readonly Option<int?> Levels = new("--levels") { Description = "Levels of resolution; the default suits the size.", HelpName = "N" };
    private static readonly Option<int> FlowSteps = new("--flow-steps") { Description = "Steps of each level.", HelpName = "N", DefaultValueFactory = _ => 8 };
    private static readonly Option<int> Hidden = new("--hidden") { Description = "Channels inside the couplings.", HelpName = "N", DefaultValueFactory = _ => 128 };
    private static readonly Option<int> Batch = new("--batch") { Description = "Pictures in a batch.", HelpName = "N", DefaultValueFactory = _ => 64 };

    private static IReadOnlyList<Option> Fixed { get; } =
    [
        Source, DataFolder, Size, Channels, Count, Flip, RandomCrop, Strict, Levels, FlowSteps, Hidden, Batch, Accumulate, LearningRate, Schedule, Warmup, Clip, Seed, EvaluateEvery, CheckpointEvery, Patience, Out,
    ];

    internal static Command Create()
    {
        var command = new ImagoCommand("flow", "Train a normalising flow on images: exact likelihood, exact inverse.",
            "imago train flow --data mnist --download --minutes 10",
            "imago train flow --data faces --size 32 --hidden 192",
            "imago train flow --resume runs/mnist-flow --minutes 30") { Download, Minutes, Steps, Epochs, Resume, SharedOptions.Json };
        foreach (var option in Fixed) command.Add(option);
        return command.Does(Run);
    }

    private static int Run(CommandContext context)
    {
        var (folder, config, splits) = context.Get(Resume) is { } path ? Continue(context, path) : Begin(context);
        using var training = new FlowTraining(config, splits, context.Device);
        var result = context.Track("Training", sink => training.Run(folder, sink.For<TrainingProgress>(Describe), context.Cancellation));
        var parameters = training.Model.parameters().Sum(parameter => parameter.numel());
        TrainingRuns.Report(context, folder, result, new { Run = folder.Path, Parameters = parameters, Result = result }, new("flow", $"{TrainingRuns.Millions(parameters)} for {TrainingRuns.Duration(result)}", "imago sample RUN, imago evaluate RUN"));
        return result.End == TrainingEnd.Cancelled ? CliApp.Interrupted : CliApp.Success;
    }

    private static (RunFolder, FlowRunConfig, DatasetSplits) Begin(CommandContext context)
    {
        var data = DataOf(context, context.Get(Batch));
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var loader = data.TrainingBatches(splits);
        var network = FlowRunConfig.NetworkFor(loader.Channels, loader.Height, loader.Width) with { Steps = context.Get(FlowSteps), Hidden = context.Get(Hidden) };
        var config = new FlowRunConfig
        {
            Data = data with { Channels = loader.Channels }, Network = context.Get(Levels) is { } levels ? network with { Levels = levels } : network, Seed = context.Get(Seed),
            Optimizer = new AdamWConfig { LearningRate = context.Get(LearningRate), WeightDecay = 0 },
            Training = TrainingRuns.Options(context, new TrainingOptions { Minutes = 10, MaxGradientNorm = 100, Precision = DiffusionPresets.BestPrecision, Ema = new EmaOptions { Decay = 0.999 } }),
        };
        config.Validate();
        return (RunFolder.Create(context.Get(Out) ?? NewFolder(splits.Name, "flow"), config), config, splits);
    }

    private static (RunFolder, FlowRunConfig, DatasetSplits) Continue(CommandContext context, string path)
    {
        var (folder, config) = TrainingRuns.Reopen<FlowRunConfig>(context, path, Fixed, (config, longer) => config with { Training = longer(config.Training) }, config => config.Validate());
        return (folder, config, config.Data.Open(context.Get(Download), context.Cancellation));
    }

    private static (long Done, long Total, string? Detail) Describe(TrainingProgress progress) => (progress.Step, progress.TotalSteps,
        string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}, {progress.Values["bits_per_dimension"]:0.000} bits/dimension, {progress.ExamplesPerSecond:0} images/s"));
}
