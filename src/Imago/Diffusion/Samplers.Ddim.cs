using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Methods from the posterior q(x' | x, x₀) of the discrete process, with x̂₀ in place of x₀.</summary>
public static partial class Samplers
{
    /// <summary>Ancestral sampling (Ho et al. 2020, Algorithm 2; Nichol and Dhariwal 2021): x' = mean of q(x' | x, x̂₀) + deviation · z.</summary>
    /// <param name="variance">Which variance the noise has.</param>
    /// <param name="noisyEnd">
    /// Whether the step to a clean level is given noise as well. False is Algorithm 2; true is what comes of asking whether the timestep is 0, where it is not the last
    /// level that has timestep 0.
    /// </param>
    public static Sampler Ddpm(PosteriorVariance variance = PosteriorVariance.Small, bool noisyEnd = false) => Method(run => (x, from, to) =>
    {
        var isLearned = variance is PosteriorVariance.Learned or PosteriorVariance.LearnedRange;
        var estimate = run.Denoise(x, from);
        var x0 = isLearned ? estimate.narrow(1, 0, x.shape[1]) : estimate;
        var mean = PosteriorMean(x, x0, from, to);
        if (to.IsClean && !noisyEnd) return mean;
        var (small, large) = (Math.Max(SmallVariance(from, to), 1e-20), Added(from, to));            // 1e-20: to a clean level the posterior has no width
        if (!isLearned) return WithNoise(run, mean, from, to, Math.Sqrt(variance == PosteriorVariance.Small ? small : large));
        var w = estimate.narrow(1, x.shape[1], x.shape[1]);
        var deviation = variance == PosteriorVariance.Learned
            ? w.sqrt()
            : ((w + 1) / 4 * Math.Log(large) + (1 - w) / 4 * Math.Log(small)).exp();                 // Nichol and Dhariwal 2021, Eq. 15; half of ln σ²
        return mean + deviation * run.Noise(from, to);
    });

    /// <summary>DDIM (Song et al. 2021, Eq. 12): x' = α' x̂₀ + √(σ'² − s²) ε̂ + s z, s = η · deviation of the posterior. η = 0 is deterministic, η = 1 is <see cref="Ddpm"/>.</summary>
    /// <param name="eta">η.</param>
    /// <param name="clip">What x̂₀ goes through while ε̂ stays as the network said it; to have ε̂ follow, bound the denoiser instead.</param>
    /// <param name="prediction">
    /// What the network predicts. Matters only for a run that starts from a clean image (inversion): there x̂₀ = x tells nothing of ε̂, which is found from the
    /// network's output, and for that the output is read at the level that the step goes to.
    /// </param>
    public static Sampler Ddim(double eta = 0, Func<Tensor, Tensor>? clip = null, Prediction prediction = Prediction.Epsilon) => Method(run => (x, from, to) =>
    {
        var (x0, epsilon) = Estimated(run, x, from, to, prediction);
        return DdimStep(x0, epsilon, from, to, eta, clip) is var (next, s) ? WithNoise(run, next, from, to, s) : next;
    });

    private static (Tensor Next, double Deviation) DdimStep(Tensor x0, Tensor epsilon, NoiseLevel from, NoiseLevel to, double eta, Func<Tensor, Tensor>? clip)
    {
        var s = eta == 0 ? 0 : eta * Math.Sqrt(Math.Max(0, SmallVariance(from, to)));
        return (Sum((to.Alpha, clip?.Invoke(x0) ?? x0), (Math.Sqrt(to.Sigma * to.Sigma - s * s), epsilon)), s);
    }

    private static (Tensor X0, Tensor Epsilon) Estimated(Run run, Tensor x, NoiseLevel from, NoiseLevel to, Prediction prediction)
    {
        var at = from.IsClean ? to with { Time = from.Time } : from;
        var x0 = run.Denoise(x, at);
        var epsilon = Epsilon(x, x0, at);
        if (!from.IsClean) return (x0, epsilon);
        var output = prediction.Of(x0, epsilon, at.Alpha, at.Sigma);
        return (prediction.ToX0(output, x, from), prediction.ToEpsilon(output, x, from));
    }

    /// <summary>E[x' | x, x₀] = α' b/σ² x₀ + (α/α') σ'²/σ² x with b = σ² − (α/α')² σ'² (Ho et al. 2020, Eq. 7).</summary>
    private static Tensor PosteriorMean(Tensor x, Tensor x0, NoiseLevel from, NoiseLevel to)
    {
        var variance = from.Sigma * from.Sigma;
        return Sum((to.Alpha * Added(from, to) / variance, x0), (from.Alpha / to.Alpha * to.Sigma * to.Sigma / variance, x));
    }

    /// <summary>Var[x' | x, x₀] = σ'²/σ² b: the least that the reverse process can have.</summary>
    private static double SmallVariance(NoiseLevel from, NoiseLevel to) => to.Sigma * to.Sigma / (from.Sigma * from.Sigma) * Added(from, to);

    /// <summary>b = σ² − (α/α')² σ'²: the noise that the process adds from x' to x, and the most variance that the reverse process can have.</summary>
    private static double Added(NoiseLevel from, NoiseLevel to)
    {
        var kept = from.Alpha / to.Alpha * to.Sigma;
        return from.Sigma * from.Sigma - kept * kept;
    }
}

/// <summary>The variance of a step of <see cref="Samplers.Ddpm"/>.</summary>
public enum PosteriorVariance
{
    /// <summary>That of the posterior q(x' | x, x₀): right if the data are a single image (Ho et al. 2020, section 3.2).</summary>
    Small,

    /// <summary>The noise that the process adds: right if the data are white noise.</summary>
    Large,

    /// <summary>The denoiser gives [B, 2C, H, W]: x̂₀, then the variance.</summary>
    Learned,

    /// <summary>The denoiser gives [B, 2C, H, W]: x̂₀, then where the log-variance lies between <see cref="Small"/> (−1) and <see cref="Large"/> (1) (Nichol and Dhariwal 2021, Eq. 15).</summary>
    LearnedRange,
}
