using Imago.Autoencoders;
using Imago.Models;
using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Laws of every objective of the catalogue.</summary>
public class ObjectiveTests
{
    public static TheoryData<string> Names => [.. Objectives.All.Keys];

    private static Autoencoder Model(bool variational = true) =>
        new MlpConfig { Channels = 1, Height = 4, Width = 4, Hidden = [10], Latent = 3, Variational = variational }.Create(1).to(float64);

    private static Tensor Images => rand([6, 1, 4, 4], float64, generator: new Generator(2));

    private static LossTerms Evaluate(Autoencoder model, ObjectiveConfig config, long step = 0, ScalarType compute = ScalarType.Float64) =>
        Objectives.Create(config)(model, Images, new ObjectiveContext(step, 100, 1000, new Generator(3), compute));

    private static double Part(LossTerms terms, string name) => terms.Parts.First(part => part.Name == name).Value.item<double>();

    private static ObjectiveConfig ConfigOf(string name) => new() { Name = name, Samples = 4, Bounds = 2, Beta = 0.5, Weight = 0.3 };

    [Theory]
    [MemberData(nameof(Names))]
    public void Loss_IsFiniteAndReachesEveryParameter(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Model(variational: name is not ("ae" or "rae" or "wae_mmd"));
        var terms = Evaluate(model, ConfigOf(name));
        Assert.True(terms.Loss.isfinite().item<bool>());
        Assert.Contains(terms.Parts, part => part.Name == "reconstruction");
        Assert.All(terms.Parts, part => Assert.False(part.Value.requires_grad));
        terms.Loss.backward();
        Assert.All(model.named_parameters(), entry => Assert.True(entry.parameter.grad is not null && entry.parameter.grad.abs().max().item<double>() > 0, entry.name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Loss_OfTheSameNoise_IsTheSame(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Model(variational: name is not ("ae" or "rae" or "wae_mmd"));
        Assert.Equal(Evaluate(model, ConfigOf(name)).Loss.item<double>(), Evaluate(model, ConfigOf(name)).Loss.item<double>());
    }

    [Fact]
    public void FactorVae_EachLoss_ReachesItsOwnNetwork()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var factor = new FactorVae(new ObjectiveConfig { Name = FactorVae.Name, Weight = 6 }, latents: 3, seed: 1, hidden: 8);
        factor.Discriminator.to(float64);
        var at = new ObjectiveContext(0, 100, 1000, new Generator(3), ScalarType.Float64);
        factor.DiscriminatorLoss(model, Images, at).Loss.backward();
        Assert.All(model.named_parameters(), entry => Assert.True(entry.parameter.grad is null, entry.name));
        Assert.All(factor.Discriminator.named_parameters(), entry => Assert.True(entry.parameter.grad!.abs().max().item<double>() > 0, entry.name));
        var terms = factor.Loss(model, Images, at);
        terms.Loss.backward();
        Assert.All(model.named_parameters(), entry => Assert.True(entry.parameter.grad!.abs().max().item<double>() > 0, entry.name));
        Assert.Equal(Part(terms, "reconstruction") + Part(terms, "kl") + 6 * Part(terms, "total_correlation"), terms.Loss.item<double>(), 1e-9);
    }

    [Fact]
    public void Vae_IsReconstructionPlusKl()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var terms = Evaluate(model, new ObjectiveConfig());
        Assert.Equal(Part(terms, "reconstruction") + Part(terms, "kl"), terms.Loss.item<double>(), 1e-10);
    }

    [Fact]
    public void Iwae_OfOneSample_IsTheSampledElbo()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var x = Images;
        var posterior = model.Encode(x);
        var z = posterior.Sample(randn(posterior.Mean.shape, float64, generator: new Generator(3)));
        var elbo = -(Reconstruction.Bernoulli(model.Decode(z), x) + posterior.LogDensity(z) - DiagonalGaussian.LogPrior(z)).mean();
        Assert.Equal(-elbo.item<double>(), Evaluate(model, new ObjectiveConfig { Name = "iwae" }).Loss.item<double>(), 1e-10);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(25, 4)]
    [InlineData(50, 16)]
    [InlineData(90, 16)]
    public void Iwae_WithGrowingSamples_IsIwaeOfSoManySamples(long step, int samples)
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var growing = Evaluate(model, new ObjectiveConfig { Name = "iwae", FirstSamples = 1, Samples = 16 }, step).Loss.item<double>();
        Assert.Equal(Evaluate(model, new ObjectiveConfig { Name = "iwae", Samples = samples }, step).Loss.item<double>(), growing, 1e-12);
    }

    [Fact]
    public void Iwae_WithGrowingSamples_IsEvaluatedWithAll()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        double LossOf(ObjectiveConfig config) => Objectives.Create(config)(model, Images, new ObjectiveContext(0, 100, 1000, new Generator(3), ScalarType.Float64, IsTraining: false)).Loss.item<double>();
        Assert.Equal(LossOf(new ObjectiveConfig { Name = "iwae", Samples = 16 }), LossOf(new ObjectiveConfig { Name = "iwae", FirstSamples = 1, Samples = 16 }), 1e-12);
    }

    [Fact]
    public void Ciwae_OfBetaOne_IsTheMeanOfTheWeights()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var config = new ObjectiveConfig { Samples = 5, Bounds = 1 };
        var iwae = Evaluate(model, config with { Name = "iwae" }).Loss.item<double>();
        var ciwae = Evaluate(model, config with { Name = "ciwae", Beta = 1 }).Loss.item<double>();
        var all = Evaluate(model, config with { Name = "miwae", Samples = 1, Bounds = 5 }).Loss.item<double>();
        Assert.Equal(all, ciwae, 1e-10);
        Assert.True(iwae <= ciwae);
    }

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(5, 0.25)]
    [InlineData(10, 0.5)]
    [InlineData(99, 0.5)]
    public void Warmup_RaisesTheWeightOfTheKlFromZero(long step, double beta)
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var terms = Evaluate(model, new ObjectiveConfig { Name = "beta_vae", Beta = 0.5, WarmupSteps = 10 }, step);
        Assert.Equal(Part(terms, "reconstruction") + beta * Part(terms, "kl"), terms.Loss.item<double>(), 1e-10);
    }

    [Fact]
    public void Capacity_IsTheDistanceOfTheKlFromIt()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var terms = Evaluate(model, new ObjectiveConfig { Capacity = 20, CapacitySteps = 10, Weight = 7 }, step: 5);
        Assert.Equal(Part(terms, "reconstruction") + 7 * Math.Abs(Part(terms, "kl") - 10), terms.Loss.item<double>(), 1e-9);
    }

    [Fact]
    public void FreeBits_AboveTheKl_LeaveNoGradientToTheVariance()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var terms = Evaluate(model, new ObjectiveConfig { FreeBits = 100 });
        Assert.Equal(Part(terms, "reconstruction") + 300, terms.Loss.item<double>(), 1e-9);
    }

    [Fact]
    public void Compute_InBfloat16_GivesNearlyTheSameLoss()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        model.to(float32);
        var exact = Evaluate(model, new ObjectiveConfig(), compute: ScalarType.Float32).Loss.item<double>();
        Assert.Equal(1, Evaluate(model, new ObjectiveConfig(), compute: ScalarType.BFloat16).Loss.item<double>() / exact, 0.01);
    }

    [Fact]
    public void BernoulliOfANetworkWithoutLogits_IsRefused()
    {
        using var model = new MlpConfig { Channels = 1, Height = 4, Width = 4, Hidden = [10], Latent = 3, Output = DecoderOutput.Mean }.Create();
        Assert.Contains("logits", Assert.Throws<ArgumentException>(() => Evaluate(model.to(float64), new ObjectiveConfig())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void VariationalObjectiveOfAPlainAutoencoder_IsRefused()
    {
        using var model = Model(variational: false);
        Assert.Contains("variational", Assert.Throws<ArgumentException>(() => Evaluate(model, new ObjectiveConfig())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Config_OutOfRange_NamesTheKey()
    {
        static string Message(ObjectiveConfig config) => Assert.Throws<ArgumentException>(config.Validate).Message;
        Assert.Contains("name is vea", Message(new ObjectiveConfig { Name = "vea" }), StringComparison.Ordinal);
        Assert.Contains("sigma is 0", Message(new ObjectiveConfig { Sigma = 0 }), StringComparison.Ordinal);
        Assert.Contains("samples is 0", Message(new ObjectiveConfig { Samples = 0 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Annealing_Cyclical_RisesFromZeroInEveryCycle()
    {
        Assert.Equal([0, 0.5, 1, 1, 0, 0.5, 1, 1], Enumerable.Range(0, 8).Select(t => Annealing.Cyclical(t, 8, 2)));
        Assert.Equal([0.25, 0.5, 1, 1], new[] { 1.0, 2, 4, 9 }.Select(t => Annealing.Linear(t, 4)));
        Assert.Equal(1, Annealing.Linear(0, 0));
    }

    [Fact]
    public void KerasBeta_ScalesThatLossToImagos()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var x = Images;
        var (posterior, output) = (model.Encode(x), model.Decode(model.Encode(x).Mean));
        var (numbers, latents) = (16, 3);
        var keras = nn.functional.binary_cross_entropy(output.sigmoid(), x)
            - 5e-4 * (1 + posterior.LogVar - posterior.Mean.square() - posterior.LogVar.exp()).mean();
        var imago = Reconstruction.Bernoulli(output, x).mean() + LossConventions.KerasBeta(5e-4, numbers, latents) * posterior.Kl().mean();
        Assert.Equal(imago.item<double>(), numbers * keras.item<double>(), 1e-9);
    }

    [Fact]
    public void PyTorchVaeBeta_ScalesThatLossToImagos()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var x = Images;
        var (posterior, output) = (model.Encode(x), model.Decode(model.Encode(x).Mean).sigmoid());
        var theirs = nn.functional.mse_loss(output, x) + 0.00025 * posterior.Kl().mean();
        var imago = 0.5 * Reconstruction.SquaredError(output, x).mean() + LossConventions.PyTorchVaeBeta(0.00025, 16) * posterior.Kl().mean();
        Assert.Equal(imago.item<double>(), 16 / 2.0 * theirs.item<double>(), 1e-9);
        Assert.Equal(1.536, LossConventions.PyTorchVaeBeta(0.00025, 3 * 64 * 64), 1e-12);
    }
}
