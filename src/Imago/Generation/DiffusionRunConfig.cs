using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation.Lora;
using Imago.Models;
using Imago.Training;

namespace Imago.Generation;

/// <summary>Everything that a run of a diffusion model depends on: the <c>config.json</c> of its folder.</summary>
public sealed record DiffusionRunConfig
{
    /// <summary>What is trained: always <c>diffusion</c>.</summary>
    public string Kind { get; init; } = "diffusion";

    /// <summary>The version of Imago that made the run.</summary>
    public string ImagoVersion { get; init; } = typeof(DiffusionRunConfig).Assembly.GetName().Version!.ToString(3);

    /// <summary>The pictures.</summary>
    public required RunDataConfig Data { get; init; }

    /// <summary>The autoencoder whose latents are drawn, as <see cref="AutoencoderFiles.Load"/> takes it; null to draw pixels. The run keeps a copy.</summary>
    public string? Autoencoder { get; init; }

    /// <summary>Side of the patches of pixels that are drawn.</summary>
    public int Patch { get; init; } = 1;

    /// <summary>The network.</summary>
    public required DenoiserConfig Network { get; init; }

    /// <summary>How pictures turn into noise.</summary>
    public ProcessConfig Process { get; init; } = new FlowProcessConfig();

    /// <summary>What the network is trained for.</summary>
    public DiffusionObjectiveConfig Objective { get; init; } = DiffusionPresets.Objective;

    /// <summary>What pictures can be asked for by.</summary>
    public ConditionerConfig Conditioner { get; init; } = new();

    /// <summary>A frozen text encoder whose tokens the network attends to: a folder with its files and its tokenizer's, or with <c>text_encoder/</c> and <c>tokenizer/</c>; null for none. The run keeps a copy.</summary>
    public string? TextEncoder { get; init; }

    /// <summary>Whether the insides of the network's blocks are computed again for the gradients instead of being kept: less memory, a third more time.</summary>
    public bool CheckpointBlocks { get; init; }

    /// <summary>How the model draws when nothing is chosen.</summary>
    public DrawingDefaults Drawing { get; init; } = new();

    /// <summary>How the weights change.</summary>
    public OptimizerConfig Optimizer { get; init; } = new AdamWConfig();

    /// <summary>How it is trained and for how long.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>A model or run whose weights are gone on from; null for fresh ones.</summary>
    public string? From { get; init; }

    /// <summary>Train low-rank changes of some layers of <see cref="From"/> alone, its own weights staying as they are; null to train all weights.</summary>
    public LoraConfig? Lora { get; init; }

    /// <summary>Seed of the first weights.</summary>
    public long Seed { get; init; }

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">The message names the value.</exception>
    public void Validate()
    {
        if (Kind != "diffusion") throw new CheckpointException($"This is the configuration of a run of kind {Kind}, not of a diffusion model.");
        if (Patch is < 1 or > 64) throw new ArgumentOutOfRangeException(nameof(Patch), Patch, "The side of a patch is between 1 and 64.");
        if (Patch > 1 && Autoencoder is not null) throw new ArgumentException("A model draws patches of pixels or an autoencoder's latents, not both.");
        if (Lora is not null && From is null) throw new ArgumentException("Low-rank changes are those of a trained model; say with --from which.");
        if (Lora is not null && Training.EmaSnapshots is not null) throw new ArgumentException("Averages of any length are for runs that train all weights, not low-rank changes; leave out --post-hoc-ema.");
        if (TextEncoder is not null && Conditioner.Conditions.Count > 0) throw new ArgumentException("A network that attends to a frozen text encoder's tokens has no other conditions.");
        if (CheckpointBlocks && Lora is not null) throw new ArgumentException("Blocks are checkpointed where all weights are trained; leave out --checkpoint-blocks, low-rank changes need little memory.");
        Lora?.Validate();
        Network.Validate();
        Objective.Validate();
        Conditioner.Validate();
        Optimizer.Validate();
        Training.Validate();
    }
}
