namespace Imago.Diffusion;

/// <summary>LCM, TCD, consistency models, RePaint: a few of the training steps.</summary>
internal static class ConsistencySteps
{
    /// <summary>Of the teacher's steps k⌊T/original⌋ − 1 evenly many.</summary>
    internal static SchedulerSteps Latent(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: false, sigmas: true);
        if (request.Timesteps is { } given) return new(SchedulerRequests.RequireFalling(given, config), [], 1);
        var (steps, original) = (request.RequireTrainedSteps(config), config.OriginalInferenceSteps);
        if (original > config.NumTrainTimesteps || original < 1)
            throw new ArgumentException($"original_inference_steps is {original}; it lies between 1 and the {config.NumTrainTimesteps} training steps.", nameof(config));
        var count = (int)(original * request.Strength);
        if (steps > original || count < steps)
            throw new ArgumentException($"{steps} steps cannot be chosen from the {count} of the teacher's {original} that a strength of {request.Strength} leaves; ask for fewer steps.", nameof(request));
        var distance = config.NumTrainTimesteps / original;
        return new([.. Enumerable.Range(0, steps).Select(i => (double)(count - (int)Math.Floor(i * (count / (double)steps))) * distance - 1)], [], 1);
    }

    /// <summary>Levels of a Karras ramp over all training steps; the network is told 250 ln σ.</summary>
    internal static SchedulerSteps Pixel(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: false, sigmas: true);
        var positions = request.Timesteps is { } given
            ? SchedulerRequests.RequireFalling(given, config)
            : TimestepSpacings.Leading(request.RequireTrainedSteps(config), config.NumTrainTimesteps, 0);
        var (least, most, rho) = (config.SigmaMin ?? 0.002, config.SigmaMax ?? 80, config.Rho);
        var (a, b) = (Math.Pow(most, 1 / rho), Math.Pow(least, 1 / rho));
        double[] sigmas = [.. positions.Reverse().Select(t => Math.Pow(a + t / (config.NumTrainTimesteps - 1) * (b - a), rho))];
        return new([.. sigmas.Select(sigma => 250 * Math.Log(sigma + 1e-44))], [.. sigmas.Append(least).Select(config.Rounding(request))], most);
    }

    /// <summary>Down by one, and at regular places up again a few times (Lugmayr et al. 2022, appendix B).</summary>
    internal static SchedulerSteps RePaint(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: true, sigmas: true);
        if (request.JumpLength < 1 || request.JumpSamples < 1) throw new ArgumentException($"RePaint jumps by {request.JumpLength}, {request.JumpSamples} times; both are positive.", nameof(request));
        var steps = Math.Min(config.NumTrainTimesteps, request.RequireSteps());
        var jumps = new Dictionary<int, int>();
        for (int j = 0; j < steps - request.JumpLength; j += request.JumpLength) jumps[j] = request.JumpSamples - 1;
        var visited = new List<double>();
        for (int t = steps - 1; t >= 0; t--)
        {
            visited.Add(t);
            if (jumps.GetValueOrDefault(t) == 0) continue;
            jumps[t]--;
            for (int i = 0; i < request.JumpLength; i++) visited.Add(++t);
        }
        return new([.. visited.Select(t => t * (config.NumTrainTimesteps / steps))], [], 1);
    }
}
