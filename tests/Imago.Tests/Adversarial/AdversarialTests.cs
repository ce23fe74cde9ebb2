using Imago.Adversarial;
using Imago.Autoencoders;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class AdversarialTests
{
    private static readonly GanConfig Small = new() { Channels = 1, Height = 8, Width = 8, Latent = 4, Widths = [8, 8] };

    public static TheoryData<AdversarialGame> Games => [.. Enum.GetValues<AdversarialGame>()];

    [Fact]
    public void Relativistic_AtEqualScores_IsLog2ForBoth()
    {
        using var scope = NewDisposeScope();
        var scores = randn(5);
        Assert.Equal(Math.Log(2), AdversarialLosses.Discriminator(AdversarialGame.Relativistic, scores, scores).item<float>(), 1e-6);
        Assert.Equal(Math.Log(2), AdversarialLosses.Generator(AdversarialGame.Relativistic, scores, scores).item<float>(), 1e-6);
    }

    [Fact]
    public void Relativistic_GeneratorAndDiscriminator_SwapTheirRoles()
    {
        using var scope = NewDisposeScope();
        var (real, generated) = (randn(5), randn(5));
        Assert.Equal(
            AdversarialLosses.Discriminator(AdversarialGame.Relativistic, real, generated).item<float>(),
            AdversarialLosses.Generator(AdversarialGame.Relativistic, generated, real).item<float>());
    }

    [Fact]
    public void NonSaturating_IsTheCrossEntropyOfTheDiscriminator()
    {
        using var scope = NewDisposeScope();
        var (real, generated) = (tensor(new[] { 0.3f, -2 }), tensor(new[] { 1.5f, 0.1f }));
        var expected = -real.sigmoid().log().mean() - (1 - generated.sigmoid()).log().mean();
        Assert.Equal(expected.item<float>(), AdversarialLosses.Discriminator(AdversarialGame.NonSaturating, real, generated).item<float>(), 1e-6);
        Assert.Equal((-generated.sigmoid().log().mean()).item<float>(), AdversarialLosses.Generator(AdversarialGame.NonSaturating, real, generated).item<float>(), 1e-6);
    }

    [Fact]
    public void GradientPenalty_OfALinearScore_IsTheSquaredLengthOfItsWeights()
    {
        using var scope = NewDisposeScope();
        var w = randn(1, 3, 2, 2);
        var x = randn([6, 3, 2, 2], requires_grad: true);
        Assert.Equal(w.square().sum().item<float>(), AdversarialLosses.GradientPenalty(x, (w * x).flatten(1).sum(1)).item<float>(), 1e-5);
    }

    [Fact]
    public void GradientPenalty_OfTheDiscriminator_IsDifferentiable_AsFiniteDifferencesSay()
    {
        using var scope = NewDisposeScope();
        using var discriminator = Small.CreateDiscriminator(1);
        var x = randn([2, 1, 8, 8], requires_grad: true);
        Tensor Penalty() => AdversarialLosses.GradientPenalty(x, discriminator.call(x));
        var parameter = discriminator.named_parameters().First(entry => entry.name == "score.weight").parameter;
        Penalty().backward();    // leaky ReLUs have kinks, which only the last layer does not move
        var direction = randn_like(parameter);
        var slope = (parameter.grad! * direction).sum().item<float>();
        float At(double h)
        {
            using (no_grad()) parameter.add_(h * direction);
            var value = Penalty().item<float>();
            using (no_grad()) parameter.sub_(h * direction);
            return value;
        }

        const double Step = 1e-3;
        Assert.Equal((At(Step) - At(-Step)) / (2 * Step), slope, 0.02 * Math.Abs(slope) + 1e-4);
    }

    [Theory]
    [MemberData(nameof(Games))]
    public void Training_LearnsTheBrightness_AndGoesOnBitForBit(AdversarialGame game)
    {
        using var folder = new TemporaryFolder();
        GanRunConfig Config(int steps) => new()
        {
            Data = new RunDataConfig { Source = "tiny", BatchSize = 8 }, Network = Small, Objective = new AdversarialObjective { Game = game, PenalizeGenerated = game == AdversarialGame.Relativistic },
            Training = new TrainingOptions { Steps = steps, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Constant }, CheckpointEverySteps = 2 },
        };

        using var whole = new GanTraining(Config(6), TinyDiffusion.Splits);
        var result = whole.Run(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(6, result.Steps);
        Assert.Contains("discriminator.r1", result.Training.Keys);

        var run = RunFolder.Create(folder.File("run"), Config(6));
        using (var half = new GanTraining(Config(4), TinyDiffusion.Splits)) half.Run(run, cancellationToken: TestContext.Current.CancellationToken);
        using var rest = new GanTraining(Config(6), TinyDiffusion.Splits);
        rest.Run(run, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(GanFiles.IsRun(run.Path));
        using var loaded = GanFiles.Load(run.Path);
        Assert.Equal(Pixels(whole.Model), Pixels(rest.Model));
        Assert.Equal(Pixels(whole.Model), Pixels(loaded));
    }

    [Fact]
    public void Relativistic_OnOneNumber_FindsTheDataMean()
    {
        // Pictures of 4×4 equal pixels N(0.5, 0.1²): the generator's mean must come there.
        using var scope = NewDisposeScope();
        using var generator = nn.Linear(1, 16);
        using var discriminator = nn.Sequential(nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0));
        var players = AdversarialPlay.Players<Numbers>(
            new AdversarialObjective { Gamma = 0.1 }, generator, discriminator,
            (batch, step) => (0.5 + 0.1 * step.Normal([64, 1]).expand(64, 16), generator.call(step.Normal([64, 1]))), new AdamConfig { LearningRate = 2e-2, Beta1 = 0, Beta2 = 0.99 });
        Trainer.Run(new TrainingJob<Numbers> { Players = players, Data = new Nothing(), Options = new TrainingOptions { Steps = 400, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine } } },
            cancellationToken: TestContext.Current.CancellationToken);
        using var noGrad = no_grad();
        Assert.Equal(0.5, generator.call(zeros(1, 1)).mean().item<float>(), 0.1);
    }

    private static byte[] Pixels(Gan gan)
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(3);
        return (255 * gan.Sample(4, noise)).round().to(uint8).data<byte>().ToArray();
    }

    private sealed class Numbers : Imago.Data.IBatch
    {
        public int Count => 64;

        public void Dispose()
        {
        }
    }

    private sealed class Nothing : Imago.Data.IBatches<Numbers>
    {
        public int BatchesPerEpoch => 100;

        public IEnumerable<Numbers> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) => Enumerable.Range(firstBatch, 100 - firstBatch).Select(_ => new Numbers());
    }
}
