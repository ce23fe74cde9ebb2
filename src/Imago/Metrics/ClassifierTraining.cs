using Imago.Data;
using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>Trains a classifier on a labelled set: the judge of what generative models draw, apart from them.</summary>
public static class ClassifierTraining
{
    private const int SmallestMap = 4, MostHalvings = 4, MostWidth = 128;

    /// <summary>Settings that do for small pictures: the rate falls along a cosine, the moving average is kept.</summary>
    public static TrainingOptions Options(long steps, Precision precision) => new()
    {
        Steps = steps, Precision = precision, Ema = new EmaOptions { Decay = 0.99 }, MaxGradientNorm = 1,
        Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = Math.Min(100, steps / 10) },
    };

    /// <summary>A network for square pictures: halved as often as the side allows, down to at least 4 positions a side.</summary>
    /// <exception cref="ArgumentException">The side is odd.</exception>
    public static ImageClassifierConfig ConfigFor(int channels, int side, int classes)
    {
        var halvings = 0;
        while (halvings < MostHalvings && side % (2 << halvings) == 0 && side >> (halvings + 1) >= SmallestMap) halvings++;
        if (halvings == 0) throw new ArgumentException($"A classifier halves its pictures, which cannot be done with a side of {side}; choose an even size of at least {2 * SmallestMap}.", nameof(side));
        var first = halvings > 2 ? 32 : 64;
        return new ImageClassifierConfig { Channels = channels, Size = side, Outputs = classes, Widths = [.. Enumerable.Range(0, halvings).Select(level => Math.Min(MostWidth, first << level))], Hidden = 128, Dropout = 0.5 };
    }

    /// <summary>Trains a classifier by the cross-entropy of its labels.</summary>
    /// <param name="config">The network; one output a class.</param>
    /// <param name="data">Labelled pictures; those without a label are passed over.</param>
    /// <param name="options">How long, and how.</param>
    /// <param name="seed">Seed of the first weights.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Ends the training after the step at hand.</param>
    /// <returns>The classifier in evaluation mode; the caller owns it.</returns>
    public static ImageClassifier Run(ImageClassifierConfig config, IBatches<ImageBatch> data, TrainingOptions options, long seed = 0, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(config, Clean, data, options, seed, progress, cancellationToken);

    /// <summary>Trains a classifier on noisy pictures, every level of <see cref="NoisyClassifier.Process"/> alike, which it is told. The configuration has <see cref="NoisyClassifier.LevelChannels"/> channels more than the pictures.</summary>
    /// <inheritdoc cref="Run(ImageClassifierConfig, IBatches{ImageBatch}, TrainingOptions, long, IProgress{TrainingProgress}, CancellationToken)"/>
    /// <returns>The network, for a <see cref="NoisyClassifier"/>; the caller owns it.</returns>
    public static ImageClassifier RunNoisy(ImageClassifierConfig config, IBatches<ImageBatch> data, TrainingOptions options, long seed = 0, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(config, Noisy, data, options, seed, progress, cancellationToken);

    private static Tensor Clean(ImageBatch batch, StepContext step) => batch.ToFloat(PixelRange.ZeroToOne);

    private static Tensor Noisy(ImageBatch batch, StepContext step)
    {
        var x0 = batch.ToFloat(PixelRange.MinusOneToOne);
        var levels = new UniformTimes().Levels(NoisyClassifier.Process, TimeDensity.Uniform(batch.Count, isStratified: true, step.Noise));
        return NoisyClassifier.Input(levels.Noisy(x0, step.Normal(x0.shape)), levels);
    }

    private static ImageClassifier Run(
        ImageClassifierConfig config, Func<ImageBatch, StepContext, Tensor> see, IBatches<ImageBatch> data, TrainingOptions options, long seed, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        const int Unlabelled = -1;
        var classifier = config.Create(seed);
        try
        {
            Trainer.Run(new TrainingJob<ImageBatch>
            {
                Players = [new("classifier", classifier, Loss, new AdamWConfig { LearningRate = 2e-3, WeightDecay = 0.05 })],
                Data = data,
                Options = options,
            }, progress, cancellationToken);
            classifier.eval();
            return classifier;
        }
        catch
        {
            classifier.Dispose();
            throw;
        }

        LossTerms Loss(ImageBatch batch, StepContext step) =>
            new(nn.functional.cross_entropy(classifier.call(see(batch, step).to(step.ComputeType)), NoisyClassifier.LabelsOf(batch), ignore_index: Unlabelled), []);
    }
}
