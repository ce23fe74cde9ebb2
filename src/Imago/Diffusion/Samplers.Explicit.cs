using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Runge–Kutta and Adams methods for the probability-flow ODE in variance-exploding coordinates (Karras et al. 2022): y = x/α and s = σ/α obey dy/ds = ε̂.
/// </summary>
public static partial class Samplers
{
    /// <summary>Euler's method, which is DDIM (Song et al. 2021): x' = α' x̂₀ + σ' ε̂.</summary>
    /// <param name="churn">Noise to add before each step (Karras et al. 2022, Algorithm 2); none by default.</param>
    public static Sampler Euler(Churn? churn = null) => Method(run => (x, from, to) =>
    {
        (x, from) = Churned(run, x, from, churn);
        return Toward(x, run.Denoise(x, from), from, to);
    });

    /// <summary>Heun's method (Karras et al. 2022): Algorithm 2 with churn, Algorithm 1 with σ(t) = t without. The last step, to a clean image, is Euler's.</summary>
    /// <param name="churn">Noise to add before each step; none by default.</param>
    public static Sampler Heun(Churn? churn = null) => Method(run => (x, from, to) =>
    {
        (x, from) = Churned(run, x, from, churn);
        var x0 = run.Denoise(x, from);
        var y = Toward(x, x0, from, to);
        if (IsFirstOrder(from, to)) return y;
        var (d, dNext) = (Epsilon(x, x0, from), Epsilon(y, run.Denoise(y, to), to));
        return Along(x, (d + dNext) / 2, from, to);
    });

    /// <summary>
    /// Karras et al. 2022's Algorithm 1: Heun's method (or Euler's) for the probability-flow ODE in the time of a curve, in which σ and the scale of x change together.
    /// The levels are those of the curve, with its t as their time (<see cref="NoiseCurve.Schedule"/>).
    /// </summary>
    /// <param name="curve">σ(t) and s(t).</param>
    /// <param name="isSecondOrder">Whether the slope at the end of a step corrects it.</param>
    public static Sampler HeunInTime(NoiseCurve curve, bool isSecondOrder = true) => Method(run => (x, from, to) =>
    {
        var d = Slope(run, x, from);
        var y = Sum((1, x), (to.Time - from.Time, d));
        return to.IsClean || !isSecondOrder ? y : Sum((1, x), ((to.Time - from.Time) / 2, d), ((to.Time - from.Time) / 2, Slope(run, y, to)));

        // dx/dt = (σ'/σ + s'/s) x − σ' s/σ D(x/s; σ)
        Tensor Slope(Run run, Tensor x, NoiseLevel at)
        {
            var (t, growth) = (at.Time, curve.SigmaRate(at.Time) / curve.Sigma(at.Time));
            return Sum((growth + curve.ScaleRate(t) / curve.Scale(t), x), (-growth * curve.Scale(t), run.Denoise(x, at)));
        }
    });

    /// <summary>The midpoint rule with the midpoint in ln σ (Karras et al. 2022's variant of DPM-Solver-2, as in k-diffusion).</summary>
    /// <param name="churn">Noise to add before each step; none by default.</param>
    public static Sampler Dpm2(Churn? churn = null) => Method(run => (x, from, to) =>
    {
        (x, from) = Churned(run, x, from, churn);
        var x0 = run.Denoise(x, from);
        if (IsFirstOrder(from, to)) return Toward(x, x0, from, to);
        var middle = run.At(Math.Sqrt(from.Ratio * to.Ratio));
        var y = Toward(x, x0, from, middle);
        return Along(x, Epsilon(y, run.Denoise(y, middle), middle), from, to);
    });

    /// <summary>Adams–Bashforth in s = σ/α: the slopes at the last levels are interpolated by a polynomial, which is integrated exactly (Liu et al. 2022; k-diffusion's LMS).</summary>
    /// <param name="order">Slopes used, at least 1.</param>
    /// <param name="before">
    /// Levels before the first, nearest first, that the polynomial counts as visited although there is no slope of them. diffusers does so in a run that starts from a
    /// picture; for the same pictures as there.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The order is below 1.</exception>
    public static Sampler Lms(int order = 4, IReadOnlyList<NoiseLevel>? before = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        return Method(run =>
        {
            var slopes = new History(order);
            return (x, from, to) =>
            {
                var x0 = run.Denoise(x, from);
                if (from.Alpha == 0 || to.Alpha == 0) return Toward(x, x0, from, to);
                slopes.Add(Epsilon(x, x0, from), from);
                double[] nodes = [.. Enumerable.Range(0, slopes.Count).Select(slopes.LevelOf).Concat(before ?? []).Take(order).Select(level => level.Ratio)];
                return Sum([(to.Alpha / from.Alpha, x), .. Enumerable.Range(0, slopes.Count).Select(j => (to.Alpha * Lagrange.Integral(nodes, j, from.Ratio, to.Ratio), slopes[j]))]);
            };
        });
    }

    /// <summary>x' = α' x₀ + σ' ε with the ε of x = α x₀ + σ ε: exact where the estimate of x₀ does not change on the way.</summary>
    private static Tensor Toward(Tensor x, Tensor x0, NoiseLevel from, NoiseLevel to) =>
        Sum((to.Sigma / from.Sigma, x), (to.Alpha - from.Alpha * to.Sigma / from.Sigma, x0));

    /// <summary>x'/α' = x/α + (s' − s) ε: exact where ε does not change on the way.</summary>
    private static Tensor Along(Tensor x, Tensor epsilon, NoiseLevel from, NoiseLevel to) =>
        Sum((to.Alpha / from.Alpha, x), (to.Alpha * (to.Ratio - from.Ratio), epsilon));

    /// <summary>ε̂ = (x − α x̂₀) / σ.</summary>
    private static Tensor Epsilon(Tensor x, Tensor x0, NoiseLevel level) => Sum((1 / level.Sigma, x), (-level.Alpha / level.Sigma, x0));

    /// <summary>At a clean image there is no slope, and to or from pure noise (s = ∞) a step has no length: there one evaluation is all.</summary>
    private static bool IsFirstOrder(NoiseLevel from, NoiseLevel to) => to.IsClean || from.Alpha == 0 || to.Alpha == 0;

    /// <summary>Karras et al. 2022, Algorithm 2, lines 4–6: ŝ = (1 + γ) s and y + √(ŝ² − s²) S_noise ε with γ = min(S_churn / N, √2 − 1).</summary>
    private static (Tensor X, NoiseLevel Level) Churned(Run run, Tensor x, NoiseLevel from, Churn? churn)
    {
        var s = from.Ratio;
        if (churn is null || churn.Amount == 0 || from.Alpha == 0 || s < churn.MinRatio || s > churn.MaxRatio) return (x, from);
        var hat = run.At(s * (1 + Math.Min(churn.Amount / run.Schedule.Steps, Math.Sqrt(2) - 1)));
        return (Sum((hat.Alpha / from.Alpha, x), (hat.Alpha * Math.Sqrt(hat.Ratio * hat.Ratio - s * s) * churn.NoiseScale, run.Noise(from, hat))), hat);
    }
}

/// <summary>Noise that a sampler adds before each step, to be removed again with the step (Karras et al. 2022, Algorithm 2): errors made before are washed out.</summary>
public sealed record Churn
{
    /// <summary>S_churn: the relative amount of noise added in the whole run; at most (√2 − 1) of σ in a step.</summary>
    public double Amount { get; init; }

    /// <summary>S_tmin: σ/α below which none is added.</summary>
    public double MinRatio { get; init; }

    /// <summary>S_tmax: σ/α above which none is added.</summary>
    public double MaxRatio { get; init; } = double.PositiveInfinity;

    /// <summary>S_noise: the standard deviation of the new noise, slightly above 1 where the network removes too much.</summary>
    public double NoiseScale { get; init; } = 1;
}
