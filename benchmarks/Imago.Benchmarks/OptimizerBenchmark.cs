using System.Diagnostics;
using System.Globalization;
using Imago.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>An AdamW step over ten million parameters in 400 tensors: Imago's single call against TorchSharp's loop, in turn in one process.</summary>
internal static class OptimizerBenchmark
{
    private const int Rounds = 15, Tensors = 400, Side = 158;

    internal static void Run(string[] args)
    {
        TorchRuntime.Start(new TorchOptions { Threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1 });
        var (own, other) = (Parameters(), Parameters());
        using var imago = new AdamWConfig().Create([new([.. own.Select((parameter, i) => ($"{i}", (Tensor)parameter))])]);
        using var torchSharp = optim.AdamW(other, weight_decay: 0.01);
        imago.Step(1e-3);
        torchSharp.step();
        var pairs = Enumerable.Range(0, Rounds).Select(_ => (Imago: Seconds(() => imago.Step(1e-3)), TorchSharp: Seconds(() => torchSharp.step()))).ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"AdamW step, {Tensors} tensors   Imago {Median(pairs.Select(pair => pair.Imago)) * 1e3:0.0} ms   TorchSharp {Median(pairs.Select(pair => pair.TorchSharp)) * 1e3:0.0} ms   ratio {Median(pairs.Select(pair => pair.Imago / pair.TorchSharp)):0.000}"));
    }

    private static Parameter[] Parameters() => [.. Enumerable.Range(0, Tensors).Select(_ =>
    {
        var parameter = nn.Parameter(randn(Side, Side));
        using var gradient = randn(Side, Side);
        parameter.grad = gradient;
        return parameter;
    })];

    private static double Seconds(Action action)
    {
        var time = Stopwatch.StartNew();
        action();
        return time.Elapsed.TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
