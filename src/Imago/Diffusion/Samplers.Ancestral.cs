using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Ancestral methods: each step goes below its aim and is brought up to it by fresh noise (k-diffusion's split of Song et al. 2021's η).</summary>
public static partial class Samplers
{
    /// <summary>Euler's method with ancestral noise; with η = 1 the DDPM sampler (Ho et al. 2020).</summary>
    /// <param name="eta">Share of the noise that is replaced: 0 is deterministic, 1 the reverse process.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    public static Sampler EulerAncestral(double eta = 1, double noiseScale = 1) => Method(run => (x, from, to) =>
    {
        var (down, up) = Split(from, to, eta);
        return WithNoise(run, Toward(x, run.Denoise(x, from), from, down), from, to, up * noiseScale);
    });

    /// <summary>The midpoint rule (<see cref="Dpm2"/>) with ancestral noise.</summary>
    /// <param name="eta">Share of the noise that is replaced.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    /// <param name="split">The level below a step's aim and the noise that leads up from there; null for those of <paramref name="eta"/>.</param>
    public static Sampler Dpm2Ancestral(double eta = 1, double noiseScale = 1, Func<NoiseLevel, NoiseLevel, (NoiseLevel Down, double Up)>? split = null) => Method(run => (x, from, to) =>
    {
        var (down, up) = split?.Invoke(from, to) ?? Split(from, to, eta);
        var x0 = run.Denoise(x, from);
        if (IsFirstOrder(from, down)) return WithNoise(run, Toward(x, x0, from, down), from, to, up * noiseScale);
        var middle = run.At(Math.Sqrt(from.Ratio * down.Ratio));
        var y = Toward(x, x0, from, middle);
        return WithNoise(run, Along(x, Epsilon(y, run.Denoise(y, middle), middle), from, down), from, to, up * noiseScale);
    });

    /// <summary>DPM-Solver++(2S) (Lu et al. 2022b, Algorithm 1) with ancestral noise: the estimate of x₀ is taken at the midpoint in λ.</summary>
    /// <param name="eta">Share of the noise that is replaced; 0 is the deterministic method.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    public static Sampler DpmPlusPlus2SAncestral(double eta = 1, double noiseScale = 1) => Method(run => (x, from, to) =>
    {
        var (down, up) = Split(from, to, eta);
        var x0 = run.Denoise(x, from);
        if (!IsFirstOrder(from, down))
        {
            var middle = run.At(Math.Sqrt(from.Ratio * down.Ratio));
            x0 = run.Denoise(Toward(x, x0, from, middle), middle);
        }
        return WithNoise(run, Toward(x, x0, from, down), from, to, up * noiseScale);
    });

    /// <summary>
    /// DPM-Solver++ for the reverse SDE in a single step with two estimates (Lu et al. 2022b; k-diffusion's <c>dpmpp_sde</c>). Best with noise along one Brownian
    /// path (<see cref="BrownianTree"/>), since the two draws of a step overlap in time.
    /// </summary>
    /// <param name="eta">Share of the noise that is replaced.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    /// <param name="r">Where in the step the second estimate is taken, as a share of its length in λ.</param>
    public static Sampler DpmPlusPlusSde(double eta = 1, double noiseScale = 1, double r = 0.5) => Method(run => (x, from, to) =>
    {
        var x0 = run.Denoise(x, from);
        var (down, up) = Split(from, to, eta);
        if (IsFirstOrder(from, to)) return WithNoise(run, Toward(x, x0, from, down), from, to, up * noiseScale);
        var middle = run.At(Math.Exp(-(from.Lambda + r * (to.Lambda - from.Lambda))));
        var (middleDown, middleUp) = Split(from, middle, eta);
        var y = WithNoise(run, Toward(x, x0, from, middleDown), from, middle, middleUp * noiseScale);
        var mixed = Sum((1 - 1 / (2 * r), x0), (1 / (2 * r), run.Denoise(y, middle)));
        return WithNoise(run, Toward(x, mixed, from, down), from, to, up * noiseScale);
    });

    /// <summary>
    /// The level below <paramref name="to"/> and the noise that leads up from there: s_up = min(s', η s' √(1 − s'²/s²)), s_down² = s'² − s_up².
    /// The level keeps α', so that adding noise of standard deviation Up to its sample gives one at <paramref name="to"/>.
    /// </summary>
    internal static (NoiseLevel Down, double Up) Split(NoiseLevel from, NoiseLevel to, double eta)
    {
        var shrink = to.Ratio / from.Ratio;
        var up = Math.Min(1, eta * Math.Sqrt(Math.Max(0, 1 - shrink * shrink)));
        return (to with { Sigma = to.Sigma * Math.Sqrt(1 - up * up) }, to.Sigma * up);
    }

    private static Tensor WithNoise(Run run, Tensor x, NoiseLevel from, NoiseLevel to, double deviation) =>
        deviation == 0 ? x : x.add_(run.Noise(from, to), alpha: deviation);
}
