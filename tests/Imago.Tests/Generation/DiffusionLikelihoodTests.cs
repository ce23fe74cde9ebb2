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
        using (var model = TinyDiffusion.Model()) DiffusionFiles.Save(model, folder.File("model"));
        foreach (var i in Enumerable.Range(0, 30)) Images.ImageFile.Write(Path.Combine(Directory.CreateDirectory(folder.File("images")).FullName, $"{i}.png"), TinyDiffusion.Splits.Train.Get(i).Image);
        using StringWriter output = new(), error = new();
        Assert.True(Cli.CliApp.Run(["evaluate", folder.File("model"), "--data", folder.File("images"), "--split", "train", "--samples", "5"], output, error) == 0, error.ToString());
        Assert.Contains("bits/dimension", output.ToString());
    }
}
