using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Metrics;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>A classifier that has learned to tell dark from bright in noise.</summary>
public sealed class NoisyJudge : IDisposable
{
    internal NoisyClassifier Classifier { get; } = Train();

    private static ClassifierConfig Config { get; } = new()
    {
        Name = "tiny", Network = ClassifierTraining.ConfigFor(1 + NoisyClassifier.LevelChannels, TinyDiffusion.Side, classes: 2), Classes = TinyDiffusion.Splits.Train.ClassNames, IsNoisy = true,
    };

    private static NoisyClassifier Train()
    {
        var data = new ImageLoader(TinyDiffusion.Splits.Train, new LoaderOptions { BatchSize = 8, DropLast = true });
        return new(ClassifierTraining.RunNoisy(Config.Network, data, ClassifierTraining.Options(steps: 80, Precision.Fp32), seed: 1), Config);
    }

    public void Dispose() => Classifier.Dispose();
}

public sealed class NoisyClassifierTests(NoisyJudge judge) : IClassFixture<NoisyJudge>, IDisposable
{
    private const int Bright = 1;
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    private NoisyClassifier Classifier => judge.Classifier;

    private static ImageLoader HeldOut => new(TinyDiffusion.Splits.Validation, new LoaderOptions { BatchSize = 5, Shuffle = false });

    private static Tensor Pictures(int count = 4) => randn([count, 1, TinyDiffusion.Side, TinyDiffusion.Side], generator: new Generator(3));

    private Tensor LogBright(Tensor x, NoiseLevel level) => Classifier.LogProbabilities(x, NoiseLevels.Same(level, x.shape[0])).select(1, Bright);

    /// <summary>(σ²/α) s ∇ₓ log p(bright|x), from a denoiser that answers 0.</summary>
    private Tensor Shift(Tensor x, NoiseLevel level, double scale)
    {
        using var model = TinyDiffusion.Model("none");
        return ClassifierGuidance.Towards(model, Classifier, Bright, scale)((z, _) => zeros_like(z))(x, level);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void Classifier_OfDarkAndBright_IsRightInNoise(double ratio) =>
        Assert.Equal(1, Classifier.Accuracy(HeldOut, NoisyClassifier.Process.AtRatio(ratio)));

    [Fact]
    public void Certainty_FallsWithNoise()
    {
        using var noGrad = no_grad();
        double Certainty(double ratio)
        {
            var levels = NoiseLevels.Same(NoisyClassifier.Process.AtRatio(ratio), 64);
            var x0 = full([64, 1, TinyDiffusion.Side, TinyDiffusion.Side], 0.6f);
            return Classifier.LogProbabilities(levels.Noisy(x0, randn(x0.shape, generator: new Generator(5))), levels).amax([1L]).exp().mean().item<float>();
        }
        Assert.InRange(Certainty(100), 0.5, Certainty(1));
    }

    [Fact]
    public void Probabilities_SumToOne_AndDependOnTheRatioOfTheLevelAlone()
    {
        using var noGrad = no_grad();
        var x = Pictures();
        var (level, scaled) = (new NoiseLevel(0.6, 0.8, double.NaN), new NoiseLevel(3 * 0.6, 3 * 0.8, 7));
        var one = Classifier.LogProbabilities(x, NoiseLevels.Same(level, 4));
        Assert.True(one.exp().sum(1).allclose(ones(4)));
        Assert.True(one.allclose(Classifier.LogProbabilities(3 * x, NoiseLevels.Same(scaled, 4)), 1e-4, 1e-4));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(3)]
    public void Guidance_PointsWhereTheClassIsLikelier_AndIsTheDerivative(double ratio)
    {
        const double H = 1e-2;
        using var noGrad = no_grad();
        var (x, level) = (Pictures(), new RectifiedFlow().AtRatio(ratio));
        var gradient = Shift(x, level, 1) * (level.Alpha / (level.Sigma * level.Sigma));
        var length = gradient.square().sum([1L, 2, 3], keepdim: true).sqrt();
        var direction = gradient / length;
        var slope = (LogBright(x + H * direction, level) - LogBright(x - H * direction, level)) / (2 * H);
        Assert.True(slope.gt(0).all().item<bool>());
        Assert.True(slope.allclose(length.flatten(), 0.05, 1e-3));
    }

    [Fact]
    public void Guidance_IsNoMoreThanPixelsCanDiffer_AndNoneInPureNoise()
    {
        using var noGrad = no_grad();
        var x = Pictures();
        foreach (var ratio in new[] { 0.1, 10, 1e4, 1e8 }) Assert.True(Shift(x, new RectifiedFlow().AtRatio(ratio), scale: 3).abs().max().item<float>() <= 3 * 2);
        Assert.Equal(0, Shift(x, new NoiseLevel(0, 1, 1), scale: 3).count_nonzero().item<long>());
    }

    [Fact]
    public void Guidance_LeavesNoTensors()
    {
        using var noGrad = no_grad();
        using var model = TinyDiffusion.Model("none");
        var (x, level) = (Pictures(), new RectifiedFlow().AtRatio(1));
        var guided = ClassifierGuidance.Towards(model, Classifier, Bright, 2)((z, _) => zeros_like(z));
        guided(x, level).Dispose();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) guided(x, level);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Guidance_OfAModelThatDrawsOtherPictures_IsRefused_AndSoIsAClassThatIsNone()
    {
        var larger = new ClassifierConfig { Name = "large", Network = ClassifierTraining.ConfigFor(3 + NoisyClassifier.LevelChannels, 16, 2), Classes = ["a", "b"], IsNoisy = true };
        using var classifier = new NoisyClassifier(larger.Network.Create(), larger);
        using var model = TinyDiffusion.Model("none");
        Assert.Contains("16×16", Assert.Throws<ArgumentException>(() => ClassifierGuidance.Towards(model, classifier, 0, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("a, b", Assert.Throws<ArgumentException>(() => classifier.ClassOf("c")).Message, StringComparison.Ordinal);
        Assert.Equal((1, 1), (classifier.ClassOf("B"), classifier.ClassOf("1")));
    }
}
