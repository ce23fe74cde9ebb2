using Imago.Data;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>
/// A module that learns by a loss of its own. Most runs have one; an adversarial run has two (a generator, then its discriminator), which step in turn on the same batches.
/// </summary>
/// <typeparam name="TBatch">What a batch is.</typeparam>
/// <param name="Name">Its name in checkpoints and in the log.</param>
/// <param name="Module">Whose parameters change. It has been moved to its device.</param>
/// <param name="Loss">Its loss on one batch. The tensors of the result, and all others that are made on the way, are disposed by the trainer.</param>
/// <param name="Optimizer">How its parameters change.</param>
public sealed record Player<TBatch>(string Name, nn.Module Module, Func<TBatch, StepContext, LossTerms> Loss, OptimizerConfig Optimizer)
{
    /// <summary>Its parameters in groups; by default matrices decay and vectors do not.</summary>
    public IReadOnlyList<ParameterGroup>? Groups { get; init; }
}

/// <summary>Everything that <see cref="Trainer"/> needs for one run.</summary>
/// <typeparam name="TBatch">What a batch is.</typeparam>
public sealed record TrainingJob<TBatch>
    where TBatch : IBatch
{
    /// <summary>Who learns. The first one is the model that is evaluated and kept.</summary>
    public required IReadOnlyList<Player<TBatch>> Players { get; init; }

    /// <summary>What is learned from.</summary>
    public required IBatches<TBatch> Data { get; init; }

    /// <summary>Held-out data, in a fixed order; <see langword="null"/> for no evaluation.</summary>
    public IBatches<TBatch>? Validation { get; init; }

    /// <summary>How and for how long.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>Where the log and the checkpoints go; <see langword="null"/> to keep nothing. A folder that holds a checkpoint is continued.</summary>
    public RunFolder? Folder { get; init; }

    /// <summary>Called at the start and after every evaluation with the number of steps made, the module in evaluation mode and holding the weights that would be kept: draws pictures.</summary>
    public Action<long>? DrawSamples { get; init; }
}

/// <summary>How a run stands after a step.</summary>
public sealed record TrainingProgress
{
    /// <summary>Steps made.</summary>
    public required long Step { get; init; }

    /// <summary>Steps of the whole run, estimated where only the clock ends it.</summary>
    public required long TotalSteps { get; init; }

    /// <summary>The share of the run that is done, [0, 1].</summary>
    public required double Fraction { get; init; }

    /// <summary>Time spent, earlier parts of a resumed run included.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Time left, estimated.</summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>Examples learned from in a second, since this process started the run.</summary>
    public required double ExamplesPerSecond { get; init; }

    /// <summary>Loss, its parts, learning rate and gradient norm of this step.</summary>
    public required IReadOnlyDictionary<string, double> Values { get; init; }

    /// <summary>Mean loss and parts on held-out data, if this step was followed by an evaluation.</summary>
    public IReadOnlyDictionary<string, double>? Validation { get; init; }
}

/// <summary>Why a run ended.</summary>
public enum TrainingEnd
{
    /// <summary>The steps, epochs or minutes are done.</summary>
    Finished,

    /// <summary>The held-out loss has not improved for long enough.</summary>
    NoImprovement,

    /// <summary>The caller asked for it; the run can be continued.</summary>
    Cancelled,
}

/// <summary>How a run ended.</summary>
/// <param name="End">Why.</param>
/// <param name="Steps">Steps made in all.</param>
/// <param name="Elapsed">Time spent in all.</param>
/// <param name="Training">Mean values of the last steps.</param>
/// <param name="Validation">Values of the last evaluation; <see langword="null"/> without one.</param>
/// <param name="BestStep">Steps made when the held-out loss was lowest; <see langword="null"/> without an evaluation.</param>
/// <param name="BestLoss">The lowest held-out loss.</param>
public sealed record TrainingResult(
    TrainingEnd End, long Steps, TimeSpan Elapsed, IReadOnlyDictionary<string, double> Training, IReadOnlyDictionary<string, double>? Validation, long? BestStep, double? BestLoss);

/// <summary>A loss or a gradient is not a number any more. The last good checkpoint is as it was.</summary>
public sealed class TrainingDivergedException : ImagoException
{
    internal TrainingDivergedException(long step, string what, string? checkpoint)
        : base($"Training diverged at step {step}: {what}. "
            + (checkpoint is null ? "Nothing was kept." : $"The last good checkpoint is {checkpoint}.")
            + " Lower the learning rate, clip gradients more, or compute in fp32.") => Step = step;

    /// <summary>The step that failed: so many steps had been made before.</summary>
    public long Step { get; }
}
