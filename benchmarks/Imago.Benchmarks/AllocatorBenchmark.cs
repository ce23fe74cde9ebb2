using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace Imago.Benchmarks;

/// <summary>The cost of fresh memory for a large result, which for an addition is most of its cost.</summary>
internal static class AllocatorBenchmark
{
    private const int Rounds = 15, RunsPerRound = 5;

    internal static void Run(string[] args)
    {
        if (args is ["worker"]) Worker.Answer(Measure);
        else Compare();
    }

    private static void Compare()
    {
        using var imago = new Worker(["allocator", "worker"], new Dictionary<string, string> { ["IMAGO_ALLOCATOR"] = "imago" });
        using var libtorch = new Worker(["allocator", "worker"], new Dictionary<string, string> { ["IMAGO_ALLOCATOR"] = "default" });
        Console.WriteLine("x + x        Imago   libtorch   ratio");
        foreach (var megabytes in (int[])[4, 40, 80, 300])
        {
            var question = megabytes.ToString(CultureInfo.InvariantCulture);
            var pairs = Enumerable.Range(0, Rounds).Select(_ => (Imago: imago.Ask(question), Libtorch: libtorch.Ask(question))).ToList();
            var (own, other) = (Median(pairs.Select(pair => pair.Imago)), Median(pairs.Select(pair => pair.Libtorch)));
            var ratio = Median(pairs.Select(pair => pair.Imago / pair.Libtorch));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{megabytes,4} MB {own * 1e3,8:0.00} ms {other * 1e3,7:0.00} ms   {ratio:0.000}"));
        }
    }

    private static TimeSpan Measure(string megabytes)
    {
        TorchRuntime.Start();
        using var x = torch.ones(int.Parse(megabytes, CultureInfo.InvariantCulture) * (1L << 20) / sizeof(float));
        (x + x).Dispose();
        var time = Stopwatch.StartNew();
        for (int i = 0; i < RunsPerRound; i++) (x + x).Dispose();
        return time.Elapsed / RunsPerRound;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
