using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Exponential Adams methods: the estimates at the last levels are interpolated by a polynomial in λ = ln(α/σ), which is integrated exactly.</summary>
public static partial class Samplers
{
    /// <summary>DEIS with polynomials in ln ρ = −λ (Zhang and Chen 2023, ρAB-DEIS in its logρ form): exponential Adams–Bashforth for ε̂.</summary>
    /// <param name="order">Estimates used, at least 1.</param>
    /// <param name="lowersOrderAtEnd">Whether the last step is of first order, the one before of second, ….</param>
    public static Sampler Deis(int order = 3, bool lowersOrderAtEnd = false) => Method(run =>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        var slopes = new History(order);
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            if (IsFirstOrder(from, to) || IsStill(from, to)) return Toward(x, x0, from, to);
            slopes.Add(Epsilon(x, x0, from), from);
            var step = new ExponentialStep(from, to, ofNoise: true, share: 0);
            var count = Math.Min(slopes.Count, lowersOrderAtEnd ? run.Schedule.Steps - run.Index : order);
            return Combined(x, step.Keep, step.Weights(Nodes(step, from, slopes, count)), slopes);
        };
    });

    /// <summary>
    /// UniPC (Zhao et al. 2023): a predictor from the last estimates, and a corrector that repeats the step which led here with the estimate found here as one more. The
    /// estimate is not computed anew for the corrected sample.
    /// </summary>
    /// <param name="options">Order, form, treatment of the end.</param>
    public static Sampler UniPc(UniPcOptions? options = null) => Method(run =>
    {
        var o = options ?? new();
        var (estimates, corrected) = (new History(o.Order), new History(1));
        var order = 0;
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            if (from.Alpha == 0) return Toward(x, x0, from, to);
            var now = o.OfNoise ? Epsilon(x, x0, from) : x0;
            if (order > 0 && !o.Uncorrected.Contains(run.Index - 1)) x = Corrected(now, from);
            if (IsStill(from, to)) return x.alias();
            estimates.Add(now, from);
            corrected.Add(x, from);
            order = to.IsClean ? 1 : Math.Min(estimates.Count, o.LowersOrderAtEnd ? run.Schedule.Steps - run.Index : o.Order);
            var step = new ExponentialStep(from, to, o.OfNoise, share: 0);
            var nodes = Nodes(step, from, estimates, order);
            return Combined(x, step.Keep, order == 2 ? HalfWeights(step, nodes[1], o) : step.Weights(nodes), estimates);
        };

        Tensor Corrected(Tensor now, NoiseLevel level)
        {
            var start = estimates.LevelOf(0);
            var step = new ExponentialStep(start, level, o.OfNoise, share: 0);
            double[] nodes = [.. Nodes(step, start, estimates, order), 1];
            var weights = order == 1 ? HalfWeights(step, 1, o) : step.Weights(nodes);
            return Sum([(step.Keep, corrected[0]), .. weights[..^1].Select((weight, age) => (weight, estimates[age])), (weights[^1], now)]);
        }
    });

    /// <summary>The rule of two estimates m₀ and m₁, u = r: W₀ m₀ + B/2 (m₁ − m₀)/r (Zhao et al. 2023, section 3.3, where ½ stands for the solution of one equation).</summary>
    private static double[] HalfWeights(ExponentialStep step, double r, UniPcOptions o)
    {
        var w = (o.Variant == UniPcVariant.Bh1 ? step.FlatWeight : step.Weight(0) / 2) / r;
        return [step.Weight(0) - w, w];
    }

    /// <summary>
    /// SA-Solver (Xue et al. 2023): stochastic Adams predictor and corrector for the reverse SDE with τ(t)² times its noise. The corrector repeats the step that led here,
    /// with its noise.
    /// </summary>
    /// <param name="options">Orders, form, τ, treatment of the end.</param>
    public static Sampler SaSolver(SaSolverOptions? options = null) => Method(run =>
    {
        var o = options ?? new();
        var estimates = new History(Math.Max(o.PredictorOrder, Math.Max(1, o.CorrectorOrder - 1)));
        var (start, noise) = (new History(1), new History(1));
        var (correctorOrder, tau) = (0, 0.0);
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            if (from.Alpha == 0) return Toward(x, x0, from, to);
            var now = o.OfNoise ? Epsilon(x, x0, from) : x0;
            if (correctorOrder > 0) x = Corrected(now, from);
            if (IsStill(from, to)) return x.alias();
            estimates.Add(now, from);
            start.Add(x, from);
            tau = o.Tau(from);
            var left = o.LowersOrderAtEnd ? run.Schedule.Steps - run.Index : int.MaxValue - 1;
            var order = to.IsClean ? 1 : Math.Min(Math.Min(o.PredictorOrder, estimates.Count), left);
            correctorOrder = Math.Min(Math.Min(o.CorrectorOrder, estimates.Count + 1), left + 1);
            var step = new ExponentialStep(from, to, o.OfNoise, tau * tau);
            var next = Combined(x, step.Keep, Weights(step, Nodes(step, from, estimates, order)), estimates);
            if (step.Noise == 0) return next;
            noise.Add(run.Noise(from, to), from);
            return next.add_(noise[0], alpha: step.Noise);
        };

        Tensor Corrected(Tensor now, NoiseLevel level)
        {
            var step = new ExponentialStep(start.LevelOf(0), level, o.OfNoise, tau * tau);
            double[] nodes = [1, .. Nodes(step, start.LevelOf(0), estimates, correctorOrder - 1)];
            var weights = Weights(step, nodes);
            var x = Sum([(step.Keep, start[0]), (weights[0], now), .. weights[1..].Select((weight, age) => (weight, estimates[age]))]);
            return step.Noise == 0 ? x : x.add_(noise[0], alpha: step.Noise);
        }

        double[] Weights(ExponentialStep step, double[] nodes) =>
            o.FlatSecondOrder && !o.OfNoise && nodes.Length == 2 ? step.Weights(nodes, step.FlatWeight) : step.Weights(nodes);
    });

    /// <summary>Some schedules end with a level twice: a step of no length, in which nothing happens.</summary>
    private static bool IsStill(NoiseLevel from, NoiseLevel to) => from.Lambda == to.Lambda;

    /// <summary>u of the last estimates, newest first.</summary>
    private static double[] Nodes(ExponentialStep step, NoiseLevel from, History estimates, int count) =>
        [.. Enumerable.Range(0, count).Select(age => step.Node(estimates.LevelOf(age), from))];
}
