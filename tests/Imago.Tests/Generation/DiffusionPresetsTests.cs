using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Models;

namespace Imago.Tests;

public class DiffusionPresetsTests
{
    [Theory]
    [InlineData("flow", Prediction.Flow, typeof(FlowProcessConfig))]
    [InlineData("epsilon", Prediction.Epsilon, typeof(VariancePreservingConfig))]
    [InlineData("velocity", Prediction.Velocity, typeof(VariancePreservingConfig))]
    public void Run_OfAPrediction_HasItsProcess_AndTrains(string name, Prediction prediction, Type process)
    {
        var config = DiffusionPresets.Run(new RunDataConfig { Source = "tiny", BatchSize = 8 }, TinyDiffusion.Splits, minutes: 1, "class", name);
        Assert.Equal(prediction, config.Objective.Prediction);
        Assert.IsType(process, config.Process);
        Assert.Equal(1, config.Data.Channels);
        using var training = DiffusionTraining.Prepare(config with { Training = config.Training with { Steps = 1 } }, TinyDiffusion.Splits);
        Assert.Equal(1, training.Run().Steps);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("class")]
    [InlineData("attributes")]
    [InlineData("text")]
    public void Run_OnLatentsWithoutAMap_TrainsUnderEveryCondition_AndDraws(string condition)
    {
        using var cache = new OwnCache();
        using var folder = new TemporaryFolder();
        var autoencoder = TinyDiffusion.SaveAutoencoder(new ConvConfig { Channels = 1, Height = 8, Width = 8, Widths = [4], Hidden = [], Latent = 5 }, folder.File("vae"));
        var config = DiffusionPresets.Run(new RunDataConfig { Source = "tiny", BatchSize = 8 }, TinyDiffusion.Splits, minutes: 0.1, condition, autoencoder: autoencoder);
        using var training = DiffusionTraining.Prepare(config with { Training = config.Training with { Steps = 2 } }, TinyDiffusion.Splits);
        Assert.Equal(2, training.Run().Steps);
        Assert.Equal([5L, 1, 1], training.Model.Shape);
        Assert.Equal(TinyDiffusion.Side, ImageGenerator.Generate(training.Model, new GenerationRequest { Steps = 2 })[0].Image.Width);
    }

    [Fact]
    public void Transformer_IsAsWideAsTheTimeAllows()
    {
        int Width(double minutes) => DiffusionPresets.WidthFor(1, minutes, batch: 128);
        Assert.True(Width(0.1) < Width(2) && Width(2) < Width(60));
    }

    [Fact]
    public void Objective_OfAnUnknownPrediction_NamesThePossibleOnes() =>
        Assert.Contains("velocity", Assert.Throws<ArgumentException>(() => DiffusionPresets.ObjectiveOf("noise")).Message, StringComparison.Ordinal);
}
