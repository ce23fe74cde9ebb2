using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Methods for networks that are distilled to jump along the whole trajectory.</summary>
public static partial class Samplers
{
    /// <summary>
    /// Multistep consistency sampling (Song et al. 2023, Algorithm 1; Luo et al. 2023): each step jumps to the estimate and adds noise anew,
    /// x' = α' x̂ + √(σ'² − (α' ε)²) z.
    /// </summary>
    /// <param name="floor">ε: the noise, in units of σ/α, that the network leaves in its estimate.</param>
    /// <param name="noiseScale">Standard deviation of the fresh noise.</param>
    public static Sampler Consistency(double floor = 0, double noiseScale = 1) => Method(run => (x, from, to) =>
    {
        var deviation = Math.Sqrt(Math.Max(0, to.Sigma * to.Sigma - to.Alpha * to.Alpha * floor * floor));
        return WithNoise(run, run.Denoise(x, from) * to.Alpha, from, to, noiseScale * deviation);
    });

    /// <summary>
    /// Strategic stochastic sampling of trajectory consistency models (Zheng et al. 2024, Algorithm 1): each step jumps below its aim and is brought up to it by fresh noise.
    /// </summary>
    /// <param name="gamma">γ: how far below, as a share of the aim: 0 is deterministic, 1 is <see cref="Consistency"/>.</param>
    /// <param name="below">The level below an aim; null for (1 − γ) of its σ/α.</param>
    public static Sampler Tcd(double gamma = 0.3, Func<NoiseLevel, NoiseLevel>? below = null) => Method(run => (x, from, to) =>
    {
        var down = below?.Invoke(to) ?? new NoiseLevel(to.Alpha, to.Sigma * (1 - gamma), to.Time);
        var x0 = run.Denoise(x, from);
        var next = Sum((down.Alpha, x0), (down.Sigma, Epsilon(x, x0, from)));
        return gamma == 0 ? next : WithNoise(run, next * (to.Alpha / down.Alpha), from, to, Math.Sqrt(Math.Max(0, Added(to, down))));
    });

    /// <summary>
    /// Predictor and corrector for the variance-exploding SDE (Song et al. 2021, Algorithms 2 and 4): Langevin steps at the level, then a step of the reverse diffusion, in
    /// x/α and s = σ/α. The length of the Langevin steps depends on the whole batch.
    /// </summary>
    /// <param name="signalToNoise">r: the ratio of the norms of a Langevin step's drift and noise.</param>
    /// <param name="corrections">Langevin steps for each step of the diffusion.</param>
    /// <param name="noisyEnd">Whether the last step is given noise as well; else it ends at its mean.</param>
    public static Sampler PredictorCorrector(double signalToNoise = 0.16, int corrections = 1, bool noisyEnd = false) => Method(run => (x, from, to) =>
    {
        if (from.Alpha == 0) return Toward(x, run.Denoise(x, from), from, to);
        var y = x / from.Alpha;
        for (int i = 0; i < corrections; i++)
        {
            var (score, z) = (Score(y), run.Noise(from, from));
            var step = 2 * Math.Pow(signalToNoise * MeanNorm(z) / MeanNorm(score), 2);
            y = Sum((1, y), (step, score), (Math.Sqrt(2 * step), z));
        }
        var removed = from.Ratio * from.Ratio - to.Ratio * to.Ratio;
        var mean = Sum((to.Alpha, y), (to.Alpha * removed, Score(y)));
        var isLast = run.Index == run.Schedule.Steps - 1;
        return isLast && !noisyEnd ? mean : WithNoise(run, mean, from, to, to.Alpha * Math.Sqrt(removed));

        Tensor Score(Tensor y) => (run.Denoise(y * from.Alpha, from) - y) / (from.Ratio * from.Ratio);

        static double MeanNorm(Tensor tensor) => tensor.flatten(1).square().sum([1L]).sqrt().mean().to(float64).item<double>();
    });
}
