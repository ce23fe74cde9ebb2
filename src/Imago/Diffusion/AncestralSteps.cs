namespace Imago.Diffusion;

/// <summary>DDPM, DDIM and its inverse, PNDM: whole training steps, no sigmas.</summary>
internal static class AncestralSteps
{
    /// <summary>Points of PNDM's Runge–Kutta start.</summary>
    private const int RungeKuttaOrder = 4;

    internal static SchedulerSteps Of(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: config.Kind != SchedulerKind.Ddpm, sigmas: true);
        if (request.Timesteps is { } given) return new(SchedulerRequests.RequireFalling(given, config), [], 1);
        var steps = config.Kind == SchedulerKind.Pndm ? request.RequireSteps() : request.RequireTrainedSteps(config);
        double[] timesteps = [.. TimestepSpacings.FamilyA(config, steps).Select(t => Math.Round(t))];
        return new(config.Kind switch
        {
            SchedulerKind.DdimInverse => [.. timesteps.Reverse()],
            SchedulerKind.Pndm => config.SkipPrkSteps ? Plms(timesteps) : RungeKuttaStart(timesteps, config.NumTrainTimesteps / steps),
            _ => timesteps,
        }, [], 1);
    }

    /// <summary>The second timestep twice: the first step is taken, looked back upon, and taken again.</summary>
    private static double[] Plms(double[] timesteps) => timesteps.Length == 1 ? timesteps : [timesteps[0], timesteps[1], .. timesteps[1..]];

    /// <summary>Four evaluations for each of the three noisiest steps, at its ends and in its middle; then one a step.</summary>
    private static double[] RungeKuttaStart(double[] timesteps, int distance)
    {
        if (timesteps.Length < RungeKuttaOrder)
            throw new ArgumentException($"PNDM starts with {RungeKuttaOrder - 1} Runge–Kutta steps, which need {RungeKuttaOrder} timesteps; {timesteps.Length} were asked for. Take more, or set skip_prk_steps.", nameof(timesteps));
        var halves = timesteps[..RungeKuttaOrder].Reverse().SelectMany(t => new[] { t, t + distance / 2 }).ToArray();
        var twice = halves[..^1].SelectMany(t => new[] { t, t }).ToArray();
        return [.. twice[1..^1].Reverse(), .. timesteps[(RungeKuttaOrder - 1)..]];
    }
}
