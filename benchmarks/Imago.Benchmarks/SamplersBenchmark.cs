using System.Diagnostics;
using System.Globalization;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>samplers [STEPS] [THREADS]</c>: what each sampler spends outside the network, as a share of a run that draws 16 pictures with the U-Net that training takes for 32×32 positions and an hour;
/// the median of several runs, rows of a Markdown table. The noise of a stochastic sampler counts as the sampler's.
/// </summary>
internal static class SamplersBenchmark
{
    private const int Rounds = 3, Batch = 16, Side = 32, Channels = 4;

    internal static void Run(string[] args)
    {
        int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
        var steps = Argument(0, 20);
        TorchRuntime.Start(new TorchOptions { Threads = Argument(1, 2) });
        var width = DiffusionPresets.WidthFor(Side, minutes: 60, DiffusionPresets.BatchSize);
        using var network = DiffusionPresets.UNet(new NetworkTask(Channels, Side, new ConditionerConfig()), width).Create();
        network.eval();
        var process = VariancePreserving.StableDiffusion;
        var ratios = Ramps.Karras(process.At(process.NoisiestTime).Ratio, process.At(0).Ratio, steps).Append(0);
        var schedule = new NoiseSchedule(ratios.Select(process.AtRatio), process);
        using var generator = new Generator(1);
        using var x = randn([Batch, Channels, Side, Side], generator: generator);
        var denoise = Denoisers.FromNetwork((at, time) => network.forward(at, time, Conditioning.None), Prediction.Epsilon, process);
        Console.WriteLine($"{network.parameters().Sum(parameter => parameter.numel()):N0} parameters, {Batch} pictures of {Channels}×{Side}×{Side}, {steps} steps:");
        Console.WriteLine();
        Console.WriteLine("| sampler | run | outside the network, a step | share |");
        Console.WriteLine("|---|---|---|---|");
        foreach (var info in Samplers.All)
        {
            Measure(info, denoise, x, schedule, generator);
            var runs = Enumerable.Range(0, Rounds).Select(_ => Measure(info, denoise, x, schedule, generator)).ToList();
            var (total, share) = (Median(runs.Select(run => run.Total)), Median(runs.Select(run => run.Outside / run.Total)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| `{info.Name}` | {total:0.00} s | {Median(runs.Select(run => run.Outside)) * 1e6 / steps:0} µs | {share * 100:0.00} % |"));
        }
    }

    private static (double Total, double Outside) Measure(SamplerInfo info, Denoiser denoise, Tensor x, NoiseSchedule schedule, Generator generator)
    {
        var (inside, whole) = (new Stopwatch(), Stopwatch.StartNew());
        Tensor Timed(Tensor at, NoiseLevel level)
        {
            inside.Start();
            try { return denoise(at, level); }
            finally { inside.Stop(); }
        }
        using (info.Run(Timed, x, schedule, new SamplingContext { Noise = NoiseSources.Independent(x, generator) })) { }
        return (whole.Elapsed.TotalSeconds, (whole.Elapsed - inside.Elapsed).TotalSeconds);
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
