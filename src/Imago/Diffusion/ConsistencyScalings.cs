namespace Imago.Diffusion;

/// <summary>c_skip and c_out of f(x) = c_skip x + c_out F(x), chosen so that f leaves clean images alone (Song et al. 2023, section 3).</summary>
/// <param name="Skip">c_skip.</param>
/// <param name="Out">c_out.</param>
public readonly record struct ConsistencyScalings(double Skip, double Out)
{
    /// <summary>Latent consistency models: σ_d²/((s t)² + σ_d²) and s t/√((s t)² + σ_d²) (Luo et al. 2023, as published in code).</summary>
    /// <param name="timestep">t, a training step.</param>
    /// <param name="scaling">s.</param>
    /// <param name="sigmaData">σ_d.</param>
    public static ConsistencyScalings Latent(double timestep, double scaling = 10, double sigmaData = 0.5)
    {
        var (t2, d2) = (timestep * timestep * scaling * scaling, sigmaData * sigmaData);
        return new(d2 / (t2 + d2), timestep * scaling / Math.Sqrt(t2 + d2));
    }

    /// <summary>Consistency models: σ_d²/((σ − σ_min)² + σ_d²) and (σ − σ_min) σ_d/√(σ² + σ_d²) (Song et al. 2023, appendix C).</summary>
    /// <param name="sigma">σ.</param>
    /// <param name="sigmaMin">σ_min, at which nothing is changed.</param>
    /// <param name="sigmaData">σ_d.</param>
    public static ConsistencyScalings Pixel(double sigma, double sigmaMin = 0.002, double sigmaData = 0.5)
    {
        var (above, d2) = (sigma - sigmaMin, sigmaData * sigmaData);
        return new(d2 / (above * above + d2), above * sigmaData / Math.Sqrt(sigma * sigma + d2));
    }

    /// <summary>Makes a consistency function of an estimate of x₀ in the scale x₀ + σ ε.</summary>
    /// <param name="denoise">The estimate.</param>
    /// <param name="scalings">The factors at a level.</param>
    public static Denoiser Bounded(Denoiser denoise, Func<NoiseLevel, ConsistencyScalings> scalings) => (x, level) =>
    {
        var c = scalings(level);
        return c.Skip * x + c.Out * denoise(x, level);
    };
}
