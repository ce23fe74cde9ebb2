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

    /// <summary>The time of most noise.</summary>
    public abstract double NoisiestTime { get; }

    /// <summary>The time of least noise.</summary>
    public abstract double CleanestTime { get; }

    /// <summary>T: into how many levels training divides the process. Spacings count in these; a process that trains on a continuum has its customary number.</summary>
    public virtual int TrainingSteps => 1000;

    /// <summary>The level after a share of the training steps: what spacings by time are made of.</summary>
    /// <param name="share">From 1/T, the cleanest, to 1, the noisiest.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is outside (0, 1].</exception>
    /// <remarks>The times are divided evenly.</remarks>
    public virtual NoiseLevel AtShare(double share)
    {
        RequireShare(share);
        var u = Math.Max(0, (share * TrainingSteps - 1) / (TrainingSteps - 1));
        return At(Math.Min(NoisiestTime, CleanestTime + u * (NoisiestTime - CleanestTime)));
    }

    /// <summary>The number in which spacings by noise divide this process: σ/α, and for rectified flow σ.</summary>
    /// <param name="level">A level of this process.</param>
    public virtual double Amount(NoiseLevel level) => level.Ratio;

    /// <summary>The level of a given amount: the inverse of <see cref="Amount"/>.</summary>
    /// <param name="amount">Positive or 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or more than the process has.</exception>
    public virtual NoiseLevel AtAmount(double amount) => AtRatio(amount);

    private protected void RequireTime(double time)
    {
        if (!(time >= CleanestTime && time <= NoisiestTime))
            throw new ArgumentOutOfRangeException(nameof(time), time, $"The times of this process lie in [{CleanestTime}, {NoisiestTime}].");
    }

    private protected static void RequireRatio(double ratio)
    {
        if (!(ratio >= 0)) throw new ArgumentOutOfRangeException(nameof(ratio), ratio, "σ/α is positive or 0.");
    }

    private protected static void RequireShare(double share)
    {
        if (!(share is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "A share of the training steps lies in (0, 1].");
    }
}
