using Imago.Diffusion;
using Imago.Generation;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ImageGeneratorTests
{
    private static readonly Condition Bright = new() { ClassName = "bright" };

    public static TheoryData<string> Samplers => [.. Diffusion.Samplers.All.Select(sampler => sampler.Name)];

    private static IReadOnlyList<PixelImage> Draw(DiffusionModel model, GenerationRequest request) => [.. ImageGenerator.Generate(model, request).Select(picture => picture.Image)];

    private static void AssertAlike(PixelImage expected, PixelImage got) =>
        Assert.True(expected.Pixels.Zip(got.Pixels).All(pair => Math.Abs(pair.First - pair.Second) <= 1), "the pictures differ by more than rounding");

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Picture_OfASeed_IsTheSameInEveryBatch(string sampler)
    {
        using var model = TinyDiffusion.Model();
        var request = new GenerationRequest { Sampler = sampler, Steps = 4, Guidance = 2, Pictures = PictureWish.Many(Bright, 5, seed: 10) };
        var together = Draw(model, request);
        var alone = Draw(model, request with { Pictures = [new PictureWish(13, Bright)] });
        AssertAlike(together[3], alone[0]);
        AssertAlike(together[3], Draw(model, request with { Batch = 2 })[3]);
    }

    [Fact]
    public void Pictures_DependOnSeedAndCondition()
    {
        using var model = TinyDiffusion.Model();
        var request = new GenerationRequest { Steps = 3, Pictures = [new(1, Bright), new(2, Bright), new(1, new Condition { ClassNumber = 0 })] };
        var pictures = Draw(model, request);
        Assert.NotEqual(pictures[0].Pixels, pictures[1].Pixels);
        Assert.NotEqual(pictures[0].Pixels, pictures[2].Pixels);
    }

    [Fact]
    public void Inpainting_ReturnsTheOtherPixelsExactly_AndDrawsThoseOfTheMask()
    {
        using var model = TinyDiffusion.Model();
        var picture = TinyDiffusion.Splits.Train.Get(3).Image;
        var mask = new PixelImage(8, 8, 1, [.. Enumerable.Range(0, 64).Select(i => i % 8 < 3 ? (byte)255 : (byte)0)]);
        var drawn = Draw(model, new GenerationRequest { Steps = 4, Start = new StartImage(picture) { Strength = 1, Mask = mask } })[0];
        for (var i = 0; i < 64; i++)
        {
            if (mask.Pixels[i] == 0) Assert.Equal(picture.Pixels[i], drawn.Pixels[i]);
        }
        Assert.NotEqual(picture.Pixels, drawn.Pixels);
    }

    [Fact]
    public void ImageToImage_OfLittleStrength_StaysNearer()
    {
        using var model = TinyDiffusion.Model();
        var picture = TinyDiffusion.Splits.Train.Get(3).Image;
        double Distance(double strength) => Draw(model, new GenerationRequest { Steps = 10, Start = new StartImage(picture) { Strength = strength } })[0].Pixels.Zip(picture.Pixels).Average(pair => Math.Abs(pair.First - pair.Second));
        Assert.True(Distance(0.1) < Distance(1) / 2);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    public void InvertedPicture_ComesBackUnderItsOwnCondition_AndChangesUnderAnother(double strength)
    {
        using var model = TinyDiffusion.Model();
        var (picture, dark) = (TinyDiffusion.Splits.Train.Get(3).Image, new Condition { ClassNumber = 0 });
        var request = new GenerationRequest { Steps = 20, Guidance = 1, Pictures = [new(1, dark), new(2, dark), new(1, Bright)], Start = new StartImage(picture) { Strength = strength, Inverted = dark } };
        var drawn = Draw(model, request);
        AssertAlike(picture, drawn[0]);
        AssertAlike(picture, drawn[1]);                                             // the noise is the picture's own, whatever the seed
        Assert.NotEqual(picture.Pixels, drawn[2].Pixels);
        AssertAlike(drawn[2], Draw(model, request with { Pictures = [new(5, Bright)] })[0]);
    }

    [Fact]
    public void InvertedPicture_TakesAsManyStepsUpAsDown_AndNoFreshNoise()
    {
        using var model = TinyDiffusion.Model();
        var request = new GenerationRequest { Steps = 3, Start = new StartImage(TinyDiffusion.Splits.Train.Get(3).Image) { Strength = 1, Inverted = Condition.None } };
        var reports = new List<WorkProgress>();
        ImageGenerator.Generate(model, request, new Collect(reports.Add));
        Assert.Equal([1L, 2, 3, 4, 5, 6], reports.Select(report => report.Done));
        Assert.All(reports, report => Assert.Equal(6, report.Total));
        Assert.Contains("fresh noise", Assert.Throws<ArgumentException>(() => Draw(model, request with { Sampler = "euler_ancestral" })).Message);
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => ImageGenerator.Generate(model, request, new Collect(_ => stop.Cancel()), stop.Token));
    }

    [Fact]
    public void Way_BetweenTwoSeeds_EndsAtTheirPictures()
    {
        using var model = TinyDiffusion.Model();
        var (from, to) = (new PictureWish(1, Bright), new PictureWish(2, Bright));
        var way = Draw(model, new GenerationRequest { Steps = 3, Pictures = PictureWish.Between(from, to, 4) });
        var ends = Draw(model, new GenerationRequest { Steps = 3, Pictures = [from, to] });
        AssertAlike(ends[0], way[0]);
        AssertAlike(ends[1], way[3]);
        Assert.NotEqual(way[1].Pixels, way[2].Pixels);
    }

    [Fact]
    public void Way_BetweenTwoPrompts_EndsAtTheirPictures_AndBetweenClassNumbersThereIsNone()
    {
        using var words = TinyDiffusion.Model("text");
        var (from, to) = (new PictureWish(1, new Condition { Caption = "a dark picture" }), new PictureWish(1, new Condition { Caption = "a bright picture" }));
        var way = Draw(words, new GenerationRequest { Steps = 3, Pictures = PictureWish.Between(from, to, 3) });
        AssertAlike(Draw(words, new GenerationRequest { Steps = 3, Pictures = [to] })[0], way[2]);
        using var classes = TinyDiffusion.Model();
        var request = new GenerationRequest { Steps = 1, Pictures = PictureWish.Between(new(1, Bright), new(1, new Condition { ClassNumber = 0 }), 2) };
        Assert.Contains("between two numbers", Assert.Throws<ArgumentException>(() => Draw(classes, request)).Message);
    }

    [Fact]
    public void Moments_AreSpreadOverTheSteps_AndEndWithThePicture()
    {
        using var model = TinyDiffusion.Model();
        var picture = ImageGenerator.Generate(model, new GenerationRequest { Steps = 8, Moments = 4 })[0];
        Assert.Equal([2, 4, 6, 8], picture.Moments.Select(moment => moment.Step));
        Assert.Equal(picture.Image.Pixels, picture.Moments[^1].Noisy.Pixels);
        Assert.True(picture.Moments[^1].Level.IsClean);
    }

    [Fact]
    public void Generate_ReportsEveryStep()
    {
        using var model = TinyDiffusion.Model();
        var reports = new List<WorkProgress>();
        ImageGenerator.Generate(model, new GenerationRequest { Steps = 3, Batch = 1, Pictures = PictureWish.Many(Condition.None, 2) }, new Collect(reports.Add));
        Assert.Equal([1L, 2, 3, 4, 5, 6], reports.Select(report => report.Done));
        Assert.All(reports, report => Assert.Equal(6, report.Total));
    }

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Generate_StopsAtAnyStep(string sampler)
    {
        using var model = TinyDiffusion.Model();
        foreach (var last in (int[])[1, 2])
        {
            using var stop = new CancellationTokenSource();
            var steps = 0;
            Assert.Throws<OperationCanceledException>(() => ImageGenerator.Generate(model, new GenerationRequest { Sampler = sampler, Steps = 20 }, new Collect(_ => { if (++steps == last) stop.Cancel(); }), stop.Token));
            Assert.Equal(last, steps);
        }
    }

    [Fact]
    public void Generate_LeavesNoTensor()
    {
        using var model = TinyDiffusion.Model("text");
        var request = new GenerationRequest { Steps = 2, Moments = 2, Sampler = "euler_ancestral", Pictures = PictureWish.Many(new Condition { Caption = "dark" }, 2), Guidance = 3 };
        var inverted = request with { Sampler = null, Start = new StartImage(TinyDiffusion.Splits.Train.Get(0).Image) { Inverted = Condition.None } };
        foreach (var wanted in (GenerationRequest[])[request, inverted]) ImageGenerator.Generate(model, wanted);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        foreach (var wanted in (GenerationRequest[])[request, inverted]) ImageGenerator.Generate(model, wanted);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void WrongWishes_AreRefusedByName()
    {
        using var model = TinyDiffusion.Model();
        Assert.Contains("dark, bright", Assert.Throws<ArgumentException>(() => Draw(model, new GenerationRequest { Pictures = [new(0, new Condition { ClassName = "grey" })] })).Message);
        Assert.Contains("karras", Assert.Throws<ArgumentException>(() => Draw(model, new GenerationRequest { Spacing = "odd" })).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Draw(model, new GenerationRequest { Start = new StartImage(TinyDiffusion.Splits.Train.Get(0).Image) { Strength = 0 } }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void PatchesOfPixels_AreTheSamePictures(int channels)
    {
        using var scope = NewDisposeScope();
        var x = randn([2, channels, 8, 12], generator: new Generator(1));
        var codec = new PixelCodec(channels, 4);
        var z = codec.Encode(x);
        Assert.Equal(codec.Shape(8, 12), z.shape[1..]);
        Assert.True(codec.Decode(z).Equals(x));
        var mask = rand([1, 1, 8, 12], generator: new Generator(2)).gt(0.5).to(float32);
        Assert.True(codec.Decode(codec.Mask(mask) * z).Equals(mask * x));
    }

    private sealed class Collect(Action<WorkProgress> action) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => action(value);
    }
}
