namespace Imago.Diffusion;

/// <summary>The levels that a configuration may ask for in place of those at its timesteps, and the timesteps of levels.</summary>
internal static class SigmaConversion
{
    /// <summary>Whether the configuration asks for levels by noise.</summary>
    internal static bool Converts(this SchedulerConfig config) => config.UseKarrasSigmas || config.UseExponentialSigmas || config.UseBetaSigmas;

    /// <summary>n levels between two ends, by the rule of the configuration.</summary>
    internal static double[] Between(SchedulerConfig config, double first, double last, int steps) => config switch
    {
        { UseKarrasSigmas: true } => Ramps.Karras(first, last, steps),
        { UseExponentialSigmas: true } => Ramps.Exponential(first, last, steps),
        _ => Ramps.Beta(first, last, steps),
    };

    /// <summary>The fractional training step of σ: linear in ln σ over the table, clipped to it.</summary>
    internal static double TimeOf(double sigma, IReadOnlyList<double> logSigmas)
    {
        var log = Math.Log(Math.Max(sigma, 1e-10));
        var low = Math.Clamp(LastAtMost(logSigmas, log), 0, logSigmas.Count - 2);
        var weight = Math.Clamp((logSigmas[low] - log) / (logSigmas[low] - logSigmas[low + 1]), 0, 1);
        return (1 - weight) * low + weight * (low + 1);
    }

    /// <summary>σ at fractional training steps: linear in σ.</summary>
    internal static double[] At(IReadOnlyList<double> timesteps, IReadOnlyList<double> sigmas) => [.. timesteps.Select(t => Interpolation.At(sigmas, t))];

    /// <summary>The last entry that is at most a value; −1 if none is. With zero terminal signal-to-noise ratio the noisiest entry is below those before it, so all are looked at.</summary>
    private static int LastAtMost(IReadOnlyList<double> table, double value)
    {
        for (int i = table.Count - 1; i >= 0; i--)
        {
            if (table[i] <= value) return i;
        }
        return -1;
    }
}
