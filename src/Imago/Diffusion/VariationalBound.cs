using Imago.Probability;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The variance of p(x_s|x_t), the step back from level t to the less noisy level s.</summary>
public enum ReverseVariance
{
    /// <summary>β̃, that of q(x_s|x_t, x₀): right for data that are one point (Ho et al. 2020, section 3.2).</summary>
    FixedSmall,

    /// <summary>β, that of q(x_t|x_s): right for data that are standard normal, where α² + σ² = 1.</summary>
    FixedLarge,

    /// <summary>That of p(x_s|x_t) for data that are standard normal, whatever α and σ: for such data the bound is exact for every chain.</summary>
    StandardNormal,

    /// <summary>The network's second half is log σ².</summary>
    Learned,

    /// <summary>The network's second half w interpolates, log σ² = (1 + w)/2 log β + (1 − w)/2 log β̃ (Nichol and Dhariwal 2021, Eq. 15).</summary>
    LearnedRange,
}

/// <summary>
/// The variational bound of −log p(x₀) for a chain of levels (Sohl-Dickstein et al. 2015; Ho et al. 2020, Eq. 5), in bits per dimension: a prior term, a KL divergence for
/// every step, and for the last the likelihood of 8-bit pixels, or a density where the images are continuous. Step k leads from the k-th level to the next less noisy one; the last ends at the clean image.
/// </summary>
public sealed class VariationalBound
{
    private readonly NoiseSchedule schedule;
    private readonly Coefficients[] coefficients;

    /// <summary>The bound along a chain of levels.</summary>
    /// <param name="schedule">Noisiest first, ending with a clean one: at least three.</param>
    /// <param name="variance">The variance of a step back.</param>
    /// <param name="isDensity">Whether x₀ is continuous, as latents are: the last step is then scored as a density, and the bound is one of a density in the units of x₀.</param>
    /// <exception cref="ArgumentException">The chain is too short, does not end clean, or does not fall.</exception>
    public VariationalBound(NoiseSchedule schedule, ReverseVariance variance = ReverseVariance.FixedSmall, bool isDensity = false)
    {
        if (schedule.Count < 3 || !schedule[^1].IsClean) throw new ArgumentException("The chain of a variational bound has at least two noisy levels and ends with the clean image.", nameof(schedule));
        for (int k = 0; k < schedule.Steps; k++)
        {
            if (!(schedule[k].Ratio > schedule[k + 1].Ratio)) throw new ArgumentException($"The chain of a variational bound loses noise at every step; level {k + 1} has not less than level {k}.", nameof(schedule));
        }
        (this.schedule, Variance, IsDensity) = (schedule, variance, isDensity);
        coefficients = [.. Enumerable.Range(0, schedule.Steps).Select(k => Coefficients.Of(schedule[k], schedule[k + 1]))];
        // The last step's own β̃ is 0; that of the step before takes its place, and that of a fixed β (Ho et al. 2020, their code). That of normal data is not 0.
        coefficients[^1] = coefficients[^1] with { Small = coefficients[^2].Small, Large = coefficients[^2].Small };
    }

    /// <summary>The bound of a discrete process, over all its levels.</summary>
    /// <param name="process">The process.</param>
    /// <param name="variance">The variance of a step back.</param>
    public static VariationalBound Of(VariancePreserving process, ReverseVariance variance = ReverseVariance.FixedSmall) =>
        new(new NoiseSchedule([.. Enumerable.Range(0, process.TrainingSteps).Reverse().Select(t => process.At(t)), process.AtRatio(0)]), variance);

    /// <summary>The variance of a step back.</summary>
    public ReverseVariance Variance { get; }

    /// <summary>Whether x₀ is continuous, and the bound one of a density.</summary>
    public bool IsDensity { get; }

    /// <summary>T, the number of steps.</summary>
    public int Steps => coefficients.Length;

    /// <summary>The level that a step starts from.</summary>
    public NoiseLevel LevelOf(int step) => schedule[step];

    /// <summary>The levels that the steps of a batch start from.</summary>
    public NoiseLevels LevelsOf(IReadOnlyList<int> steps) => new([.. steps.Select(LevelOf)]);

    /// <summary>q(x_s|x_t, x₀) with its logarithm of variance kept finite (Ho et al. 2020, Eqs. 6 and 7; for any α and σ Kingma et al. 2021, appendix A.2).</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="x0">Clean images.</param>
    /// <param name="steps">Each image's step.</param>
    public DiagonalGaussian Posterior(Tensor x, Tensor x0, IReadOnlyList<int> steps) =>
        new(Over(x, steps, c => c.OfX) * x + Over(x, steps, c => c.OfX0) * x0, Over(x, steps, c => Math.Log(c.Small)).expand_as(x));

    /// <summary>p(x_s|x_t): the same with the network's estimate in place of x₀, and its own variance.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="estimate">x̂₀.</param>
    /// <param name="output">What the network says of the variance, [B, C, H, W], where it is learned; else null.</param>
    /// <param name="steps">Each image's step.</param>
    /// <exception cref="ArgumentException">The variance is learned and there is no output.</exception>
    public DiagonalGaussian Reverse(Tensor x, Tensor estimate, Tensor? output, IReadOnlyList<int> steps) =>
        new(Posterior(x, estimate, steps).Mean, LogVariance(x, output, steps));

    /// <summary>The term of each image's step: KL(q(x_s|x_t, x₀) ‖ p(x_s|x_t)), or −log p(x₀|x_t) for the last.</summary>
    /// <param name="x0">Clean images, [B, C, H, W]; 8-bit pixels in [−1, 1], unless the bound is one of a density.</param>
    /// <param name="x">x_t.</param>
    /// <param name="reverse">p(x_s|x_t).</param>
    /// <param name="steps">Each image's step.</param>
    /// <returns>[B], bits per dimension.</returns>
    public Tensor Term(Tensor x0, Tensor x, DiagonalGaussian reverse, IReadOnlyList<int> steps)
    {
        var isLast = tensor(steps.Select(step => step == Steps - 1).ToArray(), device: x.device);
        var decoder = IsDensity ? -reverse.LogDensity(x0) : Reconstruction.DiscretisedGaussian(reverse.Mean, 0.5 * reverse.LogVar, x0, approximate: true);
        return ToBits(where(isLast, decoder, Posterior(x, x0, steps).Kl(reverse)), x0);
    }

    /// <summary>KL(q(x_T|x₀) ‖ N(0, 1)), [B], bits per dimension: 0 for a process that ends in pure noise.</summary>
    /// <param name="x0">Clean images, [B, C, H, W].</param>
    /// <remarks>A variance-exploding chain is compared with N(0, α² + σ²), the distribution that its samplers start from.</remarks>
    public Tensor Prior(Tensor x0)
    {
        var (alpha, sigma, _) = schedule[0];
        var start = Math.Sqrt(alpha * alpha + sigma * sigma);
        var q = new DiagonalGaussian(alpha / start * x0, full_like(x0, 2 * Math.Log(sigma / start)));
        return ToBits(q.Kl(), x0);
    }

    private Tensor LogVariance(Tensor x, Tensor? output, IReadOnlyList<int> steps)
    {
        Tensor Log(Func<Coefficients, double> variance) => Over(x, steps, c => Math.Log(variance(c)));
        return (Variance switch
        {
            ReverseVariance.FixedSmall => Log(c => c.Small),
            ReverseVariance.FixedLarge => Log(c => c.Large),
            ReverseVariance.StandardNormal => Log(c => c.Normal),
            ReverseVariance.Learned => Required(output),
            _ => (1 + Required(output)) / 2 * Log(c => c.Forward) + (1 - Required(output)) / 2 * Log(c => c.Small),
        }).expand_as(x);
    }

    private Tensor Required(Tensor? output) =>
        output ?? throw new ArgumentException($"The variance is {Variance}, but the network gives none: its output needs twice as many channels as the image.", nameof(output));

    private static Tensor ToBits(Tensor nats, Tensor x0) => nats / (x0.numel() / x0.shape[0] * Math.Log(2));

    private Tensor Over(Tensor like, IReadOnlyList<int> steps, Func<Coefficients, double> number) =>
        tensor(steps.Select(step => number(coefficients[step])).ToArray(), float64).to(like.dtype).to(like.device).view(steps.Count, 1, 1, 1);

    /// <summary>q(x_s|x_t, x₀) = N(OfX x_t + OfX0 x₀, β̃); β, the variance of q(x_t|x_s); and v_s − (α_ts v_s)²/v_t with v = α² + σ², that of q(x_s|x_t) for normal x₀.</summary>
    private sealed record Coefficients(double OfX, double OfX0, double Small, double Large, double Forward, double Normal)
    {
        internal static Coefficients Of(NoiseLevel t, NoiseLevel s)
        {
            var (alphaTs, t2, s2) = (t.Alpha / s.Alpha, t.Sigma * t.Sigma, s.Sigma * s.Sigma);
            var beta = t2 - alphaTs * alphaTs * s2;
            var (vt, vs) = (t.Alpha * t.Alpha + t2, s.Alpha * s.Alpha + s2);
            return new(alphaTs * s2 / t2, s.Alpha * beta / t2, beta * s2 / t2, beta, beta, vs - alphaTs * vs * (alphaTs * vs) / vt);
        }
    }
}
