using System.CommandLine;
using System.Globalization;
using Imago.Adversarial;
using Imago.Data;
using Imago.Training;
using static Imago.Cli.Commands.TrainCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago train gan</c>: from options to a run's configuration.</summary>
internal static class TrainGanCommand
{
    private static readonly Option<AdversarialGame> Game = new("--game") { Description = "What the players play for: the relativistic game of R3GAN, or the original one.", DefaultValueFactory = _ => AdversarialGame.Relativistic };
    private static readonly Option<double> Gamma = new("--gamma") { Description = "Weight of the penalty on the discriminator's gradient at real and generated pictures.", HelpName = "X", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> Width = new("--width") { Description = "Channels at the finest resolution.", HelpName = "N", DefaultValueFactory = _ => 32 };
    private static readonly Option<int> Latents = new("--latents") { Description = "Numbers of noise that a picture is made from.", HelpName = "N", DefaultValueFactory = _ => 64 };
    private static readonly Option<int> Batch = new("--batch") { Description = "Pictures in a batch.", HelpName = "N", DefaultValueFactory = _ => 64 };
    private static readonly Option<double> LearningRate = new("--lr") { Description = "The learning rate of both players.", HelpName = "X", DefaultValueFactory = _ => 5e-4 };

    private static IReadOnlyList<Option> Fixed { get; } =
    [
        Source, DataFolder, Size, Channels, Count, Flip, RandomCrop, Strict, Game, Gamma, Width, Latents, Batch, Accumulate, LearningRate, Schedule, Warmup, Clip, Seed, CheckpointEvery, EvaluateEvery, Out,
    ];

    internal static Command Create()
    {
        var command = new ImagoCommand("gan", "Train a generative adversarial network on images.",
            "imago train gan --data mnist --download --minutes 10",
            "imago train gan --data faces --size 32 --gamma 0.5",
            "imago train gan --data mnist --game NonSaturating",
            "imago train gan --resume runs/mnist-gan --minutes 30") { Download, Minutes, Steps, Epochs, Resume, SharedOptions.Json };
        foreach (var option in Fixed) command.Add(option);
        return command.Does(Run);
    }

    private static int Run(CommandContext context)
    {
        var (folder, config, splits) = context.Get(Resume) is { } path ? Continue(context, path) : Begin(context);
        using var training = new GanTraining(config, splits, context.Device);
        var result = context.Track("Training", sink => training.Run(folder, sink.For<TrainingProgress>(Describe), context.Cancellation));
        var parameters = training.Model.ParameterCount;
        TrainingRuns.Report(context, folder, result, new { Run = folder.Path, Parameters = parameters, Result = result }, new("gan", $"{TrainingRuns.Millions(parameters)} for {TrainingRuns.Duration(result)}", "imago sample RUN"));
        return result.End == TrainingEnd.Cancelled ? CliApp.Interrupted : CliApp.Success;
    }

    private static (RunFolder, GanRunConfig, DatasetSplits) Begin(CommandContext context)
    {
        var data = DataOf(context, context.Get(Batch));
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var loader = data.TrainingBatches(splits);
        var config = new GanRunConfig
        {
            Data = data with { Channels = loader.Channels }, Seed = context.Get(Seed),
            Network = GanConfig.For(loader.Channels, loader.Height, loader.Width, context.Get(Width)) with { Latent = context.Get(Latents) },
            Objective = new AdversarialObjective { Game = context.Get(Game), Gamma = context.Get(Gamma), PenalizeGenerated = context.Get(Game) == AdversarialGame.Relativistic },
            Optimizer = new AdamConfig { LearningRate = context.Get(LearningRate), Beta1 = 0, Beta2 = 0.99 },
            Training = TrainingRuns.Options(context, new TrainingOptions { Minutes = 10, Ema = new EmaOptions { Decay = 0.999 } }),
        };
        config.Validate();
        return (RunFolder.Create(context.Get(Out) ?? NewFolder(splits.Name, "gan"), config), config, splits);
    }

    private static (RunFolder, GanRunConfig, DatasetSplits) Continue(CommandContext context, string path)
    {
        var (folder, config) = TrainingRuns.Reopen<GanRunConfig>(context, path, Fixed, (config, longer) => config with { Training = longer(config.Training) }, config => config.Validate());
        return (folder, config, config.Data.Open(context.Get(Download), context.Cancellation));
    }

    private static (long Done, long Total, string? Detail) Describe(TrainingProgress progress) => (progress.Step, progress.TotalSteps,
        string.Create(CultureInfo.InvariantCulture, $"step {progress.Step}, margin {progress.Values["margin"]:0.00}, {progress.ExamplesPerSecond:0} images/s"));
}
