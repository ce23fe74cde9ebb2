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
