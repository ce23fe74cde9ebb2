namespace Imago.Diffusion;

/// <summary>How a time-dependent μ becomes a shift.</summary>
public enum TimeShiftKind
{
    /// <summary>k = e^μ.</summary>
    Exponential,

    /// <summary>k = μ.</summary>
    Linear,
}

/// <summary>Shifts of the levels of a rectified flow towards noise.</summary>
public static class TimeShift
{
    /// <summary>k s/(1 + (k − 1) s) (Esser et al. 2024, Eq. 23).</summary>
    /// <param name="s">σ in [0, 1].</param>
    /// <param name="shift">k.</param>
    public static double Static(double s, double shift) => shift * s / (1 + (shift - 1) * s);

    /// <summary>k/(k + 1/s − 1), k = e^μ or μ: the same curve, written for a shift that depends on the picture's size. 0 stays 0.</summary>
    /// <param name="s">σ in [0, 1].</param>
    /// <param name="mu">μ.</param>
    /// <param name="kind">How μ gives k.</param>
    public static double Dynamic(double s, double mu, TimeShiftKind kind = TimeShiftKind.Exponential)
    {
        var k = kind == TimeShiftKind.Exponential ? Math.Exp(mu) : mu;
        return k / (k + (1 / s - 1));
    }

    /// <summary>μ for a picture: a straight line through two points in the number of tokens.</summary>
    /// <param name="tokens">How many tokens the picture is: for SD3, height × width / 16².</param>
    /// <param name="baseTokens">The number at which μ is <paramref name="baseShift"/>.</param>
    /// <param name="maxTokens">The number at which μ is <paramref name="maxShift"/>.</param>
    /// <param name="baseShift">μ there.</param>
    /// <param name="maxShift">μ there.</param>
    public static double Mu(double tokens, double baseTokens = 256, double maxTokens = 4096, double baseShift = 0.5, double maxShift = 1.15)
    {
        var slope = (maxShift - baseShift) / (maxTokens - baseTokens);
        return tokens * slope + (baseShift - slope * baseTokens);
    }

    /// <summary>Scales 1 − s so that the last σ becomes a given one.</summary>
    /// <param name="sigmas">Falling, the last below 1.</param>
    /// <param name="terminal">What the last is to be.</param>
    /// <exception cref="ArgumentException">The last is 1, so that nothing can be scaled.</exception>
    public static double[] ToTerminal(IReadOnlyList<double> sigmas, double terminal)
    {
        if (sigmas[^1] == 1) throw new ArgumentException($"The levels end at pure noise, so they cannot be stretched to end at {terminal}; take more than one step.", nameof(sigmas));
        var scale = (1 - sigmas[^1]) / (1 - terminal);
        return [.. sigmas.Select(s => 1 - (1 - s) / scale)];
    }
}
