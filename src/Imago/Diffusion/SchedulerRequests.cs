namespace Imago.Diffusion;

/// <summary>Checks that the classes make of what they are asked.</summary>
internal static class SchedulerRequests
{
    private const int MostSteps = 1_000_000;

    /// <summary>The number of steps asked for; positive.</summary>
    internal static int RequireSteps(this SchedulerRequest request)
    {
        var steps = request.Steps ?? throw new ArgumentException("A number of steps is needed where neither timesteps nor sigmas are given.", nameof(request));
        return steps is > 0 and <= MostSteps ? steps : throw new ArgumentOutOfRangeException(nameof(request), steps, $"A number of steps lies in [1, {MostSteps}].");
    }

    /// <summary>The same, and not above the number of training steps.</summary>
    internal static int RequireTrainedSteps(this SchedulerRequest request, SchedulerConfig config)
    {
        var steps = request.RequireSteps();
        return steps <= config.NumTrainTimesteps ? steps : throw new ArgumentOutOfRangeException(nameof(request), steps,
            $"{config.Kind} visits each of its {config.NumTrainTimesteps} training steps at most once; ask for so many steps or fewer.");
    }

    /// <summary>Timesteps that were given: falling, and below the number of training steps.</summary>
    internal static IReadOnlyList<double> RequireFalling(IReadOnlyList<double> timesteps, SchedulerConfig config)
    {
        if (timesteps.Count == 0) throw new ArgumentException("The list of timesteps is empty.", nameof(timesteps));
        for (int i = 1; i < timesteps.Count; i++)
        {
            if (timesteps[i] >= timesteps[i - 1]) throw new ArgumentException($"Timesteps fall; {timesteps[i]} follows {timesteps[i - 1]}.", nameof(timesteps));
        }
        if (timesteps[0] >= config.NumTrainTimesteps) throw new ArgumentOutOfRangeException(nameof(timesteps), timesteps[0], $"Timesteps are below {config.NumTrainTimesteps}, the number of training steps.");
        return timesteps;
    }

    /// <summary>Refuses lists that the class does not take.</summary>
    internal static void Refuse(this SchedulerRequest request, SchedulerConfig config, bool timesteps, bool sigmas)
    {
        if (timesteps && request.Timesteps is not null) throw new ArgumentException($"{config.Kind} does not take a list of timesteps with this configuration; ask for a number of steps.", nameof(request));
        if (sigmas && request.Sigmas is not null) throw new ArgumentException($"{config.Kind} does not take a list of sigmas; ask for a number of steps.", nameof(request));
    }
}
