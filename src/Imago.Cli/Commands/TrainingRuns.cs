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
    /// <param name="longer">The configuration with the end that is given, and checked.</param>
    internal static (RunFolder Folder, TConfig Config) Reopen<TConfig>(CommandContext context, string path, IEnumerable<Option> isFixed, Func<TConfig, Func<TrainingOptions, TrainingOptions>, TConfig> longer)
    {
        if (isFixed.FirstOrDefault(context.IsGiven) is { } given) throw new ArgumentException($"{given.Name} cannot be changed when a run is continued; only --minutes, --steps and --epochs can.");
        var folder = RunFolder.Open(path);
        var config = folder.ReadConfig<TConfig>();
        if (!context.IsGiven(Minutes) && !context.IsGiven(Steps) && !context.IsGiven(Epochs)) return (folder, config);
        config = longer(config, training => training with { Minutes = context.Get(Minutes), Steps = context.Get(Steps), Epochs = context.Get(Epochs) });
        folder.WriteConfig(config);
        return (folder, config);
    }

    /// <summary>Says how a run ended.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="command">What <c>imago train</c> calls it.</param>
    /// <param name="folder">The run.</param>
    /// <param name="parameters">Numbers that were trained.</param>
    /// <param name="result">How it ended.</param>
    /// <param name="next">What can be done with it.</param>
    internal static void Report(CommandContext context, string command, RunFolder folder, long parameters, TrainingResult result, string next)
    {
        if (context.IsJson)
        {
            context.WriteJson(new { Run = folder.Path, Parameters = parameters, Result = result });
            return;
        }
        var run = Path.GetRelativePath(Environment.CurrentDirectory, folder.Path);
        if (result.End == TrainingEnd.Cancelled)
        {
            context.Say($"Stopped after {result.Steps} steps; everything is saved. To go on: imago train {command} --resume {run}");
            return;
        }
        context.Say(string.Create(CultureInfo.InvariantCulture, $@"Trained {parameters / 1e6:0.00} million parameters for {result.Steps} steps in {result.Elapsed:h\:mm\:ss}{(result.End == TrainingEnd.NoImprovement ? "; the held-out loss did not improve any more" : "")}."));
        if (result.Validation is { } values) context.Say($"Held out: {string.Join(", ", values.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Key} {entry.Value:0.000}")))}.");
        context.Say($"The run is in {run}: pictures over time in samples/, the model in checkpoints/, the log in metrics.jsonl.");
        context.Hint($"Next: {next.Replace("RUN", run, StringComparison.Ordinal)}");
    }
}
