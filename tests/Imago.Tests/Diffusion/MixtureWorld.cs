using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Data with a known optimal denoiser, three processes, and the exact solution of the probability-flow ODE.</summary>
internal static class MixtureWorld
{
    public const int Dimensions = 2;

    public static readonly double[,] Means = { { -1.5, 1 }, { 1, 1.5 }, { 0.5, -2 } };
    public static readonly double[] Deviations = [0.25, 0.25, 0.25];
    public static readonly double[] Weights = [0.5, 0.3, 0.2];

    public static readonly IReadOnlyDictionary<string, NoiseProcess> Processes = new Dictionary<string, NoiseProcess>
    {
        ["variance-preserving"] = new VariancePreservingSde(),
        ["variance-exploding"] = new VarianceExploding(),
        ["flow"] = new RectifiedFlow(),
    };

    public static GaussianMixtureDenoiser Mixture() => new(tensor(Means), tensor(Deviations), tensor(Weights));

    /// <summary>Levels without ends: evenly in σ for the flow, evenly in λ for the others.</summary>
    public static NoiseSchedule Schedule(string process, int steps, double most = 10, double least = 0.1) => Levels(process, steps, most, least, []);

    /// <summary>The same, and a last step to the clean image.</summary>
    public static NoiseSchedule ScheduleToClean(string process, int steps, double most = 10, double least = 0.05) => Levels(process, steps - 1, most, least, [0]);

    /// <summary>A flow from pure noise to the clean image.</summary>
    public static NoiseSchedule WholeFlow(int steps)
    {
        var flow = new RectifiedFlow();
        return new(Enumerable.Range(0, steps + 1).Select(i => flow.AtAmount(1 - (double)i / steps)), flow);
    }

    private static NoiseSchedule Levels(string name, int steps, double most, double least, double[] more)
    {
        var process = Processes[name];
        double Ratio(double u) => process is RectifiedFlow ? OfSigma((1 - u) * most / (1 + most) + u * least / (1 + least)) : most * Math.Pow(least / most, u);
        return new([.. Enumerable.Range(0, steps + 1).Select(i => process.AtRatio(Ratio((double)i / steps))), .. more.Select(process.AtRatio)], process);

        static double OfSigma(double sigma) => sigma / (1 - sigma);
    }

    /// <summary>The probability-flow ODE by the classical Runge–Kutta method in u = ln s, y = x/α: dy/du = s ε̂ = y − x̂₀.</summary>
    public static Tensor Solution(GaussianMixtureDenoiser mixture, Tensor x, NoiseSchedule schedule, int steps = 600)
    {
        using var scope = NewDisposeScope();
        var (process, first, last) = (schedule.Process!, schedule[0], schedule[^1]);
        var (y, u, h) = (x / first.Alpha, Math.Log(first.Ratio), Math.Log(last.Ratio / first.Ratio) / steps);
        Tensor Slope(Tensor at, double time)
        {
            var level = process.AtRatio(Math.Exp(time));
            return at - mixture.Denoise(at * level.Alpha, level);
        }
        for (int i = 0; i < steps; i++, u += h)
        {
            var k1 = Slope(y, u);
            var k2 = Slope(y + h / 2 * k1, u + h / 2);
            var k3 = Slope(y + h / 2 * k2, u + h / 2);
            var k4 = Slope(y + h * k3, u + h);
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
        }
        return (y * last.Alpha).MoveToOuterDisposeScope();
    }

    /// <summary>Clean draws of the mixture, [n, 2, 1, 1].</summary>
    public static Tensor Draw(int n, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        var mode = bucketize(rand([n], float64, generator: generator), tensor(Weights).cumsum(0)).clamp(0, Weights.Length - 1);
        var noise = randn([n, Dimensions], float64, generator: generator);
        return (tensor(Means)[mode] + tensor(Deviations)[mode].unsqueeze(1) * noise).view(n, Dimensions, 1, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Noisy draws at the schedule's first level.</summary>
    public static Tensor Start(int n, ulong seed, NoiseLevel level)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed + 1000);
        return Estimates.Noisy(Draw(n, seed), randn([n, Dimensions, 1, 1], float64, generator: generator), level).MoveToOuterDisposeScope();
    }

    public static SamplingContext Seeded(Tensor x, ulong seed = 1) => new() { Noise = NoiseSources.Independent(x, new Generator(seed)) };
}
