namespace Imago.Diffusion;

/// <summary>Training steps at which a discrete process is visited. All lists are noisiest first.</summary>
internal static class TimestepSpacings
{
    /// <summary>n points from T − 1 to 0, fractions kept. One alone is 0.</summary>
    internal static double[] Linspace(int steps, int training) => [.. Ramps.Linear(0, training - 1, steps).Reverse()];

    /// <summary>i ⌊T/n⌋ + offset.</summary>
    internal static double[] Leading(int steps, int training, int offset) => [.. Enumerable.Range(0, steps).Select(i => (double)(i * (training / steps)) + offset).Reverse()];

    /// <summary>
    /// round(L − i T/n) − 1 for as long as L − i T/n is positive. Counted as a range of floating-point numbers, so that for some n rounding gives one more,
    /// −1 at its end.
    /// </summary>
    internal static double[] Trailing(int steps, int training, int last)
    {
        var step = training / (double)steps;
        var (count, distance) = ((int)Math.Ceiling(-last / -step), last - step - last);
        return [.. Enumerable.Range(0, count).Select(i => Math.Round(last + i * distance) - 1)];
    }

    /// <summary>DDPM, DDIM, PNDM, LMS, Euler, Heun, KDPM2 and DPM-Solver SDE.</summary>
    internal static double[] FamilyA(SchedulerConfig config, int steps) => config.TimestepSpacing switch
    {
        TimestepSpacing.Linspace => Linspace(steps, config.NumTrainTimesteps),
        TimestepSpacing.Leading => Leading(steps, config.NumTrainTimesteps, config.StepsOffset),
        _ => Trailing(steps, config.NumTrainTimesteps, config.NumTrainTimesteps),
    };

    /// <summary>DPM-Solver, DEIS, UniPC and SA-Solver: one more point than steps, of which the least noisy is dropped. <paramref name="last"/> training steps count.</summary>
    internal static double[] FamilyB(SchedulerConfig config, int steps, int last) => config.TimestepSpacing switch
    {
        TimestepSpacing.Linspace => [.. Linspace(steps + 1, last)[..^1].Select(t => Math.Round(t))],
        TimestepSpacing.Leading => [.. Enumerable.Range(1, steps).Select(i => (double)(i * (last / (steps + 1))) + config.StepsOffset).Reverse()],
        _ => Trailing(steps, config.NumTrainTimesteps, last),
    };
}
