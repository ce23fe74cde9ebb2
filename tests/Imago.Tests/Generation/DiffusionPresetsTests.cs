using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Training;
using Imago.Models;

namespace Imago.Tests;

public class DiffusionPresetsTests
{
    [Theory]
    [InlineData("flow", Prediction.Flow, typeof(FlowProcessConfig))]
    [InlineData("sample", Prediction.Sample, typeof(FlowProcessConfig))]
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

    [Theory]
    [InlineData(NetworkKind.DiT, "class", "DiTTransformer2DModel")]
    [InlineData(NetworkKind.DiT, "attributes", "DiTTransformer2DModel")]
    [InlineData(NetworkKind.DiT, "none", "DiTTransformer2DModel")]
    [InlineData(NetworkKind.MMDiT, "text", "SD3Transformer2DModel")]
    public void Run_OfATransformer_TrainsOnPixels_AndDrawsFromItsFolder(NetworkKind kind, string condition, string className)
    {
        using var folder = new TemporaryFolder();
        var config = DiffusionPresets.Run(new RunDataConfig { Source = "tiny", BatchSize = 8 }, TinyDiffusion.Splits, minutes: 0.01, condition, kind: kind);
        config = config with { Training = config.Training with { Steps = 3, Minutes = null } };
        var run = RunFolder.Create(folder.File("run"), config);
        using (var training = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, run)) Assert.Equal(3, training.Run(run).Steps);
        Assert.Contains(className, File.ReadAllText(Path.Combine(run.Path, "model", "network", "config.json")), StringComparison.Ordinal);
        using var model = DiffusionFiles.Load(Path.Combine(run.Path, "model"));
        var wish = condition switch { "class" => new Condition { ClassName = "dark" }, "text" => new Condition { Caption = "a dark picture" }, "none" => Condition.None, _ => new Condition { Attributes = new Dictionary<string, double> { ["kind"] = 1 } } };
        Assert.Equal(2, ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(wish, 2), Steps = 2 }).Count);
    }

    [Fact]
    public void Conditioner_OfAnMMDiTWithoutText_SaysWhatToChoose() =>
        Assert.Contains("--network dit", Assert.Throws<ArgumentException>(() => DiffusionPresets.Conditioner("class", TinyDiffusion.Splits.Train, 128, NetworkKind.MMDiT)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(28, 14)]
    [InlineData(64, 16)]
    [InlineData(8, 8)]
    [InlineData(45, 15)]
    public void Transformer_HasAtMostSixteenPatchesASide(int side, int patches)
    {
        var network = DiffusionPresets.Transformer(new NetworkTask(1, side, new ConditionerConfig()), 128);
        network.Validate();
        Assert.Equal(patches, side / network.PatchSize);
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
