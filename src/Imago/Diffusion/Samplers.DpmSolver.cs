using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>DPM-Solver (Lu et al. 2022a): single steps of order 1, 2 and 3 in λ for the estimate of ε, in a fixed budget or with adaptive steps.</summary>
public static partial class Samplers
{
    /// <summary>
    /// DPM-Solver-fast (Lu et al. 2022a, section 3.4): as many evaluations as the schedule has steps, spent on third-order steps of equal length in λ, and one of lower
    /// order for the rest. Of the schedule only its ends and its number of steps matter.
    /// </summary>
    /// <param name="eta">Share of the noise that is replaced; 0 is deterministic.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    public static Sampler DpmFast(double eta = 0, double noiseScale = 1) => Method(run =>
    {
        var (first, last) = InnerEnds(run.Schedule);
        var orders = FastOrders(last - first);
        var (a, b) = (run.Schedule[first].Lambda, run.Schedule[last].Lambda);
        VisitBetween(run, first, last, Enumerable.Range(1, Math.Max(0, orders.Length - 1)).Select(k => run.At(Math.Exp(-(a + (b - a) * k / orders.Length)))));
        return (x, from, to) =>
        {
            if (IsFirstOrder(from, to)) return Toward(x, run.Denoise(x, from), from, to);
            var order = orders[run.Index - first];
            var (down, up) = SplitAbove(from, to, eta, b);
            return WithNoise(run, DpmSolver(run, x, from, down, order, r1: order == 2 ? 0.5 : 1.0 / 3)[^1], from, to, up * noiseScale);
        };
    });

    /// <summary>
    /// DPM-Solver with adaptive steps (Lu et al. 2022a, Algorithm 3; k-diffusion's controller): two orders give an estimate of the error, by which the length of the
    /// step in λ is controlled. Of the schedule only its ends matter; the error is that of the whole batch.
    /// </summary>
    /// <param name="options">Tolerances and the controller.</param>
    /// <exception cref="ArgumentException">The order is neither 2 nor 3.</exception>
    public static Sampler DpmAdaptive(AdaptiveOptions? options = null) => (options ??= new()).Order is 2 or 3
        ? Adaptive(options)
        : throw new ArgumentException($"The adaptive method compares orders 1 and 2 or 2 and 3; its order is 2 or 3, not {options.Order}.", nameof(options));

    private static Sampler Adaptive(AdaptiveOptions o) => Method(run =>
    {
        var (control, previous) = (new StepController(o), new History(1));
        var (first, last) = InnerEnds(run.Schedule);
        var end = run.Schedule[last].Lambda;
        VisitBetween(run, first, last, []);
        return (x, from, to) =>
        {
            if (IsFirstOrder(from, to)) return Toward(x, run.Denoise(x, from), from, to);
            var lambda = from.Lambda + control.Length;
            var aim = lambda > to.Lambda - 1e-5 ? to : run.At(Math.Exp(-lambda));
            var (down, up) = SplitAbove(from, aim, o.Eta, end);
            var results = DpmSolver(run, x, from, down, o.Order, r1: o.Order == 2 ? 0.5 : 1.0 / 3);
            var (low, high) = (results[^2] / down.Alpha, results[^1] / down.Alpha);
            var size = maximum(low.abs(), previous.Count == 0 ? (x / from.Alpha).abs() : previous[0].abs());
            var error = ((low - high) / (o.RelativeTolerance * size).clamp_min(o.AbsoluteTolerance)).square().mean().sqrt().to(float64).item<double>();
            run.Reached = control.Accepts(error) ? aim : from;
            if (run.Reached == from) return x.alias();
            previous.Add(low, aim);
            return WithNoise(run, results[^1], from, aim, up * o.NoiseScale);
        };
    });

    /// <summary>
    /// The probability-flow ODE in ln(σ/α) by Dormand and Prince's method of order 5 with adaptive steps (Song et al. 2021 use this method in their own time). Of the schedule
    /// only its ends matter; the error is that of the whole batch. Upwards (<see cref="Inversion"/>) it finds an image's noise as exactly as the tolerances ask.
    /// </summary>
    /// <param name="absoluteTolerance">Tolerated error of x/α where it is small.</param>
    /// <param name="relativeTolerance">Tolerated error relative to |x/α|.</param>
    public static Sampler Dopri5(double absoluteTolerance = 1e-5, double relativeTolerance = 1e-5) => Method(run =>
    {
        var (first, last) = InnerEnds(run.Schedule);
        VisitBetween(run, first, last, []);
        return (x, from, to) =>
        {
            if (IsFirstOrder(from, to)) return Toward(x, run.Denoise(x, from), from, to);
            var end = DormandPrince.Integrate(Slope, x / from.Alpha, Math.Log(from.Ratio), Math.Log(to.Ratio), absoluteTolerance, relativeTolerance, CancellationToken.None);
            return end * to.Alpha;
        };

        // dy/du = y − x̂₀
        Tensor Slope(double u, Tensor y)
        {
            using var scope = NewDisposeScope();
            var level = run.At(Math.Exp(u));
            return (y - run.Denoise(y * level.Alpha, level)).MoveToOuterDisposeScope();
        }
    });

    /// <summary>DPM-Solver-1 to -<paramref name="order"/> from the same evaluations (Lu et al. 2022a, Algorithms 1, 4 and 5), lowest order first.</summary>
    private static Tensor[] DpmSolver(Run run, Tensor x, NoiseLevel from, NoiseLevel to, int order, double r1, double r2 = 2.0 / 3)
    {
        var (h, eps) = (to.Lambda - from.Lambda, Epsilon(x, run.Denoise(x, from), from));
        var first = Along(x, eps, from, to);
        if (order == 1) return [first];
        var s1 = run.At(Math.Exp(-(from.Lambda + r1 * h)));
        var u1 = Along(x, eps, from, s1);
        var d1 = Epsilon(u1, run.Denoise(u1, s1), s1) - eps;
        var second = Sum((1, first), (-to.Sigma / (2 * r1) * Exponentials.Expm1(h), d1));
        if (order == 2) return [first, second];
        var s2 = run.At(Math.Exp(-(from.Lambda + r2 * h)));
        var u2 = Sum((1, Along(x, eps, from, s2)), (-s2.Sigma * r2 / r1 * r2 * h * Exponentials.Phi(2, r2 * h), d1));
        var d2 = Epsilon(u2, run.Denoise(u2, s2), s2) - eps;
        return [first, second, Sum((1, first), (-to.Sigma / r2 * h * Exponentials.Phi(2, h), d2))];
    }

    /// <summary>Thirds of the budget as third-order steps, the rest as one of lower order; at least one step is not of third order.</summary>
    private static int[] FastOrders(int evaluations) => evaluations % 3 == 0
        ? evaluations == 0 ? [] : [.. Enumerable.Repeat(3, evaluations / 3 - 1), 2, 1]
        : [.. Enumerable.Repeat(3, evaluations / 3), evaluations % 3];

    /// <summary>The positions of the first and the last level that hold both image and noise.</summary>
    private static (int First, int Last) InnerEnds(NoiseSchedule schedule)
    {
        static bool IsInner(NoiseLevel level) => !level.IsClean && level.Alpha > 0;
        var last = IsInner(schedule[^1]) ? schedule.Steps : schedule.Steps - 1;
        return (IsInner(schedule[0]) ? 0 : Math.Min(1, last), last);
    }

    private static void VisitBetween(Run run, int first, int last, IEnumerable<NoiseLevel> between)
    {
        if (first < last) run.Visit([.. run.Schedule.Take(first + 1), .. between, .. run.Schedule.Skip(last)]);
    }

    /// <summary>As <see cref="Split"/>, but never below the end of the run, λ = <paramref name="end"/>.</summary>
    private static (NoiseLevel Down, double Up) SplitAbove(NoiseLevel from, NoiseLevel to, double eta, double end)
    {
        var (down, up) = Split(from, to, eta);
        var lowest = to.Alpha * Math.Exp(-end);
        return up == 0 || down.Sigma >= lowest ? (down, up) : (to with { Sigma = Math.Min(lowest, to.Sigma) }, Math.Sqrt(Math.Max(0, to.Sigma * to.Sigma - lowest * lowest)));
    }

    /// <summary>A proportional–integral–derivative controller of the step length, with a smooth limit (Söderlind 2003).</summary>
    private sealed class StepController(AdaptiveOptions options)
    {
        private readonly double order = options.Eta == 0 ? options.Order : 1.5;
        private double last, beforeLast;

        /// <summary>The length of the next step in λ.</summary>
        public double Length { get; private set; } = options.FirstStep;

        /// <summary>Whether a step with this error stands; sets the length of the next.</summary>
        public bool Accepts(double error)
        {
            var (p, i, d, now) = (options.Proportional, options.Integral, options.Derivative, 1 / (error + 1e-8));
            if (last == 0) (last, beforeLast) = (now, now);
            var factor = Math.Pow(now, (p + i + d) / order) * Math.Pow(last, -(p + 2 * d) / order) * Math.Pow(beforeLast, d / order);
            factor = 1 + Math.Atan(factor - 1);
            var accepted = factor >= options.Acceptance;
            if (accepted) (last, beforeLast) = (now, last);
            Length *= factor;
            return accepted;
        }
    }
}

/// <summary>Tolerances and controller of <see cref="Samplers.DpmAdaptive"/>; the defaults are k-diffusion's.</summary>
public sealed record AdaptiveOptions
{
    /// <summary>2 (orders 1 and 2 are compared) or 3 (orders 2 and 3).</summary>
    public int Order { get; init; } = 3;

    /// <summary>Tolerated error relative to |x/α|.</summary>
    public double RelativeTolerance { get; init; } = 0.05;

    /// <summary>Tolerated error where x is small.</summary>
    public double AbsoluteTolerance { get; init; } = 0.0078;

    /// <summary>Length of the first step in λ.</summary>
    public double FirstStep { get; init; } = 0.05;

    /// <summary>The controller's reaction to the error itself.</summary>
    public double Proportional { get; init; }

    /// <summary>The controller's reaction to the accumulated error.</summary>
    public double Integral { get; init; } = 1;

    /// <summary>The controller's reaction to the change of the error.</summary>
    public double Derivative { get; init; }

    /// <summary>The factor of the next length from which on a step stands.</summary>
    public double Acceptance { get; init; } = 0.81;

    /// <summary>Share of the noise that is replaced; 0 is deterministic.</summary>
    public double Eta { get; init; }

    /// <summary>Standard deviation of the fresh noise.</summary>
    public double NoiseScale { get; init; } = 1;
}
