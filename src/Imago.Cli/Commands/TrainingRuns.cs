using System.CommandLine;
using System.Globalization;
using Imago.Data;
using Imago.Training;
using static Imago.Cli.Commands.TrainCommand;

namespace Imago.Cli.Commands;

/// <summary>What the commands that train share: how a run begins, goes on, and is told of.</summary>
internal static class TrainingRuns
{
    /// <summary>How long and how a run trains, from the options.</summary>
    /// <param name="context">The options.</param>
    /// <param name="usual">What holds where nothing is chosen; its minutes only if no end is.</param>
    internal static TrainingOptions Options(CommandContext context, TrainingOptions usual)
    {
        var hasNoEnd = !context.IsGiven(Minutes) && !context.IsGiven(Steps) && !context.IsGiven(Epochs);
        return usual with
        {
            Minutes = hasNoEnd ? usual.Minutes : context.Get(Minutes), Steps = context.Get(Steps), Epochs = context.Get(Epochs), Accumulation = context.Get(Accumulate),
            Schedule = new LearningRateSchedule { Shape = context.Get(Schedule), WarmupSteps = context.Get(Warmup) }, MaxGradientNorm = context.Get(Clip) ?? usual.MaxGradientNorm,
            Seed = context.Get(Seed), EvaluateEverySteps = context.Get(EvaluateEvery), CheckpointEverySteps = context.Get(CheckpointEvery), Patience = context.Get(Patience),
        };
    }

    /// <summary>Opens a run to go on with it.</summary>
    /// <param name="context">The options.</param>
    /// <param name="path">The run's folder.</param>
    /// <param name="isFixed">Options that cannot change.</param>
    /// <param name="longer">The configuration with the end that is given.</param>
    /// <param name="validate">Throws when that contradicts itself.</param>
    internal static (RunFolder Folder, TConfig Config) Reopen<TConfig>(
        CommandContext context, string path, IEnumerable<Option> isFixed, Func<TConfig, Func<TrainingOptions, TrainingOptions>, TConfig> longer, Action<TConfig> validate)
    {
        if (isFixed.FirstOrDefault(context.IsGiven) is { } given) throw new ArgumentException($"{given.Name} cannot be changed when a run is continued; only --minutes, --steps and --epochs can.");
        var folder = RunFolder.Open(path);
        var config = folder.ReadConfig<TConfig>();
        if (!context.IsGiven(Minutes) && !context.IsGiven(Steps) && !context.IsGiven(Epochs)) return (folder, config);
        config = longer(config, training => training with { Minutes = context.Get(Minutes), Steps = context.Get(Steps), Epochs = context.Get(Epochs) });
        validate(config);
        folder.WriteConfig(config);
        return (folder, config);
    }

    /// <summary>Says how a run ended.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="folder">The run.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="document">The same for <c>--json</c>.</param>
    /// <param name="words">What is said of this kind of run.</param>
    internal static void Report(CommandContext context, RunFolder folder, TrainingResult result, object document, RunWords words)
    {
        if (context.IsJson)
        {
            context.WriteJson(document);
            return;
        }
        var run = Path.GetRelativePath(Environment.CurrentDirectory, folder.Path);
        if (result.End == TrainingEnd.Cancelled)
        {
            context.Say($"Stopped after {result.Steps} steps; everything is saved. To go on: imago train {words.Command} --resume {run}");
            return;
        }
        context.Say($"Trained {words.Trained}.");
        if (result.Validation is { } values) context.Say($"{words.HeldOut}: {string.Join(", ", values.Select(entry => $"{entry.Key} {entry.Value.ToString(words.Digits, CultureInfo.InvariantCulture)}"))}.");
        context.Say($"The run is in {run}: pictures over time in samples/, the model in {words.ModelFolder}/, the log in metrics.jsonl.");
        context.Hint($"Next: {words.Next.Replace("RUN", run, StringComparison.Ordinal)}");
    }

    /// <summary>For how long a run trained, and that it ended early if it did.</summary>
    internal static string Duration(TrainingResult result) =>
        string.Create(CultureInfo.InvariantCulture, $@"{result.Steps} steps in {result.Elapsed:h\:mm\:ss}{(result.End == TrainingEnd.NoImprovement ? "; the held-out loss did not improve any more" : "")}");

    /// <summary>Numbers that were trained, in millions.</summary>
    internal static string Millions(long parameters) => string.Create(CultureInfo.InvariantCulture, $"{parameters / 1e6:0.00} million parameters");
}

/// <summary>What is said at the end of one kind of run.</summary>
/// <param name="Command">What <c>imago train</c> calls it.</param>
/// <param name="Trained">What was trained and for how long, to end the sentence "Trained …".</param>
/// <param name="Next">What can be done with it; RUN stands for its folder.</param>
internal sealed record RunWords(string Command, string Trained, string Next)
{
    /// <summary>What the values on held-out data are called.</summary>
    internal string HeldOut { get; init; } = "Held out";

    /// <summary>How they are written.</summary>
    internal string Digits { get; init; } = "0.000";

    /// <summary>Where in the run's folder the model is.</summary>
    internal string ModelFolder { get; init; } = "checkpoints";
}
