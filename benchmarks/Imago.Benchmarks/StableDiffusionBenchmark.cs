using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>stable-diffusion --python PATH [--network NAME] [--precision bf16|fp32] [--threads N] [--rounds N]</c>: a step with guidance of Stable Diffusion 1.5, XL and 3 and the
/// autoencoder's decoder, at full size with random weights, by Imago and by diffusers, as people run it and with its allocator's thresholds raised, in turn; then the time
/// from a process's start to its end after the first step of a small network.
/// </summary>
internal static class StableDiffusionBenchmark
{
    private const string Topic = "stable-diffusion", Script = "stable_diffusion_step.py", First = "FIRST";

    internal static void Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0].TrimStart('-'), pair => pair[1]);
        string Get(string name, string otherwise) => options.GetValueOrDefault(name, otherwise);
        var (precision, threads, rounds) = (Get("precision", "bf16"), Get("threads", "2"), int.Parse(Get("rounds", "5"), CultureInfo.InvariantCulture));
        TorchRuntime.Start(new TorchOptions { Threads = int.Parse(threads, CultureInfo.InvariantCulture) });
        if (options.TryGetValue("worker", out var worker)) Answer(worker, precision);
        else if (!options.TryGetValue("python", out var python)) Console.Error.WriteLine("Give --python PATH: an interpreter with PyTorch and diffusers.");
        else
        {
            var peak = MachineReport.Measure().GigaflopsPerSecond.Where(speed => speed.Key.EndsWith(precision == "bf16" ? "bfloat16" : "float32", StringComparison.Ordinal)).Max(speed => speed.Value);
            Console.WriteLine($"{precision}, {threads} threads, peak {peak:0} GFLOP/s     Imago   PyTorch    raised   Imago/PyTorch   Imago/raised   of the peak   memory, Imago   PyTorch");
            foreach (var name in options.TryGetValue("network", out var one) ? [one] : StableDiffusionCase.All.Keys) Compare(name, python, precision, threads, rounds, peak);
            if (!options.ContainsKey("network")) CompareStarts(python, threads, rounds);
        }
    }

    private static void Answer(string name, string precision)
    {
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        var work = StableDiffusionCase.Named(name).Work(precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        work();
        if (precision == First) return;
        Worker.Answer(question =>
        {
            if (question == "memory") return Process.GetCurrentProcess().PeakWorkingSet64 / 1e6;
            var time = Stopwatch.StartNew();
            work();
            return time.Elapsed.TotalSeconds;
        });
    }

    private static void Compare(string name, string python, string precision, string threads, int rounds, double peak)
    {
        var network = StableDiffusionCase.Named(name);
        var omp = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = threads };
        string[] call = [PeerComparison.Script(Script), .. network.Arguments, threads, precision];
        using var imago = new Worker([Topic, "--worker", name, "--precision", precision, "--threads", threads], omp);
        using var plain = new Worker(python, call, omp);
        using var raised = new Worker(python, call, PeerComparison.RaisedThresholds.Concat(omp).ToDictionary());
        var flops = plain.Ask("flops");
        var seconds = Enumerable.Range(0, rounds).Select(_ => (Imago: imago.Ask("run"), Plain: plain.Ask("run"), Raised: raised.Ask("run"))).ToList();
        var mine = PeerComparison.Median(seconds.Select(s => s.Imago));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-36} {mine,7:0.00} s {PeerComparison.Median(seconds.Select(s => s.Plain)),7:0.00} s {PeerComparison.Median(seconds.Select(s => s.Raised)),7:0.00} s {PeerComparison.Median(seconds.Select(s => s.Imago / s.Plain)),12:0.000} {PeerComparison.Median(seconds.Select(s => s.Imago / s.Raised)),14:0.000} {flops / mine / peak / 1e7,12:0} % {imago.Ask("memory"),11:0} MB {plain.Ask("memory"),6:0} MB"));
    }

    private static void CompareStarts(string python, string threads, int rounds)
    {
        var network = StableDiffusionCase.Named(StableDiffusionCase.Small);
        var seconds = Enumerable.Range(0, rounds).Select(_ => (
            Imago: Lifetime(() => new Worker([Topic, "--worker", StableDiffusionCase.Small, "--precision", First, "--threads", threads], new Dictionary<string, string>())),
            Python: Lifetime(() => new Worker(python, [PeerComparison.Script(Script), .. network.Arguments, threads, First], new Dictionary<string, string>())))).ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{"start to end, a small network's step",-36} {PeerComparison.Median(seconds.Select(s => s.Imago)),7:0.00} s {PeerComparison.Median(seconds.Select(s => s.Python)),7:0.00} s {"",9} {PeerComparison.Median(seconds.Select(s => s.Imago / s.Python)),12:0.000}"));
    }

    private static double Lifetime(Func<Worker> start)
    {
        var time = Stopwatch.StartNew();
        start().Dispose();
        return time.Elapsed.TotalSeconds;
    }
}
