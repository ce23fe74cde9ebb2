using System.Reflection;
using System.Text.Json.Serialization;
using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DiffusionObjectivesTests
{
    private static readonly NoiseProcess Process = VariancePreserving.StableDiffusion;

    private static readonly NoiseLevels Levels = new([Process.At(10), Process.At(500), Process.At(999), new RectifiedFlow().At(700)]);

    public static TheoryData<string> Weightings => [.. Kinds(typeof(LossWeighting))];

    /// <summary>All but the plain error of whatever is predicted.</summary>
    public static TheoryData<string> Convertible => [.. Kinds(typeof(LossWeighting)).Where(kind => kind != "simple")];

    public static TheoryData<Prediction> Predictions => [.. Enum.GetValues<Prediction>()];

    private static IEnumerable<string> Kinds(Type family) => family.GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => (string)derived.TypeDiscriminator!);

    private static LossWeighting Weighting(string kind) =>
        (LossWeighting)Activator.CreateInstance(typeof(LossWeighting).GetCustomAttributes<JsonDerivedTypeAttribute>().Single(derived => kind.Equals(derived.TypeDiscriminator)).DerivedType)!;

    [Theory, MemberData(nameof(Predictions))]
    public void Loss_OfANetworkThatKnowsTheImage_IsZero(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        var (x0, draw) = Batch();
        var loss = DiffusionObjectives.Loss(new() { Prediction = prediction }, Process, (x, _) => Answer(prediction, x, x0), x0, draw);
        Assert.Equal(0, loss.PerImage.max().item<double>(), 1e-24);
    }

    [Theory, MemberData(nameof(Convertible))]
    public void Weight_OfAnEstimateOfTheImage_IsTheSameLossWhateverIsPredicted(string kind)
    {
        using var scope = NewDisposeScope();
        var (x0, draw) = Batch();
        var estimate = x0 + 0.1 * randn_like(x0);
        var losses = Enum.GetValues<Prediction>().Where(prediction => !(kind == "debiased" && prediction == Prediction.Velocity)).Select(prediction =>
            DiffusionObjectives.Loss(new() { Prediction = prediction, Weighting = Weighting(kind) }, Process, (x, _) => Answer(prediction, x, estimate), x0, draw).PerImage).ToList();
        Assert.All(losses, loss => Assert.True(loss.allclose(losses[0], 1e-10)));
    }

    /// <summary>Data N(0, s²): the best linear network is known, whatever it predicts and however levels are weighted; there the gradient of the loss is 0.</summary>
    [Theory, MemberData(nameof(Predictions))]
    public void Loss_AtTheExactDenoiserOfGaussianData_HasNoSlope(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(11);
        const double s2 = 0.49;
        const int images = 20_000;
        var x0 = Math.Sqrt(s2) * randn([images, 1, 1, 1], dtype: float64, generator: generator);
        var levels = NoiseLevels.Same(Process.At(300), images);
        var (alpha, sigma) = (levels.Items[0].Alpha, levels.Items[0].Sigma);
        var epsilon = randn([images, 1, 1, 1], dtype: float64, generator: generator);
        var factors = ones([images, 1, 1, 1], float64).requires_grad_();                                 // one an image, for the standard error of their mean
        Tensor Network(Tensor x, Tensor time)
        {
            var exact = alpha * s2 / (alpha * alpha * s2 + sigma * sigma) * x;
            return factors * prediction.Of(exact, (x - alpha * exact) / sigma, alpha, sigma);
        }
        var loss = DiffusionObjectives.Loss(new() { Prediction = prediction }, Process, Network, x0, new DiffusionDraw(levels, epsilon, epsilon));
        var slopes = autograd.grad([loss.PerImage.sum()], [factors])[0];
        Assert.InRange(slopes.mean().item<double>() * Math.Sqrt(images) / slopes.std().item<double>(), -5, 5);
    }

    [Fact]
    public void Preconditioned_OfANetworkThatSaysZero_IsTheShareOfTheImageThatIsKnown()
    {
        using var scope = NewDisposeScope();
        var x = randn([1, 1, 4, 4], dtype: float64);
        foreach (var level in new[] { new VarianceExploding().AtRatio(0.7), Process.AtRatio(0.7) })       // the same estimate in either scale
        {
            var estimate = DiffusionObjectives.Preconditioned((input, _) => zeros_like(input), level.Alpha * x, NoiseLevels.Same(level, 1), 0.5);
            Assert.True(estimate.allclose(0.25 / (0.49 + 0.25) * x));
        }
    }

    [Fact]
    public void Loss_InAScope_LeavesNothingBehind()
    {
        using var generator = new Generator(12);
        var config = new DiffusionObjectiveConfig { OffsetNoise = 0.1, InputPerturbation = 0.1, DreamPower = 1 };
        var x0 = zeros(2, 1, 4, 4);
        using (x0)
        {
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (NewDisposeScope()) DiffusionObjectives.Loss(config, Process, (x, _) => 0.5 * x, x0, generator);
            Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void EdmWeighting_OnThePreconditionedOutput_IsOne()
    {
        var (sigma, data) = (0.7, 0.5);
        var cOut = sigma * data / Math.Sqrt(sigma * sigma + data * data);       // Karras et al. 2022, Table 1
        Assert.Equal(1, new EdmWeighting { SigmaData = data }.Weight(new(1, sigma, 0), Prediction.Sample) * cOut * cOut, 1e-14);
    }

    [Fact]
    public void OffsetNoise_MovesTheMeanOfAChannelByItsStrength()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var draw = DiffusionObjectives.Draw(new() { OffsetNoise = 0.5 }, Process, zeros(2000, 2, 8, 8), generator);
        var variance = draw.Epsilon.mean([2, 3]).square().mean().item<float>();
        var expected = 0.25 + 1.0 / 64;
        Assert.InRange(variance / expected, 1 - 5 * Math.Sqrt(2.0 / 4000), 1 + 5 * Math.Sqrt(2.0 / 4000));
    }

    [Fact]
    public void InputPerturbation_IsSeenAndNotAskedFor()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var x0 = zeros(500, 1, 8, 8);
        var draw = DiffusionObjectives.Draw(new() { InputPerturbation = 0.1 }, Process, x0, generator);
        Assert.Equal(1, draw.Epsilon.std().item<float>(), 0.03);
        Assert.Equal(0.1, (draw.Input - draw.Epsilon).std().item<float>(), 0.003);
        Assert.Equal(0, DiffusionObjectives.Loss(new(), Process, (_, _) => draw.Epsilon.alias(), x0, draw).PerImage.max().item<float>());
    }

    [Fact]
    public void Dream_OfANetworkThatKnowsTheNoise_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        var (x0, draw) = Batch();
        var x = Levels.Noisy(x0, draw.Epsilon);
        var (dreamt, target) = DiffusionObjectives.Dream((_, _) => draw.Epsilon.alias(), x, Levels.Times(), draw.Epsilon, Levels, 1);
        Assert.True(dreamt.equal(x).all().item<bool>() && target.equal(draw.Epsilon).all().item<bool>());
    }

    [Fact]
    public void Draw_FromTheSameSeed_IsTheSame()
    {
        using var scope = NewDisposeScope();
        using Generator first = new(5), second = new(5);
        var x0 = zeros(4, 1, 4, 4);
        var config = new DiffusionObjectiveConfig { OffsetNoise = 0.1, InputPerturbation = 0.1 };
        var (a, b) = (DiffusionObjectives.Draw(config, Process, x0, first), DiffusionObjectives.Draw(config, Process, x0, second));
        Assert.Equal(a.Levels.Items, b.Levels.Items);
        Assert.True(a.Input.equal(b.Input).all().item<bool>());
    }

    [Theory, MemberData(nameof(Weightings))]
    public void Config_WrittenAsJson_IsReadBack(string kind)
    {
        var config = new DiffusionObjectiveConfig { Prediction = Prediction.Velocity, Weighting = Weighting(kind), Times = new LogitNormalTimes { Mean = 0.5 }, OffsetNoise = 0.05 };
        Assert.Equal(config, DiffusionObjectiveConfig.Parse(ConfigJson.Write(config)));
    }

    [Fact]
    public void Config_WithAStrengthBelowZero_IsRefusedByName() =>
        Assert.Equal("offset_noise", Assert.Throws<ArgumentException>(() => new DiffusionObjectiveConfig { OffsetNoise = -1 }.Validate()).ParamName);

    private static (Tensor X0, DiffusionDraw Draw) Batch()
    {
        using var generator = new Generator(3);
        Tensor Normal() => randn([4, 2, 3, 3], dtype: float64, generator: generator);
        var (x0, epsilon) = (Normal(), Normal());
        return (x0, new DiffusionDraw(Levels, epsilon, epsilon));
    }

    /// <summary>What a network that believes in an image would answer.</summary>
    private static Tensor Answer(Prediction prediction, Tensor x, Tensor x0) =>
        prediction.Of(x0, (x - Levels.Alpha(x) * x0) / Levels.Sigma(x), Levels.Alpha(x), Levels.Sigma(x));
}
