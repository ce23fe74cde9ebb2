using Imago.Data;
using Imago.Images;
using TorchSharp;

namespace Imago.Tests;

public class ImageLoaderTests
{
    private static List<(int[] Indices, byte[] Pixels)> Load(ImageLoader loader, int epoch, int firstBatch = 0)
    {
        var batches = new List<(int[], byte[])>();
        foreach (var batch in loader.Epoch(epoch, firstBatch, TestContext.Current.CancellationToken))
        {
            using (batch) batches.Add(([.. batch.Indices], batch.Bytes.bytes.ToArray()));
        }
        return batches;
    }

    private static void AssertSame(List<(int[] Indices, byte[] Pixels)> expected, List<(int[] Indices, byte[] Pixels)> actual)
    {
        Assert.Equal(expected.Select(batch => batch.Indices), actual.Select(batch => batch.Indices));
        Assert.Equal(expected.Select(batch => batch.Pixels), actual.Select(batch => batch.Pixels));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Epoch_WithAnyNumberOfWorkers_IsTheSame(int workers)
    {
        var options = new LoaderOptions { BatchSize = 8, Seed = 3, Size = 5, Flip = true, RandomCrop = true, Workers = 1 };
        var set = TestImages.Set(61, channels: 3);
        AssertSame(Load(new ImageLoader(set, options), 2), Load(new ImageLoader(set, options with { Workers = workers, CacheBytes = 500 }), 2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Epoch_GivesEachImageOnce(bool shuffle)
    {
        var loader = new ImageLoader(TestImages.Set(50), new LoaderOptions { BatchSize = 7, Shuffle = shuffle });
        var indices = Load(loader, 4).SelectMany(batch => batch.Indices).ToArray();
        Assert.Equal(Enumerable.Range(0, 50), shuffle ? indices.Order() : indices);
        Assert.Equal(8, loader.BatchesPerEpoch);
    }

    [Fact]
    public void Epoch_FromTheMiddle_IsTheRestOfTheWhole()
    {
        var options = new LoaderOptions { BatchSize = 4, Seed = 9, Size = 5, Flip = true, RandomCrop = true };
        var whole = Load(new ImageLoader(TestImages.Set(30), options), 1);
        AssertSame(whole[3..], Load(new ImageLoader(TestImages.Set(30), options), 1, firstBatch: 3));
        Assert.Empty(Load(new ImageLoader(TestImages.Set(30), options), 1, firstBatch: 8));
    }

    [Fact]
    public void Order_OfOtherEpochOrSeed_Differs()
    {
        int[] Order(long seed, int epoch) => new ImageLoader(TestImages.Set(50), new LoaderOptions { Seed = seed }).Order(epoch);
        Assert.Equal(Order(1, 1), Order(1, 1));
        Assert.NotEqual(Order(1, 1), Order(1, 2));
        Assert.NotEqual(Order(1, 1), Order(2, 1));
    }

    [Fact]
    public void Permutation_PutsEveryImageEverywhereEquallyOften()
    {
        const int n = 5, trials = 20_000;
        var counts = new int[n * n];
        for (var trial = 0; trial < trials; trial++)
        {
            var order = SplitMix64.Of(7, trial).Permutation(n);
            for (var i = 0; i < n; i++) counts[i * n + order[i]]++;
        }
        var chiSquared = counts.Sum(count => Math.Pow(count - trials / n, 2) / (trials / n));
        Assert.InRange(chiSquared, 3, 45);                  // 16 degrees of freedom: outside with probability 1e-4
    }

    [Fact]
    public void Batch_CarriesPixelsLabelsAttributesAndCaptions()
    {
        using var batch = new ImageLoader(TestImages.Set(10, 4, 3, 3), new LoaderOptions { BatchSize = 10 }).Epoch(0, cancellationToken: TestContext.Current.CancellationToken).Single();
        Assert.Equal([10, 3, 3, 4], batch.Bytes.shape);
        for (var i = 0; i < 10; i++)
        {
            var item = TestImages.Numbered(batch.Indices[i], 4, 3, 3);
            using var row = batch.Bytes[i];
            Assert.Equal(item.Image.Pixels, Pictures.FromBytes(row).Pixels);
            Assert.Equal(item.Label, (int)batch.Labels![i].item<long>());
            Assert.Equal(item.Attributes[0], batch.Attributes![i, 0].item<float>(), 1e-6);
            Assert.Equal(item.Caption, batch.Captions[i]);
        }
    }

    [Fact]
    public void Flip_MirrorsAboutHalf_AndNothingElse()
    {
        var set = TestImages.Set(200, 5, 2);
        var flipped = 0;
        foreach (var batch in new ImageLoader(set, new LoaderOptions { Flip = true }).Epoch(0, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var _ = batch;
            for (var i = 0; i < batch.Indices.Count; i++)
            {
                using var row = batch.Bytes[i];
                using var mirror = row.flip(2);
                var original = set.Get(batch.Indices[i]).Image.Pixels;
                if (Pictures.FromBytes(row).Pixels.SequenceEqual(original)) continue;
                Assert.Equal(original, Pictures.FromBytes(mirror).Pixels);
                flipped++;
            }
        }
        Assert.InRange(flipped, 65, 135);                   // 100 ± 5 standard deviations
    }

    [Fact]
    public void RandomCrop_CutsAWindowOfTheScaledImage()
    {
        var set = new MemoryDataset("one", [new ImageItem { Image = new PixelImage(9, 12, 1, [.. Enumerable.Range(0, 108).Select(i => (byte)i)]) }]);
        var loader = new ImageLoader(set, new LoaderOptions { Size = 8, RandomCrop = true });
        var seen = new HashSet<(int, int)>();
        for (var epoch = 0; epoch < 60; epoch++)
        {
            var pixels = Load(loader, epoch).Single().Pixels;           // the scaled image is 9×12, the image itself: pixel (x, y) is 9y + x
            var (left, top) = (pixels[0] % 9, pixels[0] / 9);
            Assert.Equal(Enumerable.Range(0, 64).Select(i => (byte)((top + i / 8) * 9 + left + i % 8)), pixels);
            seen.Add((left, top));
        }
        Assert.Equal(2 * 5, seen.Count);
    }

    [Fact]
    public void BrokenImage_IsSkippedCountedAndNamed()
    {
        var loader = new ImageLoader(new FaultyDataset(TestImages.Set(20), 0, 13), new LoaderOptions { BatchSize = 6 });
        var indices = Load(loader, 0).SelectMany(batch => batch.Indices).ToArray();
        Assert.Equal(Enumerable.Range(0, 20).Except([0, 13]), indices.Order());
        Assert.Equal([(0, "faulty[0]"), (13, "faulty[13]")], loader.Skipped.Select(image => (image.Index, image.Name)));
        Assert.Equal("image 13 is damaged", loader.Skipped[1].Reason);
    }

    [Fact]
    public void BrokenImage_WhenStrict_IsAnError()
    {
        var loader = new ImageLoader(new FaultyDataset(TestImages.Set(20), 13), new LoaderOptions { BatchSize = 6, Strict = true });
        Assert.Contains("image 13", Assert.Throws<DataException>(() => Load(loader, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AllImagesBroken_IsAnErrorAtOnce() =>
        Assert.Contains("none of the 3", Assert.Throws<DataException>(() => new ImageLoader(new FaultyDataset(TestImages.Set(3), 0, 1, 2))).Message, StringComparison.Ordinal);

    [Fact]
    public void EmptySet_IsAnErrorThatSaysWhatToDo() =>
        Assert.Contains("point to a folder", Assert.Throws<DataException>(() => new ImageLoader(TestImages.Set(0))).Message, StringComparison.Ordinal);

    [Fact]
    public void MixedSizes_WithoutSize_AreAnErrorThatSaysWhatToDo()
    {
        var set = new MemoryDataset("mixed", [TestImages.Numbered(0, 4, 4), TestImages.Numbered(1, 5, 4)]);
        Assert.Contains("--size", Assert.Throws<DataException>(() => Load(new ImageLoader(set), 0)).Message, StringComparison.Ordinal);
        Assert.Equal([2, 1, 3, 3], new ImageLoader(set, new LoaderOptions { Size = 3 }).Epoch(0, cancellationToken: TestContext.Current.CancellationToken).Single().Bytes.shape);
    }

    [Fact]
    public void GreyAmongColour_IsWidened_ColourAmongGrey_IsAnError()
    {
        ImageItem grey = TestImages.Numbered(1), colour = TestImages.Numbered(2, channels: 3);
        Assert.Equal(3, Load(new ImageLoader(new MemoryDataset("rgb first", [colour, grey])), 0).Single().Pixels.Length / 36 / 2);
        Assert.Contains("channels", Assert.Throws<DataException>(() => Load(new ImageLoader(new MemoryDataset("grey first", [grey, colour])), 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cache_ReadsEachImageOnce_AndNothingBeyondItsLimit()
    {
        var kept = new FaultyDataset(TestImages.Set(20));
        var loader = new ImageLoader(kept, new LoaderOptions { BatchSize = 5 });
        for (var epoch = 0; epoch < 3; epoch++) Load(loader, epoch);
        Assert.Equal(20 + 1, kept.Reads);                   // one look at the first
        var unkept = new FaultyDataset(TestImages.Set(20));
        loader = new ImageLoader(unkept, new LoaderOptions { BatchSize = 5, CacheBytes = 0 });
        for (var epoch = 0; epoch < 3; epoch++) Load(loader, epoch);
        Assert.Equal(60 + 1, unkept.Reads);
    }

    [Fact]
    public void Epoch_LeftEarlyOrCancelled_StopsReading()
    {
        var set = new FaultyDataset(TestImages.Set(100));
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = 1, Workers = 1, CacheBytes = 0 });
        foreach (var batch in loader.Epoch(0, cancellationToken: TestContext.Current.CancellationToken))
        {
            batch.Dispose();
            break;
        }
        Assert.InRange(set.Reads, 2, 6);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => loader.Epoch(0, cancellationToken: cancelled.Token).First());
    }

    [Fact]
    public void Epoch_LeavesNoTensors_AndBatchesOutliveScopes()
    {
        var loader = new ImageLoader(TestImages.Set(30), new LoaderOptions { BatchSize = 4 });
        ImageBatch kept;
        var before = torch.Tensor.TotalCount;
        using (torch.NewDisposeScope()) kept = loader.Epoch(0, cancellationToken: TestContext.Current.CancellationToken).First();
        Assert.Equal(before + 3, torch.Tensor.TotalCount);
        kept.Dispose();
        Load(loader, 0);
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void ToFloat_OfEachRange_MapsBlackAndWhite()
    {
        var set = new MemoryDataset("two", [new ImageItem { Image = new PixelImage(2, 1, 1, [0, 255]) }]);
        using var batch = new ImageLoader(set).Epoch(0, cancellationToken: TestContext.Current.CancellationToken).Single();
        Assert.Equal([0f, 1f], batch.ToFloat(PixelRange.ZeroToOne).data<float>().ToArray());
        Assert.Equal([-1f, 1f], batch.ToFloat(PixelRange.MinusOneToOne).data<float>().ToArray());
    }

    [Fact]
    public void Options_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageLoader(TestImages.Set(3), new LoaderOptions { BatchSize = 0 }));
        Assert.Throws<ArgumentException>(() => new ImageLoader(TestImages.Set(3), new LoaderOptions { Channels = 2 }));
        Assert.Throws<ArgumentException>(() => new ImageLoader(TestImages.Set(3), new LoaderOptions { RandomCrop = true }));
        Assert.Throws<ArgumentException>(() => new ImageLoader(TestImages.Set(3), new LoaderOptions { BatchSize = 4, DropLast = true }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ImageLoader(TestImages.Set(3)).Epoch(0, 2, TestContext.Current.CancellationToken));
    }
}
