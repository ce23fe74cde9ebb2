namespace Imago.Diffusion;

/// <summary>How an image turns into noise: the curve of levels (α, σ) and what a network is told at each. Coefficients are computed in double precision.</summary>
public abstract record NoiseProcess
{
    /// <summary>The level at a time in the process's own units.</summary>
    /// <param name="time">In [<see cref="CleanestTime"/>, <see cref="NoisiestTime"/>].</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is outside.</exception>
    public abstract NoiseLevel At(double time);

    /// <summary>The level with a given σ/α: the inverse of <see cref="At"/>, continued between the times of a discrete process.</summary>
    /// <param name="ratio">σ/α, positive or 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public abstract NoiseLevel AtRatio(double ratio);

    /// <summary>The level after a share of the process's time: what a density over times (<see cref="TimeDensity"/>) draws from.</summary>
    /// <param name="fraction">In [0, 1]: 0 at the clean end, 1 at the noisy end.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public virtual NoiseLevel AtFraction(double fraction) => At(CleanestTime + fraction * (NoisiestTime - CleanestTime));

    /// <summary>The time of most noise.</summary>
    public abstract double NoisiestTime { get; }

    /// <summary>The time of least noise.</summary>
    public abstract double CleanestTime { get; }
}
