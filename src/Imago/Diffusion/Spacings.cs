namespace Imago.Diffusion;

/// <summary>
/// Spacings of inference steps. Those by time count training steps (<see cref="NoiseProcess.AtShare"/>), those by noise divide σ/α, or σ of a rectified flow
/// (<see cref="NoiseProcess.Amount"/>), between the ends of training. All of them arrive at the clean image; see <see cref="EndingAt"/>.
/// </summary>
public static class Spacings
{
    /// <summary>All spacings.</summary>
    public static IReadOnlyList<SpacingInfo> All { get; } =
    [
        new("trailing", "From the noisiest step at an even distance (Lin et al. 2024)", Trailing),
        new("leading", "From the cleanest step at a whole distance; does not start from pure noise (Song et al. 2021)", Leading()),
        new("linspace", "From the noisiest to the cleanest step, both included", Linspace),
        new("simple", "As trailing, but cut instead of rounded (ComfyUI)", Simple),
        new("sgm_uniform", "From the noisiest step evenly towards the cleanest, which is left out (Stability's generative-models)", SgmUniform),
        new("beta_time", "Dense at both ends of time: quantiles of Beta(0.6, 0.6) (Lee et al. 2024)", BetaTime()),
        new("karras", "Even in σ^(1/7) (Karras et al. 2022)", Karras()),
        new("exponential", "Even in ln σ (k-diffusion)", ByAmount(Ramps.Exponential)),
        new("polyexponential", "A power of the way in ln σ (k-diffusion); 1 by default", Polyexponential()),
        new("beta", "Dense at both ends of σ: quantiles of Beta(0.6, 0.6) (diffusers)", ByAmount((from, to, count) => Ramps.Beta(from, to, count))),
        new("lu", "Even in λ = ln(α/σ) (Lu et al. 2022)", EvenInLambda),
        new("kl_optimal", "Even in arctan σ: least KL divergence for a Gaussian (Sabour et al. 2024)", ByAmount(Ramps.Arctangent)),
        new("ays_sd15", "Optimised for Stable Diffusion 1.5 (Align Your Steps, Sabour et al. 2024)", AlignYourSteps(Diffusion.AlignYourSteps.StableDiffusionSigmas)),
        new("ays_sdxl", "Optimised for SDXL (Align Your Steps, Sabour et al. 2024)", AlignYourSteps(Diffusion.AlignYourSteps.StableDiffusionXLSigmas)),
        new("ays_svd", "Optimised for Stable Video Diffusion, σ up to 700 (Align Your Steps, Sabour et al. 2024)", AlignYourSteps(Diffusion.AlignYourSteps.StableVideoDiffusionSigmas)),
    ];

    /// <summary>The spacing of a name.</summary>
    /// <param name="name">As in <see cref="All"/>.</param>
    /// <exception cref="ArgumentException">There is none; the message lists those that there are.</exception>
    public static SpacingInfo Find(string name) => All.FirstOrDefault(spacing => spacing.Name == name)
        ?? throw new ArgumentException($"There is no spacing {name}; there are {string.Join(", ", All.Select(spacing => spacing.Name))}.", nameof(name));

    /// <summary>i ⌊T/n⌋ + offset.</summary>
    /// <param name="offset">Added to every training step: Stable Diffusion's configurations have 1.</param>
    public static Spacing Leading(int offset = 0) => (process, steps) =>
    {
        var training = process.TrainingSteps;
        if (steps > training) throw new ArgumentOutOfRangeException(nameof(steps), steps, $"Leading spacing visits each of the {training} training steps at most once.");
        return Schedule(process, steps, i => process.AtShare(Math.Min(1, ((steps - 1 - i) * (training / steps) + offset + 1) / (double)training)));
    };

    /// <summary>Levels at the amounts that a ramp makes between the noisiest and the cleanest of training.</summary>
    /// <param name="ramp">(from, to, count) → that many amounts.</param>
    public static Spacing ByAmount(Func<double, double, int, double[]> ramp) => (process, steps) =>
    {
        var (first, last) = (Noisiest(process), process.Amount(process.AtShare(1.0 / process.TrainingSteps)));
        var amounts = ramp(first, last, RequireSteps(steps));
        return Schedule(process, steps, i => process.AtAmount(Math.Clamp(amounts[i], last, first)));
    };

    /// <summary>Even in the ρ-th root of the amount.</summary>
    /// <param name="rho">ρ.</param>
    public static Spacing Karras(double rho = 7) => ByAmount((from, to, count) => Ramps.Karras(from, to, count, rho));

    /// <summary>The ρ-th power of the way in the amount's logarithm.</summary>
    /// <param name="rho">ρ.</param>
    public static Spacing Polyexponential(double rho = 1) => ByAmount((from, to, count) => Ramps.Polyexponential(from, to, count, rho));

    /// <summary>Quantiles of a Beta distribution on the training steps.</summary>
    /// <param name="alpha">The distribution's first parameter.</param>
    /// <param name="beta">Its second.</param>
    public static Spacing BetaTime(double alpha = 0.6, double beta = 0.6) => (process, steps) =>
        Schedule(process, steps, i => process.AtShare((BetaDistribution.Quantile(1 - i / (double)steps, alpha, beta) * (process.TrainingSteps - 1) + 1) / process.TrainingSteps));

    /// <summary>Any number of levels along a curve that is published at a few.</summary>
    /// <param name="sigmas">σ/α, noisiest first; a 0 at the end is the clean image that every spacing arrives at.</param>
    public static Spacing AlignYourSteps(IReadOnlyList<double> sigmas) => (process, steps) =>
    {
        var ratios = Ramps.AlongLogarithm([.. sigmas.Where(sigma => sigma > 0)], RequireSteps(steps));
        return Schedule(process, steps, i => process.AtRatio(ratios[i]));
    };

    /// <summary>The schedule of given amounts, σ/α or σ of a rectified flow, noisiest first; a last 0 is the clean image.</summary>
    /// <param name="process">The process.</param>
    /// <param name="amounts">At least two.</param>
    public static NoiseSchedule Custom(NoiseProcess process, IEnumerable<double> amounts) => new(amounts.Select(process.AtAmount), process);

    /// <summary>The schedule of given times of the process, noisiest first, and then the clean image.</summary>
    /// <param name="process">The process.</param>
    /// <param name="times">At least one.</param>
    public static NoiseSchedule AtTimes(NoiseProcess process, IEnumerable<double> times) => new([.. times.Select(process.At), process.AtRatio(0)], process);

    /// <summary>The same schedule with another last level, such as the cleanest of training.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="final">Where to arrive.</param>
    public static NoiseSchedule EndingAt(this NoiseSchedule schedule, NoiseLevel final) => new([.. schedule.Take(schedule.Steps), final], schedule.Process);

    private static NoiseSchedule Trailing(NoiseProcess process, int steps) => Schedule(process, steps, i => process.AtShare(1 - i / (double)steps));

    private static NoiseSchedule Linspace(NoiseProcess process, int steps)
    {
        var training = process.TrainingSteps;
        var shares = Ramps.Linear(1, 1.0 / training, RequireSteps(steps));
        return Schedule(process, steps, i => process.AtShare(shares[i]));
    }

    private static NoiseSchedule Simple(NoiseProcess process, int steps)
    {
        var training = process.TrainingSteps;
        return Schedule(process, steps, i => process.AtShare((training - (int)(i * (training / (double)steps))) / (double)training));
    }

    private static NoiseSchedule SgmUniform(NoiseProcess process, int steps)
    {
        var shares = Ramps.Linear(1, 1.0 / process.TrainingSteps, RequireSteps(steps) + 1);
        return Schedule(process, steps, i => process.AtShare(shares[i]));
    }

    private static NoiseSchedule EvenInLambda(NoiseProcess process, int steps)
    {
        var (first, last) = (process.AtShare(1), process.AtShare(1.0 / process.TrainingSteps));
        if (first.Alpha == 0) throw StartsAtPureNoise();
        var ratios = Ramps.Exponential(first.Ratio, last.Ratio, RequireSteps(steps));
        return Schedule(process, steps, i => process.AtRatio(Math.Clamp(ratios[i], last.Ratio, first.Ratio)));
    }

    private static NoiseSchedule Schedule(NoiseProcess process, int steps, Func<int, NoiseLevel> level) =>
        new([.. Enumerable.Range(0, RequireSteps(steps)).Select(level), process.AtRatio(0)], process);

    private static double Noisiest(NoiseProcess process)
    {
        var amount = process.Amount(process.AtShare(1));
        return double.IsFinite(amount) ? amount : throw StartsAtPureNoise();
    }

    private static ArgumentException StartsAtPureNoise() =>
        new("This process starts at pure noise, where σ/α is infinite, so its levels cannot be spaced by noise; take a spacing by time, such as trailing.");

    private static int RequireSteps(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return steps;
    }
}
