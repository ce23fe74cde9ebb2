using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Imago.Data;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>
/// Trains any modules by any losses: steps, clipping, accumulation, moving average, evaluation, log, checkpoints. A run depends on its configuration alone,
/// and continued from a checkpoint it takes the same steps to the bit (on the same machine, with as many threads).
/// </summary>
/// <example><code>
/// using var network = new ConvConfig { … }.Create(seed: 1);
/// Trainer.Run(new TrainingJob&lt;ImageBatch&gt;
/// {
///     Players = [new("autoencoder", network, (batch, step) => …, new AdamWConfig { LearningRate = 1e-3 })],
///     Data = new ImageLoader(Datasets.Open("faces").Train),
///     Options = new TrainingOptions { Minutes = 5 },
/// });
/// </code></example>
public static class Trainer
{
    /// <summary>
    /// Runs to the end, on the calling thread. The first player's module then holds the weights that are kept (its moving average, where there is one) and is in evaluation mode.
    /// </summary>
    /// <param name="job">What to do. If its folder holds a checkpoint, the run goes on from there.</param>
    /// <param name="progress">Told after every step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the run after the step at hand; the state is saved and the result says so.</param>
    /// <exception cref="TensorMemoryException">There is not enough memory for the tensors of a step.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient became NaN or infinite.</exception>
    /// <exception cref="ImagoException">A checkpoint cannot be read or written, or the data fail, or libtorch computes wrong numbers on this machine (<see cref="KernelCheck"/>). What was written before is as it was.</exception>
    public static TrainingResult Run<TBatch>(TrainingJob<TBatch> job, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
        where TBatch : IBatch
    {
        job.Options.Validate();
        if (job.Players.Count == 0) throw new ArgumentException("A run needs at least one player.", nameof(job));
        KernelCheck.EnsureRight(CancellationToken.None);    // a second at the most, and only the first time
        using var folderLock = job.Folder?.Lock();
        using var defaultState = get_rng_state();
        try
        {
            manual_seed(job.Options.Seed);                  // for layers that draw by themselves, such as dropout; put back at the end
            using var run = new TrainingRun<TBatch>(job);
            return run.ToEnd(progress, cancellationToken);
        }
        catch (ExternalException e) when (TensorMemory.Explain(e) is { } memory)
        {
            throw memory;
        }
        finally
        {
            set_rng_state(defaultState);
            TensorMemory.Trim();
        }
    }
}

/// <summary>One call of <see cref="Trainer.Run"/>.</summary>
internal sealed class TrainingRun<TBatch> : IDisposable
    where TBatch : IBatch
{
    private const double SecondsBetweenCheckpoints = 30;
    private readonly TrainingJob<TBatch> _job;
    private readonly TrainingOptions _options;
    private readonly (Player<TBatch> Player, Optimizer Optimizer)[] _players;
    private readonly Ema? _ema;
    private readonly EmaSnapshots? _snapshots;
    private readonly Generator _noise;
    private readonly TrainingState _state;
    private readonly MetricsLog? _log;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly double _secondsBefore;
    private double _savedAt;
    private long _examples;

    internal TrainingRun(TrainingJob<TBatch> job)
    {
        (_job, _options) = (job, job.Options);
        _players = [.. job.Players.Select(player => (player, player.Optimizer.Create(player.Groups ?? ParameterGroup.DecayMatricesOnly(player.Module))))];
        _ema = _options.Ema is { } average ? new Ema(Model, average) : null;
        _snapshots = _options.EmaSnapshots is { } stored && job.Folder is { } kept ? new EmaSnapshots(Model, stored, kept.Averages) : null;
        _noise = new Generator((ulong)_options.Seed);
        _state = new TrainingState([.. _players.Select(entry => (entry.Player.Name, entry.Player.Module, entry.Optimizer))], Averages(), _noise);
        if (job.Folder is { } folder && File.Exists(folder.StateFile)) _state.Load(folder.StateFile);
        _snapshots?.Thin(Step);
        _savedAt = _secondsBefore = _state.Counters.Seconds;
        _log = job.Folder is { } home ? new MetricsLog(home.MetricsFile, home.EventsFile, Step) : null;
    }

    private nn.Module Model => _job.Players[0].Module;

    private List<(string Name, Ema Average)> Averages() =>
        [.. _ema is null ? [] : new[] { ("ema", _ema) }, .. (_snapshots?.Averages ?? []).Select(entry => ($"ema-{entry.Name}", entry.Average))];

    private long Step => _state.Counters.Step;

    private double Seconds => _secondsBefore + _clock.Elapsed.TotalSeconds;

    private double StepsPerEpoch => (double)_job.Data.BatchesPerEpoch / _options.Accumulation;

    private int Epoch => (int)(Step / StepsPerEpoch);

    /// <summary>The step at which the run ends by steps or epochs; infinite where only the clock ends it.</summary>
    private double LastStep => Math.Min(_options.Steps ?? double.PositiveInfinity, Math.Ceiling(_options.Epochs * StepsPerEpoch ?? double.PositiveInfinity));

    private double Fraction => Math.Min(1, Math.Max(Step / LastStep, Seconds / 60 / (_options.Minutes ?? double.PositiveInfinity)));

    /// <summary>Steps of the whole run: known, or what the clock will allow at the present speed.</summary>
    private double TotalSteps => double.IsFinite(LastStep) && _options.Minutes is null ? LastStep : Fraction > 0 ? Math.Min(LastStep, Step / Fraction) : LastStep;

    private long WholeSteps => double.IsFinite(TotalSteps) ? Math.Max(Step, (long)Math.Round(TotalSteps)) : Step + 1;

    private int EvaluateEverySteps => _options.EvaluateEverySteps ?? (int)Math.Clamp(StepsPerEpoch, 50, 1000);

    internal TrainingResult ToEnd(IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        foreach (var (player, _) in _players) player.Module.train();
        if (Step == 0) WithKeptWeights(() => _job.DrawSamples?.Invoke(0));
        Dictionary<string, double> values = [];
        TrainingEnd? end = Fraction >= 1 ? TrainingEnd.Finished : null;
        using var batches = Batches().GetEnumerator();
        while (end is null)
        {
            values = MakeStep(batches);
            if (Fraction >= 1) end = TrainingEnd.Finished;
            var validation = end is not null || Step % EvaluateEverySteps == 0 ? Evaluate() : null;
            if (_state.Counters.EvaluationsSinceBest >= _options.Patience) end ??= TrainingEnd.NoImprovement;
            progress?.Report(Progress(values, validation));
            if (cancellationToken.IsCancellationRequested) end ??= TrainingEnd.Cancelled;
            if (end is not null || IsCheckpointDue()) Save();
        }
        if (Step > 0) _snapshots?.Store(Step);
        _ema?.Swap();
        Model.eval();
        var counters = _state.Counters;
        return new TrainingResult(end.Value, Step, TimeSpan.FromSeconds(Seconds), values, counters.Validation, counters.BestStep, counters.BestLoss);
    }

    public void Dispose()
    {
        foreach (var (_, optimizer) in _players) optimizer.Dispose();
        _ema?.Dispose();
        _snapshots?.Dispose();
        _noise.Dispose();
        _log?.Dispose();
    }

    /// <summary>All batches from the present step on, epoch after epoch, without end.</summary>
    private IEnumerable<TBatch> Batches()
    {
        var (epoch, first) = Math.DivRem(Step * _options.Accumulation, _job.Data.BatchesPerEpoch);
        for (; ; epoch++, first = 0)
        {
            foreach (var batch in _job.Data.Epoch((int)epoch, (int)first)) yield return batch;
        }
    }

    private Dictionary<string, double> MakeStep(IEnumerator<TBatch> source)
    {
        var batches = new List<TBatch>();
        try
        {
            while (batches.Count < _options.Accumulation && source.MoveNext()) batches.Add(source.Current);
            using var scope = NewDisposeScope();
            var context = new StepContext(Step, Epoch, WholeSteps, Fraction, IsTraining: true, _options.ComputeType, _noise);
            var factor = _options.Schedule.Factor(Step, TotalSteps);
            var values = new Dictionary<string, double>();
            foreach (var (player, optimizer) in _players)
            {
                var prefix = player == _job.Players[0] ? "" : $"{player.Name}.";
                var learningRate = player.Optimizer.LearningRate * factor;
                optimizer.ZeroGrad();
                foreach (var batch in batches) AddGradients(player, batch, context, prefix, values);
                var norm = _options.MaxGradientNorm is { } limit ? Gradients.Clip(optimizer, limit) : Gradients.Norm(optimizer);
                RequireFinite($"{prefix}gradient norm", norm, values);
                optimizer.Step(learningRate);
                (values[$"{prefix}gradient_norm"], values[$"{prefix}learning_rate"]) = (norm, learningRate);
            }
            _ema?.Update();
            _snapshots?.Update(Step + 1);
            _examples += batches.Sum(batch => batch.Count);
            _state.Counters = _state.Counters with { Step = Step + 1, Seconds = Seconds };
            Log(values);
            return values;
        }
        finally
        {
            foreach (var batch in batches) batch.Dispose();
        }
    }

    private void AddGradients(Player<TBatch> player, TBatch batch, StepContext context, string prefix, Dictionary<string, double> values)
    {
        using var scope = NewDisposeScope();
        var terms = player.Loss(batch, context);
        foreach (var (name, value) in Numbers(terms)) values[prefix + name] = values.GetValueOrDefault(prefix + name) + value / _options.Accumulation;
        foreach (var (name, _) in Numbers(terms)) RequireFinite(prefix + name, values[prefix + name], values);
        (terms.Loss / _options.Accumulation).backward();
    }

    private void RequireFinite(string name, double value, Dictionary<string, double> values)
    {
        if (double.IsFinite(value)) return;
        var all = string.Join(", ", values.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Key} {entry.Value:g6}")));
        throw new TrainingDivergedException(Step, string.Create(CultureInfo.InvariantCulture, $"{name} is {value} ({all})"),
            _job.Folder is { } folder && File.Exists(folder.StateFile) ? folder.StateFile : null);
    }

    private static IEnumerable<(string Name, double Value)> Numbers(LossTerms terms) =>
        terms.Parts.Prepend(("loss", terms.Loss)).Select(entry => (entry.Item1, entry.Item2.detach().to(float64).item<double>()));

    /// <summary>Adds a step to the line of the log that is being made, and writes it when it is full.</summary>
    private void Log(Dictionary<string, double> values)
    {
        var (sums, count) = (new Dictionary<string, double>(_state.Counters.Sums), _state.Counters.Summed + 1);
        foreach (var (name, value) in values) sums[name] = sums.GetValueOrDefault(name) + value;
        var isFull = Step % _options.LogEverySteps == 0;
        if (isFull) _log?.Append(new MetricsLine("train", Step, Epoch, Seconds, sums.ToDictionary(entry => entry.Key, entry => entry.Value / count)));
        _state.Counters = _state.Counters with { Sums = isFull ? [] : sums, Summed = isFull ? 0 : count };
    }

    /// <summary>Mean loss and parts over the held-out batches, with the weights that would be kept; keeps them if they are the best so far, and draws samples.</summary>
    private Dictionary<string, double>? Evaluate()
    {
        Dictionary<string, double>? means = null;
        WithKeptWeights(() =>
        {
            if (_job.Validation is { } data) means = Means(data);
            if (means is not null) Compare(means);
            _job.DrawSamples?.Invoke(Step);
        });
        return means;
    }

    private Dictionary<string, double> Means(IBatches<TBatch> data)
    {
        using var noise = new Generator((ulong)_options.Seed + 1);
        var context = new StepContext(Step, Epoch, WholeSteps, Fraction, IsTraining: false, _options.ComputeType, noise);
        var (sums, count) = (new Dictionary<string, double>(), 0);
        foreach (var batch in data.Epoch(0).Take(_options.EvaluationBatches ?? int.MaxValue))
        {
            using (batch)
            using (NewDisposeScope())
            {
                foreach (var (name, value) in Numbers(_job.Players[0].Loss(batch, context))) sums[name] = sums.GetValueOrDefault(name) + value * batch.Count;
                count += batch.Count;
            }
        }
        return sums.ToDictionary(entry => entry.Key, entry => entry.Value / count);
    }

    private void Compare(Dictionary<string, double> means)
    {
        var counters = _state.Counters;
        _log?.Append(new MetricsLine("validation", Step, Epoch, Seconds, means));
        var isBest = means["loss"] < (counters.BestLoss ?? double.PositiveInfinity);
        _state.Counters = isBest
            ? counters with { Validation = means, BestLoss = means["loss"], BestStep = Step, EvaluationsSinceBest = 0 }
            : counters with { Validation = means, EvaluationsSinceBest = counters.EvaluationsSinceBest + 1 };
        if (isBest && _job.Folder is { } folder) SaveModel(folder.BestWeights);
    }

    /// <summary>Does something without gradients, the model in evaluation mode and holding its moving average if there is one.</summary>
    private void WithKeptWeights(Action action)
    {
        using var noGrad = no_grad();
        _ema?.Swap();
        Model.eval();
        try
        {
            action();
        }
        finally
        {
            Model.train();
            _ema?.Swap();
        }
    }

    private bool IsCheckpointDue() => _options.CheckpointEverySteps is { } steps ? Step % steps == 0 : Seconds - _savedAt > SecondsBetweenCheckpoints;

    private void Save()
    {
        if (_job.Folder is not { } folder) return;
        _state.Counters = _state.Counters with { Seconds = Seconds };
        _state.Save(folder.StateFile);
        WithKeptWeights(() => SaveModel(folder.LastWeights));
        _snapshots?.Thin(Step);
        _savedAt = Seconds;
    }

    private void SaveModel(string path)
    {
        using var scope = NewDisposeScope();
        Safetensors.Write(path, TrainingState.Module(Model).Select(entry => KeyValuePair.Create(entry.Name, entry.Value)),
            new Dictionary<string, string> { ["step"] = Step.ToString(CultureInfo.InvariantCulture), ["format"] = "pt" });
    }

    private TrainingProgress Progress(Dictionary<string, double> values, IReadOnlyDictionary<string, double>? validation) => new()
    {
        Step = Step,
        TotalSteps = WholeSteps,
        Fraction = Fraction,
        Elapsed = TimeSpan.FromSeconds(Seconds),
        Remaining = TimeSpan.FromSeconds(Fraction is > 0 and < 1 ? Seconds * (1 - Fraction) / Fraction : 0),
        ExamplesPerSecond = _examples / _clock.Elapsed.TotalSeconds,
        Values = values,
        Validation = validation,
    };
}
