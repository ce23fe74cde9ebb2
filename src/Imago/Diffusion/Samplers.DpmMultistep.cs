using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>DPM-Solver and DPM-Solver++ with one evaluation a step (Lu et al. 2022a, 2022b), for the ODE and the SDE.</summary>
public static partial class Samplers
{
    /// <summary>DPM-Solver multistep (Lu et al. 2022b, Algorithm 2 and appendix): of x̂₀ (DPM-Solver++) or of ε̂ (DPM-Solver), order 1 to 3.</summary>
    /// <param name="options">Order, form, treatment of the end.</param>
    public static Sampler DpmMultistep(DpmSolverOptions? options = null) => Method(run =>
    {
        var o = options ?? new();
        var estimates = new History(o.Order);
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            if (from.Alpha == 0) return Toward(x, x0, from, to);
            estimates.Add(o.OfNoise ? Epsilon(x, x0, from) : x0, from);
            var step = new ExponentialStep(from, to, o.OfNoise, o.Eta);
            var order = to.IsClean || step.H == 0 ? 1 : Math.Min(estimates.Count, o.OrderOf(run.Index, run.Schedule.Steps));
            return WithNoise(run, Combined(x, step.Keep, MultistepWeights(step, estimates, order, o), estimates), from, to, step.Noise);
        };
    });

    /// <summary>
    /// DPM-Solver singlestep (Lu et al. 2022a, Algorithms 1, 4 and 5; 2022b, Algorithm 1) at the nodes of the schedule: every second or third step starts again from the
    /// sample of the group's first, with the estimates in between. The order of each step is <see cref="DpmSolverOptions.SinglestepOrders"/>.
    /// </summary>
    /// <param name="options">Order, form, treatment of the end.</param>
    /// <param name="orders">The order of each step of the schedule; null for the usual groups.</param>
    public static Sampler DpmSinglestep(DpmSolverOptions? options = null, IReadOnlyList<int>? orders = null) => Method(run =>
    {
        var o = options ?? new();
        var planned = orders ?? DpmSolverOptions.SinglestepOrders(run.Schedule.Steps, o.Order);
        var (estimates, start) = (new History(o.Order), new History(1));
        return (x, from, to) =>
        {
            var x0 = run.Denoise(x, from);
            if (from.Alpha == 0) return Toward(x, x0, from, to);
            estimates.Add(o.OfNoise ? Epsilon(x, x0, from) : x0, from);
            var order = to.IsClean ? 1 : Math.Min(estimates.Count, planned[run.Index]);
            if (order == 1) start.Add(x, from);
            var begin = start.LevelOf(0);
            var step = new ExponentialStep(begin, to, o.OfNoise, o.Eta);
            return WithNoise(run, Combined(start[0], step.Keep, SinglestepWeights(step, estimates, order, o), estimates), begin, to, step.Noise);
        };
    });

    private static Tensor Combined(Tensor x, double keep, double[] weights, History estimates) => Sum([(keep, x), .. weights.Select((weight, age) => (weight, estimates[age]))]);

    /// <summary>The weights of m₀, m₁, m₂ (newest first) in W₀ m₀ + W₁ D₁ + W₂ D₂, with D₁ ≈ h m' and D₂ ≈ h² m''/2 from divided differences.</summary>
    private static double[] MultistepWeights(ExponentialStep step, History m, int order, DpmSolverOptions o)
    {
        var r0 = order > 1 ? m.StepBack(1) / step.H : 0;
        if (order == 1 || r0 == 0) return [step.Weight(0)];
        if (order == 2)
        {
            var w = (o.Rule == SecondOrderRule.Heun ? step.Weight(1) : step.Weight(0) / 2) / r0;
            return [step.Weight(0) + w, -w];
        }
        var r1 = m.StepBack(2) / step.H;
        var curvature = o.ReleasedCurvature ? step.Weight(2) / 2 - (o.Eta > 0 ? step.Signal : 0) : step.Weight(2);
        var b = (step.Weight(1) * r0 + curvature) / (r0 + r1);
        var (w0, w1) = ((step.Weight(1) + b) / r0, b / r1);                                            // of m₀ − m₁ and of m₂ − m₁
        return [step.Weight(0) + w0, -w0 - w1, w1];
    }

    /// <summary>The weights of the group's estimates (newest first) in W₀ m + W₁ D₁ + W₂ D₂, m the group's first, D₁ ≈ h m' and D₂ ≈ h² m''.</summary>
    private static double[] SinglestepWeights(ExponentialStep step, History m, int order, DpmSolverOptions o)
    {
        if (order == 1) return [step.Weight(0)];
        var first = m.LevelOf(order - 1);
        var r0 = step.Node(m.LevelOf(0), first);
        if (order == 2)
        {
            var w = (o.Rule == SecondOrderRule.Heun ? step.Weight(1) : step.Weight(0) / 2) / r0;
            return [w, step.Weight(0) - w];
        }
        if (o.Rule == SecondOrderRule.Midpoint) return [step.Weight(1) / r0, 0, step.Weight(0) - step.Weight(1) / r0];
        var r1 = step.Node(m.LevelOf(1), first);
        var curvature = step.Weight(2) - (o.ReleasedCurvature && o.Eta > 0 ? 2 * step.Signal : 0);
        var (w0, w1) = ((curvature - r1 * step.Weight(1)) / (r0 - r1) / r0, (r0 * step.Weight(1) - curvature) / (r0 - r1) / r1);   // of m_new − m and m_middle − m
        return [w0, w1, step.Weight(0) - w0 - w1];
    }
}
