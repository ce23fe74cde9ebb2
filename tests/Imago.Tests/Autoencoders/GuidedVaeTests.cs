using Imago.Autoencoders;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class GuidedVaeTests
{
    private static readonly ObjectiveConfig Config = new() { Name = GuidedVae.Name, Attribute = "bright" };

    private static Tensor Images => rand([6, 1, 16, 16], generator: new Generator(2));

    private static ObjectiveContext At => new(0, 100, 1000, new Generator(3));

    private static Autoencoder Model(bool variational = true) =>
        new MlpConfig { Channels = 1, Height = 16, Width = 16, Hidden = [10], Latent = 3, Variational = variational }.Create(1);

    private static double Part(LossTerms terms, string name) => terms.Parts.First(part => part.Name == name).Value.item<float>();

    [Fact]
    public void Loss_OfUnknownLabels_IsThatOfAVae()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var guided = new GuidedVae(Config, model);
        var unknown = full([6], float.NaN);
        var vae = Objectives.Create(new ObjectiveConfig())(model, Images, At);
        Assert.Equal(vae.Loss.item<float>(), guided.Loss(model, Images, unknown, At).Loss.item<float>(), 1e-4 * vae.Loss.item<float>());
        Assert.Equal(0, guided.JudgeLoss(model, Images, unknown, At).Loss.item<float>());
    }

    [Fact]
    public void Kl_IsToThePriorOfTheLabel()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var guided = new GuidedVae(Config, model);
        var posterior = model.Encode(Images);
        var plain = posterior.Kl().mean().item<float>();
        var mean = posterior.Mean.select(1, 0).mean().item<float>();
        double Kl(float label) => Part(guided.Loss(model, Images, full([6], label), At), "kl");
        double Expected(double m) => plain - m * mean + m * m / 2;              // ½(μ − m)² = ½μ² − mμ + ½m²
        Assert.Equal(Expected(GuidedVae.Margin), Kl(1), 1e-3);
        Assert.Equal(Expected(-GuidedVae.Margin), Kl(0), 1e-3);
    }

    [Fact]
    public void Losses_TeachTheirOwnNetwork()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var guided = new GuidedVae(Config, model);
        var labels = tensor(new float[] { 0, 1, 0, 1, 0, 1 });
        guided.JudgeLoss(model, Images, labels, At).Loss.backward();
        Assert.All(guided.Judge.named_parameters(), entry => Assert.True(entry.parameter.grad!.abs().max().item<float>() > 0, entry.name));
        Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
        guided.Loss(model, Images, labels, At).Loss.backward();
        Assert.All(model.named_parameters(), entry => Assert.True(entry.parameter.grad!.abs().max().item<float>() > 0, entry.name));
    }

    [Fact]
    public void Training_LetsTheFirstLatentTellTheLabel()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var guided = new GuidedVae(Config, model);
        using var optimizer = optim.Adam(model.parameters(), 1e-2);
        var labels = arange(6).remainder(2).to(float32);
        var images = Images * 0.5 + labels.view(6, 1, 1, 1) * 0.5;
        for (var step = 0; step < 100; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            guided.Loss(model, images, labels, At).Loss.backward();
            optimizer.step();
        }
        var first = model.Encode(images).Mean.select(1, 0);
        Assert.All(Enumerable.Range(0, 6), i => Assert.Equal(i % 2 == 1, first[i].item<float>() > 0));
    }

    [Fact]
    public void Networks_ThatCannotBeGuided_AreRefused()
    {
        using var point = Model(variational: false);
        Assert.Contains("variational", Assert.Throws<ArgumentException>(() => { new GuidedVae(Config, point); }).Message, StringComparison.Ordinal);
        using var maps = new TinyConfig().Create();
        Assert.Throws<ArgumentException>(() => { new GuidedVae(Config, maps); });
        Assert.Contains("attribute", Assert.Throws<ArgumentException>(() => (Config with { Attribute = null }).Validate()).Message, StringComparison.Ordinal);
    }
}
