using Imago.Data;
using Imago.Metrics;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>
/// Teaches a text transformer what captions say, before a denoiser listens to it: a linear layer on its pooled vector tells the attributes of the picture that a caption was written of.
/// What a caption does not name cannot be told, so the vector holds just what is said.
/// </summary>
internal static class TextReading
{
    private const double Withheld = 0.1, LearningRate = 1e-3;

    /// <summary>Trains the transformer for its <see cref="TextConditionConfig.ReadingSteps"/>.</summary>
    /// <param name="text">What reads captions; its transformer changes.</param>
    /// <param name="attributes">What the data know of each picture.</param>
    /// <param name="data">Captions and attributes.</param>
    /// <param name="seed">Seed of the linear layer and of what is withheld.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="ArgumentException">The data have no attributes.</exception>
    internal static void Learn(TextCondition text, IReadOnlyList<ImageAttribute> attributes, IBatches<ExampleBatch> data, long seed, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        if (attributes.Count == 0) throw new ArgumentException("Captions are read by telling attributes from them, and the data set has no attributes; leave the reading steps out.");
        var outputs = new AttributeOutputs(attributes);
        using var head = Seeded.Build(seed, () => new Linear(text.Transformer.PooledWidth, outputs.Count));
        var reader = new Reader(text.Transformer, head);
        Train(true);
        var result = Trainer.Run(new TrainingJob<ExampleBatch>
        {
            Players = [new("reader", reader, Loss, new AdamWConfig { LearningRate = LearningRate })],
            Data = data,
            Options = new TrainingOptions { Steps = text.Config.ReadingSteps, Seed = seed, MaxGradientNorm = 1, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = (int)Math.Min(50, text.Config.ReadingSteps / 10) } },
        }, new StepsAsWork(progress, "steps of reading"), cancellation);
        Train(false);
        if (result.End == TrainingEnd.Cancelled) throw new OperationCanceledException(cancellation);

        LossTerms Loss(ExampleBatch batch, StepContext step)
        {
            var (ids, nothing) = (text.Read(batch.Known), rand(batch.Count, generator: step.Noise).lt(Withheld));
            var output = reader.forward(text.Withhold(ids, nothing.unsqueeze(1)).to(text.Transformer.parameters().First().device));
            return new LossTerms(outputs.Loss(output, batch.Known.Attributes!.to(output.device)), []);
        }

        void Train(bool learns)
        {
            foreach (var parameter in text.Transformer.parameters()) parameter.requires_grad_(learns);
        }
    }

    /// <summary>The transformer and a linear layer on its pooled vector, for the trainer. Both belong to others: it is never disposed.</summary>
    private sealed class Reader : nn.Module
    {
        private readonly TextTransformer transformer;
        private readonly Linear head;

        internal Reader(TextTransformer transformer, Linear head)
            : base(nameof(Reader))
        {
            (this.transformer, this.head) = (transformer, head);
            RegisterComponents();
        }

        internal Tensor forward(Tensor ids) => head.call(transformer.forward(ids, ScalarType.Float32).Pooled);
    }
}
