using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Training;

namespace Imago.Generation;

/// <content>Whole runs when nothing but data and time is chosen.</content>
public static partial class DiffusionPresets
{
    /// <summary>Pictures in a batch.</summary>
    public const int BatchSize = 128;

    /// <summary>Steps over which the learning rate rises.</summary>
    private const int WarmupSteps = 50;

    /// <summary>How weights change.</summary>
    public static AdamWConfig Optimizer { get; } = new() { LearningRate = 1e-3, WeightDecay = 0.01, Beta2 = 0.99 };

    /// <summary>How a run is trained: the rate falls along a cosine, gradients are clipped to norm 1, a moving average is kept.</summary>
    /// <param name="minutes">For how long.</param>
    public static TrainingOptions Training(double minutes) => new()
    {
        Minutes = minutes, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = WarmupSteps }, MaxGradientNorm = 1, Ema = new EmaOptions { Decay = 0.999 },
        Precision = BestPrecision, EvaluationBatches = 8,
    };

    /// <summary>What a network is trained for, by what it predicts.</summary>
    /// <param name="prediction"><c>flow</c>, <c>epsilon</c>, <c>velocity</c> or <c>sample</c>.</param>
    /// <exception cref="ArgumentException">There is no such prediction.</exception>
    public static DiffusionObjectiveConfig ObjectiveOf(string prediction) => prediction switch
    {
        "flow" => Objective,
        "epsilon" => new DiffusionObjectiveConfig { Prediction = Prediction.Epsilon },
        "velocity" => new DiffusionObjectiveConfig { Prediction = Prediction.Velocity, Weighting = new MinSnrWeighting() },
        "sample" => Objective with { Prediction = Prediction.Sample, Weighting = new FlowWeighting() },
        _ => throw new ArgumentException($"There is no prediction '{prediction}'; it must be flow, epsilon, velocity or sample.", nameof(prediction)),
    };

    /// <summary>The process that suits a prediction: rectified flow for the flow and the sample, else variance preserving with the cosine schedule.</summary>
    /// <param name="prediction">What the network predicts.</param>
    public static ProcessConfig ProcessOf(Prediction prediction) => prediction is Prediction.Flow or Prediction.Sample ? new FlowProcessConfig() : new VariancePreservingConfig();

    /// <summary>What a model that is trained on is trained for: what it predicts, by the usual objective of that on the model's process.</summary>
    /// <param name="model">The model.</param>
    public static DiffusionObjectiveConfig ObjectiveOf(DiffusionModelConfig model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var isFlow = model.Process.Create() is RectifiedFlow;
        return model.Prediction switch
        {
            Prediction.Sample when !isFlow => new DiffusionObjectiveConfig { Prediction = Prediction.Sample, Weighting = new MinSnrWeighting() },
            Prediction.Epsilon when isFlow => Objective with { Prediction = Prediction.Epsilon },
            _ => ObjectiveOf(model.Prediction.ToString().ToLowerInvariant()),
        };
    }

    /// <summary>What is drawn for pictures of a shape.</summary>
    /// <param name="shape">The pictures.</param>
    /// <param name="autoencoder">The autoencoder whose latents are drawn; null for pixels.</param>
    /// <param name="patch">Side of the patches of pixels; null for one that suits.</param>
    /// <param name="kind">What the network is; transformers cut into patches themselves.</param>
    /// <returns>Channels and longer side of what is drawn, and the patch. A latent of D numbers counts as D channels of a single position.</returns>
    /// <exception cref="ImagoException">The autoencoder cannot be loaded.</exception>
    public static (int Channels, int Side, int Patch) Drawn(ImageShape shape, string? autoencoder = null, int? patch = null, NetworkKind? kind = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var longer = Math.Max(shape.Height, shape.Width);
        if (autoencoder is null)
        {
            var side = patch ?? (kind is NetworkKind.DiT or NetworkKind.MMDiT ? 1 : PatchOf(longer));
            return (shape.Channels * side * side, longer / side, side);
        }
        using var model = AutoencoderFiles.Load(autoencoder);
        var latents = LatentCodec.ShapeOf(model, shape.Height, shape.Width);
        return ((int)latents[0], (int)Math.Max(latents[1], latents[2]), patch ?? 1);
    }

    /// <summary>A run where only data, time, condition and prediction are chosen.</summary>
    /// <param name="data">The pictures.</param>
    /// <param name="splits">The same, opened.</param>
    /// <param name="minutes">For how long.</param>
    /// <param name="condition">As <see cref="Conditioner"/> takes it.</param>
    /// <param name="prediction">As <see cref="ObjectiveOf(string)"/> takes it; null for <see cref="PredictionFor"/>.</param>
    /// <param name="autoencoder">The autoencoder whose latents are drawn; null for pixels.</param>
    /// <param name="kind">What the network is; null for one that suits what is drawn.</param>
    public static DiffusionRunConfig Run(RunDataConfig data, DatasetSplits splits, double minutes, string condition, string? prediction = null, string? autoencoder = null, NetworkKind? kind = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(splits);
        var loader = data.TrainingBatches(splits);
        var (channels, side, patch) = Drawn(new ImageShape(loader.Channels, loader.Height, loader.Width), autoencoder, kind: kind);
        var chosen = kind ?? UsualKind(side);
        var width = WidthFor(side, minutes, data.BatchSize, chosen);
        var conditioner = Conditioner(condition, splits.Train, VectorWidth(width, side, chosen), chosen);
        var task = new NetworkTask(channels, side, conditioner) { IsPixels = autoencoder is null };
        var objective = ObjectiveOf(prediction ?? PredictionFor(chosen, task, width));
        return new DiffusionRunConfig
        {
            Data = data with { Channels = loader.Channels }, Autoencoder = autoencoder, Patch = patch, Conditioner = conditioner, Objective = objective, Network = Network(task, width, chosen),
            Process = ProcessOf(objective.Prediction), Optimizer = Optimizer, Training = Training(minutes),
        };
    }
}
