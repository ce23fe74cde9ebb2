using Imago.Data;
using Imago.Images;
using Imago.Metrics;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class SampleFeaturesTests
{
    /// <summary>Means of the colours, and of their squares.</summary>
    private sealed class Colours : FeatureExtractor
    {
        public override string Name => "colours";
        public override int Dimension => 6;
        public override ExtractedFeatures Extract(Tensor bytes)
        {
            var x = bytes.to(float32).flatten(2) / 255;
            return new ExtractedFeatures(cat([x.mean([2L]), x.square().mean([2L])], 1), x.mean([2L]), null);
        }

        public override void Dispose()
        {
        }
    }

    private static PixelImage Picture(int seed, int width = 5, int height = 4)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new PixelImage(width, height, 3, pixels);
    }

    private static string Folder(TemporaryFolder home, string name, int count, int firstSeed = 0, Func<int, int>? width = null)
    {
        var folder = home.File(name);
        Directory.CreateDirectory(folder);
        for (var i = 0; i < count; i++) ImageFile.Write(Path.Combine(folder, $"{i:000}.png"), Picture(firstSeed + i, width?.Invoke(i) ?? 5));
        return folder;
    }

    private static SampleFeatures See(string path, SampleOptions? options = null)
    {
        using var eyes = new Colours();
        return SampleFeatures.Of(SampleSets.Open(path), eyes, options);
    }

    [Fact]
    public void Features_InAnyBatchSize_AreThoseOfPicturesOneByOne_InTheirOrder()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        var folder = Folder(home, "mixed", 23, width: i => 4 + i / 3 % 2);                  // sizes change in the middle of batches
        var options = new SampleOptions { KeepFeatures = true, KeepLogits = true };
        using var single = See(folder, options with { BatchSize = 1 });
        using var batched = See(folder, options with { BatchSize = 8 });
        Assert.Equal((23, 23), (single.Count, batched.Features!.shape[0]));
        Assert.True(single.Features!.allclose(batched.Features) && single.Logits!.allclose(batched.Logits!));
        Assert.True(single.Statistics.Covariance.allclose(batched.Statistics.Covariance, 1e-10));
        var third = Picture(2, 4).Pixels.Where((_, i) => i % 3 == 1).Average(level => level / 255.0);
        Assert.Equal(third, batched.Features[2, 1].item<float>(), 1e-6);
    }

    [Fact]
    public void BrokenPictures_AreLeftOutAndNamed_OrRefused()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        var folder = Folder(home, "broken", 4);
        File.WriteAllBytes(Path.Combine(folder, "001.png"), [1, 2, 3]);
        using var seen = See(folder);
        Assert.Equal(3, seen.Count);
        Assert.Contains("001.png", Assert.Single(seen.Skipped).Name, StringComparison.Ordinal);
        Assert.Throws<DataException>(() => See(folder, new SampleOptions { Strict = true }));
    }

    [Fact]
    public void ABatchOfNumPy_IsTheFolderOfItsPictures()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        var pixels = tensor(Enumerable.Range(0, 6).SelectMany(i => Picture(i).Pixels).ToArray()).view(6, 4, 5, 3);
        NumpyFile.WriteArchive(home.File("samples.npz"), [KeyValuePair.Create("arr_0", pixels), KeyValuePair.Create("arr_1", arange(6))], compress: true);
        using var batch = See(home.File("samples.npz"));
        using var folder = See(Folder(home, "same", 6));
        Assert.True(batch.Statistics.Mean.Equals(folder.Statistics.Mean));
        using var images = new NumpyImages(home.File("samples.npz"));
        Assert.Equal(4, images.Get(4).Label);
        NumpyFile.WriteArchive(home.File("other.npz"), [KeyValuePair.Create("arr_0", zeros(3, 4))]);
        Assert.Contains("arr_0", Assert.Throws<DataException>(() => new NumpyImages(home.File("other.npz"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Alpha_IsDropped_AsTheReferencesDo()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        Directory.CreateDirectory(home.File("alpha"));
        ImageFile.Write(Path.Combine(home.File("alpha"), "x.png"), new PixelImage(1, 1, 4, [200, 100, 50, 10]));
        using var seen = See(home.File("alpha"), new SampleOptions { KeepFeatures = true });
        Assert.True(seen.Features![0, ..3].allclose(tensor([200f, 100, 50]) / 255));
    }

    [Fact]
    public void Measures_OfASetAgainstItself_AreTheBestThereAre()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        var folder = Folder(home, "set", 40);
        string[] metrics = ["fid", "fid_infinity", "kid", "is", "prdc", "mind"];
        using var seen = See(folder, SampleMetrics.Needs(metrics));
        var report = SampleMetrics.Measure(seen, new SampleReference(seen), metrics);
        Assert.Equal((0, 0), (report.Fid!.Value, report.Mind!.Value), (a, b) => Math.Abs(a.Item1) < 1e-9 && Math.Abs(a.Item2) < 1e-9);
        Assert.Equal((1, 1, 1, 1), (report.Precision, report.Recall, report.Density, report.Coverage));
        Assert.InRange(report.InceptionScore!.Value.Mean, 1, 3);
        Assert.True(report.Kid!.Value.Mean <= 0);                                            // unbiased: below 0 where the sets are the same
        Assert.Equal(2, report.Warnings.Count);
    }

    [Fact]
    public void SavedStatistics_StandForTheirPictures_AndAreNotComparedAcrossNetworks()
    {
        using var scope = NewDisposeScope();
        using var home = new TemporaryFolder();
        using var first = See(Folder(home, "a", 20), new SampleOptions { KeepFeatures = true });
        using var second = See(Folder(home, "b", 20, firstSeed: 100));
        var file = home.File("b.npz");
        StatisticsFile.Write(file, second.Statistics, second.Extractor);
        var direct = SampleMetrics.Measure(first, new SampleReference(second), ["fid"]).Fid!.Value;
        Assert.True(direct > 0);
        Assert.Equal(direct, SampleMetrics.Measure(first, new SampleReference(file), ["fid"]).Fid!.Value, 1e-12);
        Assert.Contains("pictures of the reference", Assert.Throws<ArgumentException>(() => SampleMetrics.Measure(first, new SampleReference(file), ["mind"])).Message, StringComparison.Ordinal);
        StatisticsFile.Write(file, second.Statistics, "other eyes");
        Assert.Contains("other eyes", Assert.Throws<ArgumentException>(() => SampleMetrics.Measure(first, new SampleReference(file), ["fid"])).Message, StringComparison.Ordinal);
        Assert.Contains("no measure", Assert.Throws<ArgumentException>(() => SampleMetrics.Needs(["fud"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AttributesThatAreChoices_BecomeClasses()
    {
        var sprites = Datasets.Open("sprites", new DatasetOptions { Count = 20, Size = 16 }).Train;
        var classes = new AttributeClasses(sprites, "shape");
        Assert.Equal(3, classes.ClassNames.Count);
        Assert.Equal((int)sprites.Get(5).Attributes[sprites.Attributes.ToList().FindIndex(attribute => attribute.Name == "shape")], classes.Get(5).Label);
        Assert.Contains("shape", Assert.Throws<ArgumentException>(() => new AttributeClasses(sprites, "nothing")).Message, StringComparison.Ordinal);
    }
}
