using Imago.Diffusion;
using Imago.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DiffusionLikelihoodTests
{
    private static Tensor Bytes() => stack([.. Enumerable.Range(0, 8).Select(i => Images.Pictures.ToBytes(TinyDiffusion.Splits.Validation.Get(i).Image))]);

    [Fact]
    public void Bound_OfATrainedModel_IsBelowThatOfAnUntrainedOne_AndBothAreFinite()
    {
        using var scope = NewDisposeScope();
        var options = new BoundOptions { StepsPerBatch = 20 };
        using var random = TinyDiffusion.Model();
        var untrained = DiffusionLikelihood.Evaluate(random, [Bytes()], options);
        using var training = DiffusionTraining.Prepare(TinyDiffusion.Config(steps: 100), TinyDiffusion.Splits);
        training.Run();
        var trained = DiffusionLikelihood.Evaluate(training.Model, [Bytes()], options);
        Assert.InRange(trained.BitsPerDimension, 0, untrained.BitsPerDimension);
        Assert.True(double.IsFinite(untrained.BitsPerDimension));
        Assert.Equal(8, trained.Images);
    }

    [Fact]
    public void Command_PrintsBitsPerDimension()
    {
        using var folder = new TemporaryFolder();
        var model = TinyDiffusion.SavedIn(folder);
        foreach (var i in Enumerable.Range(0, 30)) Images.ImageFile.Write(Path.Combine(Directory.CreateDirectory(folder.File("images")).FullName, $"{i}.png"), TinyDiffusion.Splits.Train.Get(i).Image);
        var (code, output, error) = CommandLine.Run("evaluate", model, "--data", folder.File("images"), "--split", "train", "--samples", "5");
        Assert.True(code == 0, error);
        Assert.Contains("bits/dimension", output);
    }
}
