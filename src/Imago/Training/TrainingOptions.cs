using TorchSharp;

namespace Imago.Training;

/// <summary>The type in which a network computes; parameters, gradients, losses and optimisers are float32 always.</summary>
public enum Precision
{
    /// <summary>32-bit floating point.</summary>
    Fp32,

    /// <summary>16-bit floating point with the exponents of float32.</summary>
    Bf16,
}

/// <summary>How a run trains and for how long, as it stands in its <c>config.json</c>.</summary>
public sealed record TrainingOptions
{
    /// <summary>Steps of the whole run; <see langword="null"/> for no such limit. The first of the three limits that is reached ends the run.</summary>
    public long? Steps { get; init; }

    /// <summary>Passes through the data.</summary>
    public double? Epochs { get; init; }

    /// <summary>Minutes of the clock, evaluations and earlier parts of a resumed run included. Falling schedules then follow the clock, so such a run is not repeatable to the bit.</summary>
    public double? Minutes { get; init; }

    /// <summary>Batches whose gradients are averaged for one step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>How the learning rate changes over the run.</summary>
    public LearningRateSchedule Schedule { get; init; } = new();

    /// <summary>The gradient's norm is clipped to this; <see langword="null"/> for no clipping.</summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>The moving average of the first player's weights, which is then what is evaluated and kept as the model; <see langword="null"/> for none.</summary>
    public EmaOptions? Ema { get; init; }

    /// <summary>What is stored so that the average can be of another length afterwards; <see langword="null"/> for nothing. A run without a folder stores nothing.</summary>
    public EmaSnapshotOptions? EmaSnapshots { get; init; }

    /// <summary>What networks compute in.</summary>
    public Precision Precision { get; init; }

    /// <summary>Seed of the noise. (The seeds of the weights and of the data's order belong to those.)</summary>
    public long Seed { get; init; }

    /// <summary>Steps between two lines of the log, each the mean over the steps since the line before.</summary>
    public int LogEverySteps { get; init; } = 10;

    /// <summary>Steps between two evaluations on held-out data; <see langword="null"/> for once an epoch, but no less than 50 and no more than 1000 steps.</summary>
    public int? EvaluateEverySteps { get; init; }

    /// <summary>An evaluation uses at most so many batches, always the same ones; <see langword="null"/> for all.</summary>
    public int? EvaluationBatches { get; init; } = 32;

    /// <summary>Steps between two checkpoints; <see langword="null"/> for every 30 seconds. Saving changes nothing in the run.</summary>
    public int? CheckpointEverySteps { get; init; }

    /// <summary>The run stops after so many evaluations in a row without a new best; <see langword="null"/> for never.</summary>
    public int? Patience { get; init; }

    /// <summary>Refuses settings that cannot work.</summary>
    /// <exception cref="ArgumentException">The message names the setting.</exception>
    public void Validate()
    {
        if (Steps is null && Epochs is null && Minutes is null) throw new ArgumentException("A run needs an end: set Steps, Epochs or Minutes.");
        foreach (var (name, value) in new (string, double?)[]
        {
            (nameof(Steps), Steps), (nameof(Epochs), Epochs), (nameof(Minutes), Minutes), (nameof(Accumulation), Accumulation), (nameof(MaxGradientNorm), MaxGradientNorm),
            (nameof(LogEverySteps), LogEverySteps), (nameof(EvaluateEverySteps), EvaluateEverySteps), (nameof(EvaluationBatches), EvaluationBatches),
            (nameof(CheckpointEverySteps), CheckpointEverySteps), (nameof(Patience), Patience),
        })
        {
            if (value is { } number && !(number > 0)) throw new ArgumentOutOfRangeException(name, number, $"{name} must be above 0.");
        }
        Ema?.Validate();
        EmaSnapshots?.Validate();
    }

    /// <summary>The tensor type of <see cref="Precision"/>.</summary>
    internal torch.ScalarType ComputeType => Precision == Precision.Bf16 ? torch.bfloat16 : torch.float32;
}
