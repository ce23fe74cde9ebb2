using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// DPM-Solver++ (Lu et al. 2022b): exponential integrators in λ = ln(α/σ) for the estimate of x₀, with the estimates of earlier steps:
/// x' = σ'/σ x + α' (1 − e^{−h}) x̂₀ + corrections, h = λ' − λ; for the reverse SDE with share η of fresh noise h becomes H = (1 + η) h.
/// </summary>
public static partial class Samplers
{
    /// <summary>DPM-Solver++(2M) (Lu et al. 2022b, Algorithm 2): second order with one evaluation a step.</summary>
    public static Sampler DpmPlusPlus2M() => DpmPlusPlus2MSde(eta: 0);

    /// <summary>SDE-DPM-Solver++(2M) (Lu et al. 2022b): second order with one evaluation a step, for the reverse SDE.</summary>
    /// <param name="eta">Share of the noise that is replaced: 0 is the ODE.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    /// <param name="rule">How the change of the estimates enters.</param>
    public static Sampler DpmPlusPlus2MSde(double eta = 1, double noiseScale = 1, SecondOrderRule rule = SecondOrderRule.Midpoint) => Method(run =>
    {
        var x0s = new History(2);
        return (x, from, to) =>
        {
            x0s.Add(run.Denoise(x, from), from);
            if (to.IsClean || to.Alpha == 0) return Toward(x, x0s[0], from, to);
            var s = new ReverseStep(from, to, eta);
            var w = x0s.Count < 2 ? 0 : (rule == SecondOrderRule.Heun ? s.C2 : s.C1 / 2) * s.H / x0s.StepBack(1);
            return WithNoise(run, Sum((s.Keep, x), (to.Alpha * (s.C1 + w), x0s[0]), (-to.Alpha * w, x0s[1])), from, to, s.Noise * noiseScale);
        };
    });

    /// <summary>SDE-DPM-Solver++(3M) (Crowson's third-order form of Lu et al. 2022b): third order with one evaluation a step.</summary>
    /// <param name="eta">Share of the noise that is replaced: 0 is the ODE.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    public static Sampler DpmPlusPlus3MSde(double eta = 1, double noiseScale = 1) => Method(run =>
    {
        var x0s = new History(3);
        return (x, from, to) =>
        {
            x0s.Add(run.Denoise(x, from), from);
            if (to.IsClean || to.Alpha == 0) return Toward(x, x0s[0], from, to);
            var s = new ReverseStep(from, to, eta);
            var r0 = x0s.Count < 2 ? double.PositiveInfinity : x0s.StepBack(1) / s.H;
            var r1 = x0s.Count < 3 ? double.PositiveInfinity : x0s.StepBack(2) / s.H;
            var b = double.IsInfinity(r1) ? 0 : (s.C2 * r0 - s.C3) / (r0 + r1);
            var (w0, w1) = ((s.C2 + b) / r0, b / r1);                                        // of x̂₀ − x̂₀⁻ and of x̂₀⁻ − x̂₀⁻⁻
            var next = Sum((s.Keep, x), (to.Alpha * (s.C1 + w0), x0s[0]), (-to.Alpha * (w0 + w1), x0s[1]), (to.Alpha * w1, x0s[2]));
            return WithNoise(run, next, from, to, s.Noise * noiseScale);
        };
    });

    /// <summary>One step of the reverse process: x' = Keep · x + α' ∫ … + Noise · ε, with C₁ = 1 − e^{−H}, C₂ = 1 − C₁/H and C₃ = C₂/H − ½ for a constant, linear and quadratic estimate.</summary>
    private readonly struct ReverseStep
    {
        public ReverseStep(NoiseLevel from, NoiseLevel to, double eta)
        {
            H = to.Lambda - from.Lambda;
            var extra = eta == 0 ? 0 : eta * H;
            var total = H + extra;
            Keep = to.Sigma / from.Sigma * Math.Exp(-extra);
            Noise = to.Sigma * Math.Sqrt(-Exponentials.Expm1(-2 * extra));
            C1 = -Exponentials.Expm1(-total);
            (C2, C3) = double.IsInfinity(total) ? (1, -0.5) : (total * Exponentials.Phi(2, -total), -total * Exponentials.Phi(3, -total));
        }

        public double H { get; }

        public double Keep { get; }

        public double Noise { get; }

        public double C1 { get; }

        public double C2 { get; }

        public double C3 { get; }
    }
}

/// <summary>How a second-order multistep method uses the change between two estimates of x₀ (Lu et al. 2022b, appendix).</summary>
public enum SecondOrderRule
{
    /// <summary>Half the change, carried along with the estimate itself.</summary>
    Midpoint,

    /// <summary>The integral of the straight line through both.</summary>
    Heun,
}
