using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Models;
using Imago.Tests.Training;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DiffusionTrainingTests
{
    private static TrainingResult Run(DiffusionRunConfig config, RunFolder? folder = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var training = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, folder, cancellationToken: CancellationToken.None);
        return training.Run(folder, progress, cancellation);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("class")]
    [InlineData("attributes")]
    [InlineData("text")]
    public void Run_UnderEveryCondition_LearnsAndCanBeLoaded(string condition)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var config = TinyDiffusion.Config(condition);
        var run = RunFolder.Create(folder.File("run"), config);
        var result = Run(config, run);
        Assert.Equal(TrainingEnd.Finished, result.End);
        Assert.True(double.IsFinite(result.Validation!["loss"]));
        using var fromRun = DiffusionFiles.Load(run.Path);
        using var fromModel = DiffusionFiles.Load(Path.Combine(run.Path, "model"));
        var wish = new GenerationRequest { Pictures = PictureWish.Many(Condition.None, 2), Steps = 2 };
        Assert.Equal(Pixels(fromRun, wish), Pixels(fromModel, wish));
        Assert.Equal(3, Directory.GetFiles(run.Samples).Length);            // before the first step and after each evaluation
    }

    [Fact]
    public void CancelledAndContinued_EqualsTheUninterruptedRun()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var config = TinyDiffusion.Config(steps: 8);
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), config), RunFolder.Create(folder.File("cut"), config));
        Run(config, whole);
        foreach (var last in (int[])[3, 4])
        {
            using var stop = new CancellationTokenSource();
            Assert.Equal(TrainingEnd.Cancelled, Run(config, cut, new At(last, stop), stop.Token).End);
        }
        Run(config, cut);
        ResumeTests.AssertSame(whole, cut);
    }

    [Fact]
    public void WeightsThatAreNoNumbers_EndTheRun_NameTheStep_AndKeepTheCheckpoint_FromWhichItGoesOn()
    {
        const int Step = 5;
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var config = TinyDiffusion.Config(steps: 8);
        var run = RunFolder.Create(folder.File("run"), config);
        var state = Array.Empty<byte>();
        using (var training = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, run))
        {
            var spoil = new After(Step, () =>
            {
                using var noGrad = no_grad();
                training.Model.Network.parameters().First().fill_(double.NaN);
                state = File.ReadAllBytes(run.StateFile);
            });
            var e = Assert.Throws<TrainingDivergedException>(() => training.Run(run, spoil));
            Assert.Equal(Step, e.Step);
            Assert.Contains("step 5", e.Message, StringComparison.Ordinal);
            Assert.Contains("NaN", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(state, File.ReadAllBytes(run.StateFile));
        Assert.Equal(TrainingEnd.Finished, Run(config, run).End);
        using var model = DiffusionFiles.Load(run.Path);
        Assert.All(model.Trained.parameters(), parameter => Assert.True(parameter.isfinite().all().item<bool>()));
    }

    private sealed class After(int step, Action action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step == step) action();
        }
    }

    [Fact]
    public void RunOnLatents_ContinuedWithoutItsAutoencoder_EqualsTheUninterruptedRun()
    {
        using var scope = NewDisposeScope();
        using var cache = new OwnCache();
        using var folder = new TemporaryFolder();
        var autoencoder = AutoencoderRun(folder.File("vae"));
        var conditioner = DiffusionPresets.Conditioner("class", TinyDiffusion.Splits.Train, DiffusionPresets.VectorWidth(16));
        var config = TinyDiffusion.Config(conditioner, 6) with { Autoencoder = autoencoder, Network = DiffusionPresets.UNet(new NetworkTask(2, 4, conditioner), 16) };
        config = config with { Data = config.Data with { Flip = true } };
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), config), RunFolder.Create(folder.File("cut"), config));
        Run(config, whole);
        using (var stop = new CancellationTokenSource()) Run(config, cut, new At(3, stop), stop.Token);
        Directory.Delete(autoencoder, recursive: true);
        Run(config, cut);
        ResumeTests.AssertSame(whole, cut);
        using var model = DiffusionFiles.Load(cut.Path);
        Assert.Equal([2L, 4L, 4L], model.Shape);
        Assert.All(model.Config.Latents!.Deviation, deviation => Assert.True(deviation > 0));
        Assert.Equal(64, Pixels(model, new GenerationRequest { Steps = 2 })[0].Length);
    }

    [Fact]
    public void From_StartsWithTheWeightsOfTheOtherModel()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var config = TinyDiffusion.Config();
        var run = RunFolder.Create(folder.File("run"), config);
        Run(config, run);
        using var source = DiffusionFiles.Load(run.Path);
        using var training = DiffusionTraining.Prepare(config with { From = run.Path, Seed = 77 }, TinyDiffusion.Splits);
        foreach (var (a, b) in source.Network.parameters().Zip(training.Model.Network.parameters())) Assert.True(a.Equals(b));
    }

    [Fact]
    public void Training_OnPixels_LowersTheLoss()
    {
        using var scope = NewDisposeScope();
        var config = TinyDiffusion.Config(steps: 60) with { Optimizer = new AdamWConfig { LearningRate = 3e-3 } };
        List<double> losses = [];
        Run(config, progress: new Collect(losses));
        Assert.True(losses[^10..].Average() < 0.7 * losses[..10].Average(), $"{losses[..10].Average()} → {losses[^10..].Average()}");
    }

    [Fact]
    public void RandomCropsOfLatents_AreRefused()
    {
        using var cache = new OwnCache();
        using var folder = new TemporaryFolder();
        var config = TinyDiffusion.Config() with { Autoencoder = AutoencoderRun(folder.File("vae")) };
        var e = Assert.Throws<ArgumentException>(() => Run(config with { Data = config.Data with { RandomCrop = true, Size = 8 } }));
        Assert.Contains("--random-crop", e.Message);
    }

    private static List<byte[]> Pixels(DiffusionModel model, GenerationRequest request) => [.. ImageGenerator.Generate(model, request).Select(picture => picture.Image.Pixels)];

    /// <summary>An untrained autoencoder with maps of 2 channels and a quarter of the pixels, in a folder of its own.</summary>
    private static string AutoencoderRun(string path) =>
        TinyDiffusion.SaveAutoencoder(new KlConfig { InChannels = 1, OutChannels = 1, BlockOutChannels = [16, 16], LayersPerBlock = 1, NormNumGroups = 2, LatentChannels = 2, SampleSize = 8 }, path);

    private sealed class At(long step, CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step == step) stop.Cancel();
        }
    }

    private sealed class Collect(List<double> losses) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => losses.Add(value.Values["loss"]);
    }
}
