using Imago.Data;
using Imago.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

/// <summary>A run that takes milliseconds and yet has everything that must survive an interruption: dropout, batch statistics, noise, two players.</summary>
internal static class TinyRun
{
    internal sealed class Network : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first, _last;
        private readonly BatchNorm1d _norm;
        private readonly Dropout _dropout;

        internal Network()
            : base("network")
        {
            (_first, _norm, _dropout, _last) = (nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Dropout(0.25), nn.Linear(6, 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _last.forward(_dropout.forward(_norm.forward(_first.forward(x))));
    }

    internal sealed class Batch(Tensor x) : IBatch
    {
        internal Tensor X { get; } = x.DetachFromDisposeScope();

        public int Count => (int)X.shape[0];

        public void Dispose() => X.Dispose();
    }

    internal sealed class Batches(int seed, int batchesPerEpoch = 5, int size = 4) : IBatches<Batch>
    {
        public int BatchesPerEpoch => batchesPerEpoch;

        public IEnumerable<Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
        {
            for (int k = firstBatch; k < batchesPerEpoch; k++)
                yield return new Batch(randn([size, 3], generator: new Generator((ulong)(seed * 10000 + epoch * 100 + k))));
        }
    }

    internal static Network Create(int seed = 5)
    {
        manual_seed(seed);
        return new Network();
    }

    internal static TrainingOptions Options { get; } = new()
    {
        Steps = 24, Accumulation = 2, MaxGradientNorm = 1, Ema = new EmaOptions { Decay = 0.9 }, Seed = 3, LogEverySteps = 4, EvaluateEverySteps = 6,
        CheckpointEverySteps = 5, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = 3 },
    };

    internal static TrainingJob<Batch> Job(RunFolder? folder, TrainingOptions? options = null, Func<StepContext, double>? disturb = null)
    {
        var (network, critic) = (Create(), nn.Linear(1, 1));
        return new TrainingJob<Batch>
        {
            Players =
            [
                new("network", network, (batch, step) =>
                {
                    var noise = step.Normal(batch.X.shape);
                    var error = (network.forward(batch.X + 0.1 * noise) - batch.X.sum(1, keepdim: true)).square().mean();
                    return new LossTerms(error + (disturb?.Invoke(step) ?? 0), [("error", error)]);
                }, new AdamWConfig { LearningRate = 0.01 }),
                new("critic", critic, (batch, _) => new LossTerms((critic.forward(network.forward(batch.X).detach()) - 1).square().mean(), []),
                    new SgdConfig { LearningRate = 0.1, Momentum = 0.9 }),
            ],
            Data = new Batches(1),
            Validation = new Batches(2, batchesPerEpoch: 2),
            Options = options ?? Options,
            Folder = folder,
        };
    }

    internal static void Dispose(TrainingJob<Batch> job)
    {
        foreach (var player in job.Players) player.Module.Dispose();
    }
}
