using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Methods as the published programs have them, where these are other methods than the ones of the same name.</summary>
public static partial class Samplers
{
    /// <summary>Heun's method in the time of a rectified flow, dx/dσ = ε̂ − x̂₀ (α = 1 − σ): another trapezium than <see cref="Heun"/>'s, which is taken in σ/α.</summary>
    /// <param name="churn">Noise to add after the evaluation at the start of each step, in σ; none by default.</param>
    public static Sampler FlowHeun(Churn? churn = null) => Method(run => (x, from, to) =>
    {
        var u = Velocity(x, from);
        var (y, hat) = LateChurn(run, x, from, from.Sigma, churn);
        u = u * (from.Sigma / hat);                                                                    // the slope at σ serves as x̂₀'s at the churned level
        var next = Sum((1, y), (to.Sigma - hat, u));
        return to.IsClean ? next : Sum((1, y), ((to.Sigma - hat) / 2, u), ((to.Sigma - hat) / 2, Velocity(next, to)));

        Tensor Velocity(Tensor x, NoiseLevel level) => (x - run.Denoise(x, level)) / level.Sigma;
    });

    /// <summary>
    /// Euler's method with the churn of diffusers: the network sees the sample before the noise is added, and its output is read afterwards. Karras et al. 2022 add the
    /// noise first (<see cref="Euler"/>).
    /// </summary>
    /// <param name="churn">Noise to add after the evaluation.</param>
    /// <param name="read">x̂₀ from the sample in units x/α without and with the added noise, x̂₀ before, the level before and σ/α after.</param>
    internal static Sampler LateChurnedEuler(Churn churn, LateReading read) => Method(run => (x, from, to) =>
    {
        var x0 = run.Denoise(x, from);
        var y = x / from.Alpha;
        var (churned, hat) = LateChurn(run, y, from, from.Ratio, churn);
        var slope = (churned - read(y, churned, x0, from, hat)) / hat;
        return Sum((to.Alpha, churned), (to.Alpha * (to.Ratio - hat), slope));
    });

    /// <summary>x̂₀ after late churn.</summary>
    internal delegate Tensor LateReading(Tensor before, Tensor after, Tensor x0, NoiseLevel level, double ratio);

    private static (Tensor X, double Sigma) LateChurn(Run run, Tensor x, NoiseLevel from, double sigma, Churn? churn)
    {
        const double Rounding = 1e-12;                                                                 // σ/α of a level that lies on a bound
        if (churn is null || churn.Amount == 0 || sigma < churn.MinRatio * (1 - Rounding) || sigma > churn.MaxRatio * (1 + Rounding)) return (x, sigma);
        var hat = sigma * (1 + Math.Min(churn.Amount / run.Schedule.Steps, Math.Sqrt(2) - 1));
        return (Sum((1, x), (churn.NoiseScale * Math.Sqrt(hat * hat - sigma * sigma), run.Noise(from, from))), hat);
    }

    /// <summary>
    /// RePaint (Lugmayr et al. 2022, Algorithm 1): DDIM steps in whose result the known pixels are replaced by the given ones at the same noise. Where the schedule goes up,
    /// the sample is noised again, so that the unknown pixels come to fit (<c>jumps</c>).
    /// </summary>
    /// <param name="image">The image whose pixels are known, like the sample.</param>
    /// <param name="mask">1 where they are known, 0 where they are not; broadcasts.</param>
    /// <param name="eta">η of the DDIM steps.</param>
    /// <param name="clip">What x̂₀ goes through while ε̂ stays as the network said it.</param>
    public static Sampler RePaint(Tensor image, Tensor mask, double eta = 0, Func<Tensor, Tensor>? clip = null) => Method(run => (x, from, to) =>
    {
        if (to.Ratio > from.Ratio) return WithNoise(run, x * (to.Alpha / from.Alpha), from, to, Math.Sqrt(Added(to, from)));
        var x0 = run.Denoise(x, from);
        var z = run.Noise(from, to);
        var (mean, s) = DdimStep(x0, Epsilon(x, x0, from), from, to, eta, clip);
        return mask * Sum((to.Alpha, image), (to.Sigma, z)) + (1 - mask) * Sum((1, mean), (s, z));
    });
}
