using Imago.Autoencoders;
using Imago.Data;
using Imago.Encoders;
using Imago.Generation;
using Imago.Generation.Lora;
using Imago.Generation.Pipelines;
using Imago.Golden;
using Imago.Images;
using Imago.Models;
using Imago.Tests.Training;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Training under text that published encoders read: from scratch, and on from a published pipeline.</summary>
public sealed class FrozenTextTests : IDisposable
{
    private const int TokenWidth = 24;
    private readonly TemporaryFolder _folder = new();
    private readonly OwnCache _cache = new();

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    private string Encoder()
    {
        var folder = Directory.CreateDirectory(_folder.File("encoder")).FullName;
        PromptTokenizerTests.SmallClip(folder, "<|endoftext|>");
        var config = new ClipTextConfig { VocabSize = 516, HiddenSize = TokenWidth, IntermediateSize = 48, NumHiddenLayers = 2, NumAttentionHeads = 4, MaxPositionEmbeddings = 40, EosTokenId = 515, Architectures = ["CLIPTextModel"] };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJson());
        using var encoder = config.Create(4);
        ModuleWeights.Save(encoder, Path.Combine(folder, "model.safetensors"));
        return folder;
    }

    private DiffusionRunConfig Scratch(NetworkKind kind)
    {
        var conditioner = DiffusionPresets.Conditioner(DiffusionPresets.FrozenText, TinyDiffusion.Splits.Train, kind == NetworkKind.UNet ? 64 : 128, kind);
        var task = new NetworkTask(1, TinyDiffusion.Side, conditioner) { EncoderWidth = TokenWidth };
        return TinyDiffusion.Config(conditioner, 6) with { TextEncoder = Encoder(), Network = DiffusionPresets.Network(task, kind == NetworkKind.UNet ? 16 : 128, kind) };
    }

    private static TrainingResult Run(DiffusionRunConfig config, DatasetSplits splits, RunFolder folder)
    {
        using var training = DiffusionTraining.Prepare(config, splits, folder);
        return training.Run(folder);
    }

    [Theory]
    [InlineData(NetworkKind.UNet)]
    [InlineData(NetworkKind.MMDiT)]
    public void Run_UnderAFrozenEncoder_KeepsItsOwnCopy_ResumesAndDraws(NetworkKind kind)
    {
        using var scope = NewDisposeScope();
        var config = Scratch(kind);
        var (whole, cut) = (RunFolder.Create(_folder.File("whole"), config), RunFolder.Create(_folder.File("cut"), config));
        Run(config, TinyDiffusion.Splits, whole);
        Run(config with { Training = config.Training with { Steps = 3 } }, TinyDiffusion.Splits, cut);
        Directory.Delete(config.TextEncoder!, recursive: true);
        Run(config, TinyDiffusion.Splits, cut);
        ResumeTests.AssertSame(whole, cut);
        using var model = DiffusionFiles.Load(cut.Path);
        Assert.IsType<PromptConditioner>(model.Encoder);
        var request = new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "a dark picture" }, 2), Steps = 2 };
        var drawn = ImageGenerator.Generate(model, request);
        DiffusionFiles.Save(model, _folder.File("copy"));
        using var copy = DiffusionFiles.Load(_folder.File("copy"));
        Assert.Equal(drawn.Select(picture => picture.Image.Pixels), ImageGenerator.Generate(copy, request).Select(picture => picture.Image.Pixels));
    }

    [Fact]
    public void Store_ReadsEachCaptionOnce_AndGivesWhatTheEncoderGives()
    {
        using var scope = NewDisposeScope();
        using var encoder = PromptFiles.LoadEncoder(Encoder());
        string?[] captions = ["a cat", null, "two cats", "a cat"];
        Tensor first;
        using (var store = new PromptStore(encoder)) first = store.Read(captions, CPU, float32).Tokens!;
        Assert.Single(Directory.GetFiles(_cache.Path, "*.safetensors", SearchOption.AllDirectories));
        using var noGrad = no_grad();
        foreach (var parameter in encoder.parameters()) Assert.False(parameter.isnan().any().item<bool>());
        var wanted = encoder.Encode([.. captions.Select(caption => new Condition { Caption = caption, Reading = PromptStore.Reading })]).Tokens!;
        Assert.True(first.allclose(wanted, 1e-3, 1e-3));
        using (var store = new PromptStore(encoder)) Assert.True(store.Read(captions, CPU, float32).Tokens!.Equals(first));
        Assert.Single(Directory.GetFiles(_cache.Path, "*.safetensors", SearchOption.AllDirectories));
    }

    [Fact]
    public void Network_OfAFrozenEncoder_HasNoOtherCondition() =>
        Assert.Throws<ArgumentException>(() => (Scratch(NetworkKind.UNet) with { Conditioner = DiffusionPresets.Conditioner("class", TinyDiffusion.Splits.Train, 64) }).Validate());

    [Fact]
    public void LowRankChangesOfAPublishedPipeline_LowerTheLoss()
    {
        using var scope = NewDisposeScope();
        var config = WithLora(Published(Pipeline("sd15"), steps: 30));
        List<double> losses = [];
        using var training = DiffusionTraining.Prepare(config, Coloured(config.Data.Size!.Value));
        training.Run(progress: new Held(losses));
        Assert.True(losses[^1] < losses[0], $"{losses[0]} → {losses[^1]}");
    }

    [Fact]
    public void LowRankChangesOfAPublishedPipeline_LoadBesideIt_AndLeaveItWhereItIs()
    {
        using var scope = NewDisposeScope();
        var config = WithLora(Published(Pipeline("sd15"), steps: 3));
        var (run, cut) = (RunFolder.Create(_folder.File("run"), config), RunFolder.Create(_folder.File("cut"), config));
        Run(config, Coloured(config.Data.Size!.Value), run);
        Run(config with { Training = config.Training with { Steps = 2 } }, Coloured(config.Data.Size!.Value), cut);
        Run(config, Coloured(config.Data.Size!.Value), cut);
        Assert.Equal(File.ReadAllBytes(Path.Combine(run.Path, DiffusionTraining.LoraName)), File.ReadAllBytes(Path.Combine(cut.Path, DiffusionTraining.LoraName)));
        Assert.False(Directory.Exists(Path.Combine(run.Path, "model", "network")));
        using var changed = DiffusionFiles.Load(run.Path);
        using var plain = DiffusionFiles.Load(config.From!);
        LoraFiles.Fuse(plain.Network, Path.Combine(run.Path, DiffusionTraining.LoraName));
        foreach (var (a, b) in changed.Network.parameters().Zip(plain.Network.parameters())) Assert.True(a.allclose(b, 1e-4, 1e-5));
        Assert.Single(ImageGenerator.Generate(changed, new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "red" }, 1), Steps = 2 }));
    }

    [Fact]
    public void AllWeightsOfAPublishedPipeline_AreTrained_AndTheModelStandsAlone()
    {
        using var scope = NewDisposeScope();
        var config = Published(Pipeline("sdxl-base"), steps: 2) with { CheckpointBlocks = true };
        var run = RunFolder.Create(_folder.File("run"), config);
        Run(config, Coloured(config.Data.Size!.Value), run);
        using var model = DiffusionFiles.Load(Path.Combine(run.Path, "model"));
        using var before = DiffusionFiles.Load(config.From!);
        Assert.Contains(model.Network.parameters().Zip(before.Network.parameters()), pair => !pair.First.Equals(pair.Second));
        foreach (var (a, b) in model.Encoder.parameters().Zip(before.Encoder.parameters())) Assert.True(a.Equals(b));
        Assert.Single(ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "red" }, 1), Steps = 2 }));
    }

    private static DiffusionRunConfig WithLora(DiffusionRunConfig config) => config with { Lora = new LoraConfig { Rank = 4 }, Optimizer = new AdamWConfig { LearningRate = 2e-2 } };

    private sealed class Held(List<double> losses) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Validation is { } values) losses.Add(values["loss"]);
        }
    }

    private static string Pipeline(string name)
    {
        var path = Path.GetFullPath(Path.Combine(GoldenFolder.Repository() ?? ".", "..", "shared", "golden", "pipelines", "hub", name));
        Assert.SkipUnless(Directory.Exists(path), $"{path} is not there");
        return path;
    }

    private static DiffusionRunConfig Published(string path, int steps)
    {
        using var model = DiffusionFiles.Load(path);
        return new DiffusionRunConfig
        {
            Data = new RunDataConfig { Source = "coloured", BatchSize = 4, Seed = 2, Size = 16, Channels = 3 }, Network = model.Network.Config, Process = model.Config.Process, Objective = DiffusionPresets.ObjectiveOf(model.Config),
            Conditioner = model.Config.Conditioner, Drawing = model.Config.Defaults with { Steps = 2 }, From = path,
            Training = new TrainingOptions { Steps = steps, EvaluateEverySteps = 15, EvaluationBatches = 4, Ema = null, MaxGradientNorm = 1 },
        };
    }

    private static DatasetSplits Coloured(int side)
    {
        MemoryDataset Set(int count, int first) => new("coloured", [.. Enumerable.Range(first, count).Select(Item)], [], []);
        return new DatasetSplits(Set(24, 0), Set(16, 100), Set(0, 0)) { Name = "coloured", Description = "red and blue" };

        ImageItem Item(int index)
        {
            var (random, isRed) = (new System.Random(index), index % 2 == 0);
            byte[] pixels = [.. Enumerable.Range(0, side * side).SelectMany(_ => new[] { (byte)(isRed ? 200 + random.Next(50) : 20), (byte)random.Next(40), (byte)(isRed ? 20 : 200 + random.Next(50)) })];
            return new ImageItem { Image = new PixelImage(side, side, 3, pixels), Caption = isRed ? "red" : "blue" };
        }
    }
}
