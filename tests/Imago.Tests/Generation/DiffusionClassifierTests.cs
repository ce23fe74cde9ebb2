using Imago.Autoencoders;
using Imago.Generation;
using Imago.Images;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DiffusionClassifierTests
{
    private static Tensor Pixels(int count) => stack([.. Enumerable.Range(0, count).Select(i => Pictures.ToFloat(TinyDiffusion.Splits.Validation.Get(i).Image, PixelRange.MinusOneToOne))]);

    [Fact]
    public void TrainedModel_TellsDarkFromBright()
    {
        using var scope = NewDisposeScope();
        using var training = DiffusionTraining.Prepare(TinyDiffusion.Config(steps: 120) with { Optimizer = new AdamWConfig { LearningRate = 4e-3 } }, TinyDiffusion.Splits);
        training.Run();
        var verdicts = DiffusionClassifier.Classify(training.Model, Pixels(8), samples: 24);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => i % 2), verdicts.Select(verdict => verdict.Best));
    }

    [Fact]
    public void Verdict_OfAPicture_DependsOnItAndTheSeedAlone()
    {
        using var scope = NewDisposeScope();
        using var model = TinyDiffusion.Model();
        var (all, alone) = (DiffusionClassifier.Classify(model, Pixels(4), 5, seed: 2), DiffusionClassifier.Classify(model, Pixels(4)[TensorIndex.Slice(2, 3)], 5, seed: 2));
        Assert.All(all[2].Errors.Zip(alone[0].Errors), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * pair.First));
        Assert.All(all, verdict => Assert.Equal(1, verdict.Probabilities.Sum(), 1e-9));
        Assert.NotEqual(all[2].Errors, DiffusionClassifier.Classify(model, Pixels(4), 5, seed: 3)[2].Errors);
    }

    [Fact]
    public void ModelWithoutClasses_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var model = TinyDiffusion.Model("none");
        Assert.Contains("--condition class", Assert.Throws<ArgumentException>(() => DiffusionClassifier.Classify(model, Pixels(1))).Message);
    }

    [Fact]
    public void Command_ReportsTheClassOfFiles()
    {
        using var folder = new TemporaryFolder();
        var model = TinyDiffusion.SavedIn(folder);
        ImageFile.Write(folder.File("picture.png"), TinyDiffusion.Splits.Train.Get(1).Image);
        var (code, output, error) = CommandLine.Run("classify", model, folder.File("picture.png"), "--samples", "2");
        Assert.True(code == 0, error);
        Assert.Matches("(dark|bright) \\(", output);
    }
}
