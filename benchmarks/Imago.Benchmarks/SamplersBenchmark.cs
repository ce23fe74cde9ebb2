using System.Diagnostics;
using System.Globalization;
using Imago.Diffusion;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>samplers [STEPS] [THREADS]</c>: what each sampler spends outside the network, as a share of a run with a small U-Net on 32×32 pixels; the median of several runs.
/// The noise of a stochastic sampler counts as the sampler's.
/// </summary>
internal static class SamplersBenchmark
{
    private const int Rounds = 5;

    private static readonly UNet2DConfig Small = new()
    {
        InChannels = 3, OutChannels = 3, BlockOutChannels = [32, 64], LayersPerBlock = 1, NormNumGroups = 8,
        DownBlockTypes = ["DownBlock2D", "DownBlock2D"], UpBlockTypes = ["UpBlock2D", "UpBlock2D"],
    };

    internal static void Run(string[] args)
    {
        int Argument(int index, int otherwise) => args.Length > index ? int.Parse(args[index], CultureInfo.InvariantCulture) : otherwise;
        var steps = Argument(0, 20);
        TorchRuntime.Start(new TorchOptions { Threads = Argument(1, 2) });
        using var network = Small.Create();
        network.eval();
        var process = VariancePreserving.StableDiffusion;
        var ratios = Ramps.Karras(process.At(process.NoisiestTime).Ratio, process.At(0).Ratio, steps).Append(0);
        var schedule = new NoiseSchedule(ratios.Select(process.AtRatio), process);
        using var generator = new Generator(1);
        using var x = randn([1, 3, 32, 32], generator: generator);
        var denoise = Denoisers.FromNetwork((at, time) => network.forward(at, time, Conditioning.None), Prediction.Epsilon, process);
        Console.WriteLine($"{"sampler",-24}{"run",10}{"outside",12}{"share",10}");
        foreach (var info in Samplers.All)
        {
            Measure(info, denoise, x, schedule, generator);
            var runs = Enumerable.Range(0, Rounds).Select(_ => Measure(info, denoise, x, schedule, generator)).ToList();
            var (total, share) = (Median(runs.Select(run => run.Total)), Median(runs.Select(run => run.Outside / run.Total)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{info.Name,-24}{total * 1e3,7:0.0} ms{Median(runs.Select(run => run.Outside)) * 1e6 / steps,6:0} µs/st{share * 100,8:0.00} %"));
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
