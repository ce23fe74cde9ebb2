using Imago.Autoencoders;
using Imago.Data;
using Imago.Generation;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LatentCacheTests
{
    private static readonly LoaderOptions Options = new() { BatchSize = 3, Seed = 4, Flip = true };

    private static Autoencoder Network(bool isVariational = true) => new ConvConfig { Channels = 1, Height = 8, Width = 8, Widths = [4], Hidden = [], Latent = 5, Variational = isVariational }.Create(seed: 3);

    private static LatentFile Write(Autoencoder network, ImageDataset set, string folder)
    {
        new LatentWriter(network, set, Options, withFlips: true, CPU).Write(folder, null, CancellationToken.None);
        return LatentFile.TryOpen(folder)!;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Latents_OfACachedPicture_AreThoseOfEncodingIt(bool isVariational)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (network, set) = (Network(isVariational), TestImages.Set(7, 8, 8));
        using var file = Write(network, set, folder.Path);
        var identity = new LatentScale([0, 0, 0, 0, 0], [1, 1, 1, 1, 1]);
        foreach (var mirrored in (bool[])[false, true])
        {
            using var batch = file.Read([6, 2], [mirrored, mirrored], identity);
            var pixels = stack([Pictures.ToFloat(set.Get(6).Image, PixelRange.MinusOneToOne), Pictures.ToFloat(set.Get(2).Image, PixelRange.MinusOneToOne)]);
            var posterior = LatentCodec.Posterior(network, mirrored ? pixels.flip(3) : pixels);
            var (got, wanted) = (batch.Draw(new Generator(5), CPU), isVariational ? posterior.Sample(randn(posterior.Mean.shape, generator: new Generator(5))) : posterior.Mean);
            Assert.True(got.allclose(wanted, rtol: 2e-3, atol: 2e-3));              // moments are kept in fp16
            Assert.Equal([0L, 2L], batch.Known.Labels!.data<long>().ToArray());
            Assert.Equal(["image 6", "image 2"], batch.Known.Captions);
            Assert.Equal([0.6f, 0.2f], batch.Known.Attributes!.data<float>().ToArray());
        }
    }

    [Fact]
    public void Scale_BringsSamplesOfAllPictures_ToMeanZeroAndVarianceOne()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var file = Write(Network(), TestImages.Set(9, 8, 8), folder.Path);
        var noise = new Generator(1);
        var rows = Enumerable.Range(0, 9).ToArray();
        var draws = cat([.. Enumerable.Range(0, 400).Select(i => file.Read(rows, [.. rows.Select(_ => i % 2 == 0)], file.Scale).Draw(noise, CPU))]).flatten(2).squeeze(2);
        Assert.True(draws.mean([0]).abs().max().item<float>() < 0.08);
        Assert.True((draws.var(0) - 1).abs().max().item<float>() < 0.12);
    }

    [Fact]
    public void BrokenPictures_AreLeftOut()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var file = Write(Network(), new FaultyDataset(TestImages.Set(7, 8, 8), 1, 5), folder.Path);
        Assert.Equal([0, 2, 3, 4, 6], file.Rows);
    }

    [Fact]
    public void Batches_OfAnEpoch_AreThoseOfEveryPicture_AndDependOnSeedEpochAndNumberAlone()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var file = Write(Network(), TestImages.Set(7, 8, 8), folder.Path);
        var batches = new LatentBatches(file, file.Scale, Options);
        Assert.Equal(3, batches.BatchesPerEpoch);
        string[] Captions(int epoch, int first) => [.. batches.Epoch(epoch, first).SelectMany(batch => batch.Known.Labels!.data<long>().ToArray().Zip(batch.Known.Captions, (label, caption) => $"{label} {caption}"))];
        Assert.Equal(7, Captions(0, 0).Length);
        Assert.Equal(Captions(2, 0)[3..], Captions(2, 1));
        Assert.NotEqual(Captions(0, 0), Captions(1, 0));
    }

    [Fact]
    public void Key_DependsOnWeights_PicturesAndSize()
    {
        using var scope = NewDisposeScope();
        var (network, set) = (Network(), TestImages.Set(4, 8, 8));
        string Key(Autoencoder network, ImageDataset set, LoaderOptions options, bool flips = true) => LatentCache.Key(network, set, options, flips, CancellationToken.None);
        var key = Key(network, set, Options);
        Assert.Equal(key, Key(Network(), TestImages.Set(4, 8, 8), Options with { BatchSize = 2, Seed = 9 }));
        Assert.NotEqual(key, Key(network, TestImages.Set(5, 8, 8), Options));
        Assert.NotEqual(key, Key(network, set, Options with { Size = 16 }));
        Assert.NotEqual(key, Key(network, set, Options, flips: false));
        using (no_grad()) network.parameters().Last().add_(1e-3);
        Assert.NotEqual(key, Key(network, set, Options));
    }
}
