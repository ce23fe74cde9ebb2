using Imago.Autoencoders;
using Imago.Data;
using Imago.Generation;
using Imago.Images;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Runs of diffusion that take a second.</summary>
internal static class TinyDiffusion
{
    internal const int Side = 8;

    /// <summary>Forty pictures, class 0 dark and class 1 bright, with attributes and captions.</summary>
    internal static DatasetSplits Splits { get; } = new(Set(40, 0), Set(12, 100), Set(0, 0)) { Name = "tiny", Description = "dark and bright" };

    internal static DiffusionRunConfig Config(string condition = "class", int steps = 6) => Config(DiffusionPresets.Conditioner(condition, Splits.Train, DiffusionPresets.VectorWidth(16)), steps);

    internal static DiffusionRunConfig Config(ConditionerConfig conditioner, int steps) => new()
    {
        Data = new RunDataConfig { Source = "tiny", BatchSize = 8, Seed = 2 },
        Network = DiffusionPresets.UNet(new NetworkTask(1, Side, conditioner), 16),
        Conditioner = conditioner,
        Training = new TrainingOptions { Steps = steps, Ema = new EmaOptions { Decay = 0.9 }, LogEverySteps = 2, EvaluateEverySteps = 3, CheckpointEverySteps = 2, MaxGradientNorm = 1, Seed = 3 },
        Seed = 1,
    };

    /// <summary>An untrained model whose matrices are random where training starts at zero, so that conditions and noise show.</summary>
    internal static DiffusionModel Model(string condition = "class")
    {
        using var training = DiffusionTraining.Prepare(Config(condition, steps: 1), Splits);
        var model = new DiffusionModel(training.Model.Config, training.Model.Network.Config.Create(5), training.Model.Config.Conditioner.Create(6, training.Model.Conditioner.Tokenizer), new PixelCodec(1));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var generator = new Generator(7);
        foreach (var matrix in model.Network.parameters().Where(parameter => parameter.dim() > 1 && parameter.count_nonzero().item<long>() == 0)) matrix.normal_(0, 0.2, generator);
        return model;
    }

    /// <summary>Such a model in a new folder within another.</summary>
    internal static string SavedIn(TemporaryFolder folder)
    {
        using var model = Model();
        DiffusionFiles.Save(model, folder.File("model"));
        return folder.File("model");
    }

    /// <summary>An untrained autoencoder in a folder like that of a run.</summary>
    internal static string SaveAutoencoder(AutoencoderConfig config, string path)
    {
        using var network = config.Create(4);
        Directory.CreateDirectory(Path.Combine(path, "checkpoints"));
        File.WriteAllText(Path.Combine(path, "config.json"), network.Config.ToJson());
        ModuleWeights.Save(network, Path.Combine(path, "checkpoints", "last.safetensors"));
        return path;
    }

    private static MemoryDataset Set(int count, int first) => new(
        "tiny", [.. Enumerable.Range(first, count).Select(Item)], ["dark", "bright"], [new ImageAttribute("brightness", 0, 1, [], ""), new ImageAttribute("kind", 0, 1, ["dark", "bright"], "")]);

    private static ImageItem Item(int index)
    {
        var random = new System.Random(index);
        var isBright = index % 2 == 1;
        var pixels = new byte[Side * Side];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(random.Next(60) + (isBright ? 180 : 20));
        return new ImageItem { Image = new PixelImage(Side, Side, 1, pixels), Label = index % 2, Attributes = [isBright ? 0.8 : 0.2, index % 2], Caption = isBright ? "a bright picture" : "a dark picture" };
    }
}
