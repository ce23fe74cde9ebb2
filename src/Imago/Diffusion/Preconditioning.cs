namespace Imago.Diffusion;

/// <summary>
/// The factors of D(x; σ) = c_skip x + c_out F(c_in x, c_noise) at one σ, in the scale x = x₀ + σ ε, and the weight of the loss at that σ
/// (Karras et al. 2022, Eq. 7 and Table 1).
/// </summary>
/// <param name="Skip">c_skip.</param>
/// <param name="Out">c_out.</param>
/// <param name="In">c_in.</param>
/// <param name="Noise">c_noise: what the network is told.</param>
/// <param name="LossWeight">λ(σ), on |D − x₀|².</param>
public readonly record struct Preconditioning(double Skip, double Out, double In, double Noise, double LossWeight)
{
    /// <summary>Karras et al. 2022: input and target of unit variance at every σ.</summary>
    /// <param name="sigma">σ.</param>
    /// <param name="sigmaData">The data's standard deviation.</param>
    public static Preconditioning Edm(double sigma, double sigmaData = 0.5)
    {
        var (s2, d2) = (sigma * sigma, sigmaData * sigmaData);
        var root = Math.Sqrt(s2 + d2);
        return new(d2 / (s2 + d2), sigma * sigmaData / root, 1 / root, Math.Log(sigma) / 4, (s2 + d2) / (s2 * d2));
    }

    /// <summary>As <see cref="Edm"/>, for the networks of some samplers that predict v in this scale: c_out has the other sign.</summary>
    /// <param name="sigma">σ.</param>
    /// <param name="sigmaData">The data's standard deviation.</param>
    public static Preconditioning EdmVelocity(double sigma, double sigmaData = 0.5)
    {
        var edm = Edm(sigma, sigmaData);
        return edm with { Out = -edm.Out };
    }

    /// <summary>The factors that make a denoiser of a network of a process: what <see cref="Denoisers.FromNetwork"/> does, in the scale x₀ + σ ε.</summary>
    /// <param name="prediction">What the network predicts.</param>
    /// <param name="process">The process.</param>
    /// <param name="ratio">σ/α.</param>
    public static Preconditioning Of(Prediction prediction, NoiseProcess process, double ratio)
    {
        var (alpha, sigma, time) = process.AtRatio(ratio);
        var (norm, sum) = (alpha * alpha + sigma * sigma, alpha + sigma);
        var (skip, factor) = prediction switch
        {
            Prediction.Epsilon => (1, -ratio),
            Prediction.Sample => (0, 1),
            Prediction.Velocity => (alpha * alpha / norm, -sigma / norm),
            Prediction.Flow => (alpha / sum, -sigma / sum),
            _ => throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "There is no such kind of prediction."),
        };
        return new(skip, factor, alpha, time, 1 / (factor * factor));
    }

    /// <summary>Song et al. 2021, variance preserving: ε is predicted and the network told (M − 1) t.</summary>
    /// <param name="sigma">σ.</param>
    /// <param name="process">The process; its time is (M − 1) t.</param>
    public static Preconditioning VariancePreserving(double sigma, VariancePreservingSde process) =>
        new(1, -sigma, 1 / Math.Sqrt(sigma * sigma + 1), process.AtRatio(sigma).Time, 1 / (sigma * sigma));

    /// <summary>Song et al. 2021, variance exploding: the score's network, told ln(σ/2).</summary>
    /// <param name="sigma">σ.</param>
    public static Preconditioning VarianceExploding(double sigma) => new(1, sigma, 1, Math.Log(sigma / 2), 1 / (sigma * sigma));

    /// <summary>Nichol and Dhariwal 2021: ε is predicted and the network told the nearest of the M discrete levels.</summary>
    /// <param name="sigma">σ.</param>
    /// <param name="levels">The levels u₀ &gt; … &gt; u_M = 0.</param>
    public static Preconditioning ImprovedDdpm(double sigma, IReadOnlyList<double> levels)
    {
        var nearest = Enumerable.Range(0, levels.Count).MinBy(j => Math.Abs(levels[j] - sigma));
        return new(1, -sigma, 1 / Math.Sqrt(sigma * sigma + 1), levels.Count - 2 - nearest, 1 / (sigma * sigma));
    }
}
