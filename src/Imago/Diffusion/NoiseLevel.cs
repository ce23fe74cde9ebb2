namespace Imago.Diffusion;

/// <summary>
/// How noisy a tensor is: x = α x₀ + σ ε with ε ~ N(0, 1). The one noise variable of every family: variance-preserving diffusion has α² + σ² = 1,
/// variance-exploding diffusion α = 1, rectified flow α = 1 − σ.
/// </summary>
/// <param name="Alpha">α: how much of the image is left.</param>
/// <param name="Sigma">σ: standard deviation of the noise; 0 for a clean image.</param>
/// <param name="Time">What a network of this process is told about the level, in the process's own units: a timestep in [0, 1000), ¼ ln σ, ….</param>
public readonly record struct NoiseLevel(double Alpha, double Sigma, double Time)
{
    /// <summary>λ = ln(α/σ), half the logarithm of the signal-to-noise ratio (Lu et al. 2022); +∞ for a clean image.</summary>
    public double Lambda => Math.Log(Alpha) - Math.Log(Sigma);

    /// <summary>The signal-to-noise ratio α²/σ² (Kingma et al. 2021).</summary>
    public double Snr => Alpha * Alpha / (Sigma * Sigma);

    /// <summary>σ/α: the noise level of the same image in variance-exploding units (Karras et al. 2022), in which x/α = x₀ + (σ/α) ε.</summary>
    public double Ratio => Sigma / Alpha;

    /// <summary>Whether no noise is left.</summary>
    public bool IsClean => Sigma == 0;
}
