namespace Imago.Diffusion;

/// <summary>The steps of Karras et al. 2022, Table 1, in σ of the scale x₀ + σ ε, each ending at 0.</summary>
public static class EdmTimeSteps
{
    /// <summary>EDM: even in σ^(1/ρ).</summary>
    /// <param name="steps">N.</param>
    /// <param name="sigmaMin">The least σ before 0.</param>
    /// <param name="sigmaMax">The largest.</param>
    /// <param name="rho">ρ.</param>
    public static double[] Edm(int steps, double sigmaMin = 0.002, double sigmaMax = 80, double rho = 7) => [.. Ramps.Karras(sigmaMax, sigmaMin, steps, rho), 0];

    /// <summary>Variance preserving: t from 1 to ε evenly; σ(t) of the process.</summary>
    /// <param name="steps">N.</param>
    /// <param name="process">The process.</param>
    public static (double[] Times, double[] Sigmas) VariancePreserving(int steps, VariancePreservingSde process)
    {
        double[] times = [.. Ramps.Linear(1, process.Epsilon, steps), 0];
        return (times, [.. times.Select(process.Sigma)]);
    }

    /// <summary>Variance exploding: t = σ² geometrically.</summary>
    /// <param name="steps">N.</param>
    /// <param name="sigmaMin">The least σ before 0.</param>
    /// <param name="sigmaMax">The largest.</param>
    public static (double[] Times, double[] Sigmas) VarianceExploding(int steps, double sigmaMin = 0.02, double sigmaMax = 100)
    {
        double[] times = [.. Ramps.Exponential(sigmaMax * sigmaMax, sigmaMin * sigmaMin, steps), 0];
        return (times, [.. times.Select(t => Math.Sqrt(t))]);
    }

    /// <summary>Improved DDPM: N of the discrete levels u_j, from j₀ to M − 1.</summary>
    /// <param name="steps">N.</param>
    /// <param name="levels">u₀ … u_M of <see cref="ImprovedDdpmLevels"/>.</param>
    /// <param name="first">j₀: the first level used.</param>
    public static double[] ImprovedDdpm(int steps, IReadOnlyList<double> levels, int first = 8) =>
        [.. Ramps.Linear(first, levels.Count - 2, steps).Select(at => levels[(int)Math.Floor(at + 0.5)]), 0];

    /// <summary>u_{j−1} = √((u_j² + 1)/max(ᾱ_{j−1}/ᾱ_j, C₁) − 1), u_M = 0, ᾱ_j = sin²(π/2 · j/(M(C₂ + 1))).</summary>
    /// <param name="count">M.</param>
    /// <param name="c1">C₁.</param>
    /// <param name="c2">C₂.</param>
    /// <returns>M + 1 levels, noisiest first.</returns>
    public static double[] ImprovedDdpmLevels(int count = 1000, double c1 = 0.001, double c2 = 0.008)
    {
        double AlphaBar(int j) => Math.Pow(Math.Sin(Math.PI / 2 * j / (count * (c2 + 1))), 2);
        var levels = new double[count + 1];
        for (int j = count; j > 0; j--) levels[j - 1] = Math.Sqrt((levels[j] * levels[j] + 1) / Math.Max(AlphaBar(j - 1) / AlphaBar(j), c1) - 1);
        return levels;
    }
}
