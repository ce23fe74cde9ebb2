using System.Diagnostics;
using System.Globalization;
using Imago.Data;
using Imago.Data.Faces;
using Imago.Images;
using TorchSharp;

namespace Imago.Benchmarks;

/// <summary>
/// An epoch over a folder of JPEG files, to float tensors at the size of a network: Imago's loader in its first epoch (everything is decoded, in parallel
/// and ahead) and in a later one (small sets are in memory), each against one thread that decodes, resizes and stacks.
/// </summary>
internal static class LoadingBenchmark
{
    private const int Rounds = 5, Images = 1000, StoredSide = 192, Side = 64, BatchSize = 64;

    internal static void Run(string[] args)
    {
        TorchRuntime.Start();
        var folder = Directory.CreateTempSubdirectory("imago-benchmark-");
        try
        {
            var faces = new FaceDataset(Images, size: StoredSide);
            Parallel.For(0, Images, i => ImageFile.Write(Path.Combine(folder.FullName, $"{i:0000}.jpg"), faces.Get(i).Image));
            Compare(new ImageFolderDataset(folder.FullName));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Compare(ImageDataset set)
    {
        var options = new LoaderOptions { BatchSize = BatchSize, Size = Side, CacheBytes = 0 };
        var (reading, remembering) = (new ImageLoader(set, options), new ImageLoader(set, options with { CacheBytes = 1L << 30 }));
        LoadEpoch(remembering, 0);
        OneThread(set, 0);
        var rounds = Enumerable.Range(1, Rounds).Select(epoch => (
            Naive: Time(() => OneThread(set, epoch)), First: Time(() => LoadEpoch(reading, epoch)), Later: Time(() => LoadEpoch(remembering, epoch)))).ToList();
        Console.WriteLine($"An epoch of {Images} JPEG files of {StoredSide}×{StoredSide} to {Side}×{Side}, {Environment.ProcessorCount} processors:");
        Line("one thread", rounds.Select(round => round.Naive), rounds.Select(_ => 1.0));
        Line("first epoch", rounds.Select(round => round.First), rounds.Select(round => round.First / round.Naive));
        Line("later epoch", rounds.Select(round => round.Later), rounds.Select(round => round.Later / round.Naive));
    }

    private static void LoadEpoch(ImageLoader loader, int epoch)
    {
        foreach (var batch in loader.Epoch(epoch))
        {
            using (batch) batch.ToFloat(PixelRange.ZeroToOne).Dispose();
        }
    }

    private static void OneThread(ImageDataset set, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, set.Count)];
        new Random(epoch).Shuffle(order);
        foreach (var indices in order.Chunk(BatchSize))
        {
            using var scope = torch.NewDisposeScope();
            torch.stack(indices.Select(index => Pictures.ToFloat(Resampling.ResizeAndCrop(ColourConversion.ToColour(set.Get(index).Image), Side, Side, ResampleFilter.Bicubic), PixelRange.ZeroToOne)).ToArray());
        }
    }

    private static double Time(Action work)
    {
        var time = Stopwatch.StartNew();
        work();
        return time.Elapsed.TotalSeconds;
    }

    private static void Line(string name, IEnumerable<double> seconds, IEnumerable<double> ratios) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-12} {Images / Median(seconds),8:0} images/s   ratio {Median(ratios):0.000}"));

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
