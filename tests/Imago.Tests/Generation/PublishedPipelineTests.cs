using Imago.Diffusion;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Laws of published pipelines, on untrained networks of a few thousand weights whose conditions are given encoded.</summary>
public class PublishedPipelineTests
{
    private const int Side = 16, Factor = 2;

    private static readonly Condition Said = new() { Encoded = Encoding(1), Negative = new Condition { Encoded = Encoding(2) } };

    private static Conditioning Encoding(long seed) => new() { Tokens = randn([1, 5, 8], generator: new Generator((ulong)seed)).DetachFromDisposeScope() };

    private static DiffusionModel Model(int channels = 4, string scheduler = "DDIMScheduler")
    {
        var network = new UNet2DConditionConfig
        {
            SampleSize = Side / Factor, InChannels = channels, OutChannels = 4, BlockOutChannels = [8, 16], DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"], UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
            LayersPerBlock = 1, NormNumGroups = 4, AttentionHeadDim = 2, CrossAttentionDim = 8,
        }.Create(3);
        Randomise(network);
        var autoencoder = new KlConfig { BlockOutChannels = [8, 8], NormNumGroups = 4, SampleSize = Side, ScalingFactor = 0.5 }.Create(4);
        var codec = new LatentCodec(autoencoder, PipelineFit.ScaleOf(autoencoder.Config));
        var config = SchedulerConfig.Parse($$"""{"_class_name": "{{scheduler}}", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": false, "set_alpha_to_one": false, "steps_offset": 1}""", "test");
        return new DiffusionModel(PipelineFit.Describe(network.Config, codec, config, PipelineFamily.StableDiffusion), network, new PromptConditioner(new FeatureLayout(8, 0), new Dictionary<int, PromptTower>()), codec);
    }

    private static void Randomise(nn.Module network)
    {
        using var noGrad = no_grad();
        var generator = new Generator(7);
        foreach (var matrix in network.parameters().Where(parameter => parameter.dim() > 1 && parameter.count_nonzero().item<long>() == 0)) matrix.normal_(0, 0.2, generator);
    }

    private static GenerationRequest Asked(params long[] seeds) => new() { Pictures = [.. seeds.Select(seed => new PictureWish(seed, Said))], Steps = 6, Guidance = 3 };

    private static PixelImage Noisy(int width, int height, int channels, int seed)
    {
        var bytes = new byte[width * height * channels];
        new Random(seed).NextBytes(bytes);
        return new PixelImage(width, height, channels, bytes);
    }

    private static PixelImage RightHalf(int width, int height) => new(width, height, 1, [.. Enumerable.Range(0, width * height).Select(i => (byte)(i % width >= width / 2 ? 255 : 0))]);

    private static double Distance(PixelImage a, PixelImage b) => a.Pixels.Zip(b.Pixels).Average(pair => Math.Abs(pair.First - pair.Second));

    [Theory]
    [InlineData("DDIMScheduler")]
    [InlineData("EulerAncestralDiscreteScheduler")]
    public void Picture_OfASeed_IsTheSameInEveryBatch(string scheduler)
    {
        using var model = Model(scheduler: scheduler);
        var together = ImageGenerator.Generate(model, Asked(1, 2, 3));
        var alone = ImageGenerator.Generate(model, Asked(2))[0].Image;
        Assert.All(alone.Pixels.Zip(together[1].Image.Pixels), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
        Assert.NotEqual(alone.Pixels, together[0].Image.Pixels);
    }

    [Theory]
    [InlineData("DDIMScheduler")]
    [InlineData("EulerDiscreteScheduler")]
    [InlineData("HeunDiscreteScheduler")]
    public void HandingOver_ToTheSameModel_IsTheWholeRun(string scheduler)
    {
        using var model = Model(scheduler: scheduler);
        using var whole = ImageGenerator.GenerateLatents(model, Asked(5));
        using var begun = ImageGenerator.GenerateLatents(model, Asked(5) with { DenoisingEnd = 0.5 });
        using var ended = ImageGenerator.GenerateLatents(model, Asked(5) with { DenoisingStart = 0.5, Start = new StartImage(null) { Latents = begun } });
        Assert.True(whole.allclose(ended, 1e-5, 1e-6));
        Assert.False(whole.allclose(begun, 1e-2, 1e-2));
        var pictures = Refinement.Generate(model, model, Asked(5, 6), 0.5);
        Assert.All(ImageGenerator.Generate(model, Asked(5))[0].Image.Pixels.Zip(pictures[0].Image.Pixels), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(9)]
    public void Inpainting_ReturnsTheOtherPixelsExactly(int channels)
    {
        using var model = Model(channels);
        var picture = Noisy(Side, Side, 3, 1);
        var start = new StartImage(picture) { Strength = 1, Mask = RightHalf(Side, Side) };
        var drawn = ImageGenerator.Generate(model, Asked(1) with { Start = start })[0].Image;
        for (var i = 0; i < drawn.Pixels.Length; i++)
        {
            if (i / 3 % Side < Side / 2) Assert.Equal(picture.Pixels[i], drawn.Pixels[i]);
        }
        Assert.NotEqual(picture.Pixels, drawn.Pixels);
    }

    [Fact]
    public void MaskPadding_ChangesOnlyTheMask_AndKeepsThePicturesSize()
    {
        using var model = Model();
        var (picture, mask) = (Noisy(40, 28, 3, 2), new byte[40 * 28]);
        for (var y = 10; y < 16; y++) mask.AsSpan(y * 40 + 12, 6).Fill(255);
        var drawn = ImageGenerator.Generate(model, Asked(1) with { Start = new StartImage(picture) { Strength = 1, Mask = new PixelImage(40, 28, 1, mask), MaskPadding = 3 } })[0].Image;
        Assert.Equal((40, 28), (drawn.Width, drawn.Height));
        for (var i = 0; i < drawn.Pixels.Length; i++)
        {
            if (mask[i / 3] == 0) Assert.Equal(picture.Pixels[i], drawn.Pixels[i]);
        }
    }

    [Fact]
    public void ImageToImage_OfLittleStrength_StaysNearer_AndKeepsThePicturesSize()
    {
        using var model = Model();
        var picture = Noisy(18, 12, 3, 3);
        PixelImage Changed(double strength) => ImageGenerator.Generate(model, Asked(1) with { Steps = 20, Start = new StartImage(picture) { Strength = strength } })[0].Image;
        var (little, copy, much) = (Changed(0.3), Changed(0.05), Changed(1));
        Assert.Equal((18, 12), (little.Width, little.Height));
        Assert.True(Distance(little, copy) < Distance(much, copy));
    }

    [Fact]
    public void Cancelling_AtAStep_LeavesTheModelUsable()
    {
        using var model = Model();
        var before = ImageGenerator.Generate(model, Asked(1))[0].Image;
        using var source = new CancellationTokenSource();
        var steps = 0;
        Assert.Throws<OperationCanceledException>(() => ImageGenerator.Generate(model, Asked(1, 2) with { OnStep = _ => CancelAt(3) }, cancellationToken: source.Token));
        Assert.Equal(3, steps);
        Assert.Equal(before.Pixels, ImageGenerator.Generate(model, Asked(1))[0].Image.Pixels);

        void CancelAt(int step)
        {
            if (++steps == step) source.Cancel();
        }
    }

    [Fact]
    public void Generate_LeavesNoTensor()
    {
        using var model = Model(9);
        var request = Asked(1, 2) with { Start = new StartImage(Noisy(Side, Side, 3, 1)) { Strength = 0.7, Mask = RightHalf(Side, Side) } };
        ImageGenerator.Generate(model, request);
        DisposeScopeManager.Statistics.Reset();
        ImageGenerator.Generate(model, request);
        Assert.Equal(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void GuidanceOfOne_IsTheConditionAlone_AndLessIsNone()
    {
        using var model = Model();
        var alone = ImageGenerator.Generate(model, Asked(1) with { Guidance = 1 })[0].Image;
        Assert.Equal(alone.Pixels, ImageGenerator.Generate(model, Asked(1) with { Guidance = 0 })[0].Image.Pixels);
        Assert.NotEqual(alone.Pixels, ImageGenerator.Generate(model, Asked(1))[0].Image.Pixels);
    }

    [Fact]
    public void PerturbedAttention_ActsByItsScale_AndUnknownLayersAreNamed()
    {
        using var model = Model();
        GenerationRequest Led(double scale, string layer) => Asked(1) with { Perturbations = [new(new PerturbationConfig { Scale = scale, Interval = GuidanceInterval.Whole, IncludesStart = true }) { PerturbedLayers = [layer] }] };
        var plain = ImageGenerator.Generate(model, Asked(1))[0].Image.Pixels;
        Assert.Equal(plain, ImageGenerator.Generate(model, Led(0, "mid"))[0].Image.Pixels);
        Assert.NotEqual(plain, ImageGenerator.Generate(model, Led(20, "down_blocks.0"))[0].Image.Pixels);
        Assert.Contains("nowhere", Assert.Throws<ArgumentException>(() => ImageGenerator.Generate(model, Led(1, "nowhere"))).Message);
    }

    [Fact]
    public void CudasNumbers_AreThoseOfPhilox()
    {
        using var model = Model();
        Tensor? first = null;
        ImageGenerator.Generate(model, Asked(9) with { NoiseKind = NoiseKind.Cuda, Around = denoise => (x, level) => { first ??= x.clone().DetachFromDisposeScope(); return denoise(x, level); } });
        var values = new float[4 * 8 * 8];
        new Imago.Randomness.PhiloxRandom(9).Normal(values);
        Assert.True(first!.flatten().to(float32).allclose(tensor(values)));
    }

    [Fact]
    public void LinearPreview_HasAPixelForEachLatent()
    {
        using var model = Model();
        using var preview = LatentPreview.Linear(model);
        using var latents = randn([2, 4, 8, 8], generator: new Generator(1));
        var pictures = preview.Draw(latents);
        Assert.Equal((2, 8, 8, 3), (pictures.Count, pictures[0].Width, pictures[0].Height, pictures[0].Channels));
    }

    public static TheoryData<string, GenerationRequest> WrongWishes => new()
    {
        { "multiple of 2", Asked(1) with { Height = 15 } },
        { "black all over", Asked(1) with { Start = new StartImage(Noisy(16, 16, 3, 1)) { Mask = new PixelImage(16, 16, 1, new byte[256]) } } },
        { "one size", Asked(1) with { Start = new StartImage(Noisy(16, 16, 3, 1)) { Mask = RightHalf(8, 8), MaskPadding = 2 } } },
        { "leaves none", Asked(1) with { Start = new StartImage(Noisy(16, 16, 3, 1)) { Strength = 0.01 } } },
        { "DenoisingStart", Asked(1) with { DenoisingStart = 0.5 } },
        { "rectified flow", Asked(1) with { Scheduler = SchedulerConfig.Default(SchedulerKind.FlowMatchEuler) } },
        { "no text encoder", Asked(1) with { Pictures = [new PictureWish(1, new Condition { Caption = "a cat" })] } },
        { "8,000", Asked(1) with { Pictures = [new PictureWish(1, new Condition { Caption = new string('a', 10_000) })] } },
        { "class", Asked(1) with { Pictures = [new PictureWish(1, new Condition { ClassNumber = 3 })] } },
    };

    [Theory]
    [MemberData(nameof(WrongWishes), DisableDiscoveryEnumeration = true)]
    public void WrongWishes_AreRefusedByName(string expected, GenerationRequest request)
    {
        using var model = Model();
        Assert.Contains(expected, Assert.ThrowsAny<ArgumentException>(() => ImageGenerator.Generate(model, request)).Message);
    }

    [Fact]
    public void InpaintingModel_WithoutAMask_IsRefused()
    {
        using var model = Model(9);
        Assert.Contains("mask", Assert.Throws<ArgumentException>(() => ImageGenerator.Generate(model, Asked(1) with { Start = new StartImage(Noisy(16, 16, 3, 1)) })).Message);
        Assert.Contains("mask", Assert.Throws<ArgumentException>(() => ImageGenerator.Generate(model, Asked(1))).Message);
    }
}
