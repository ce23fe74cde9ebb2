namespace Imago.Diffusion;

/// <summary>The rectified-flow classes.</summary>
internal static class FlowSteps
{
    internal static SchedulerSteps Of(SchedulerConfig config, SchedulerRequest request)
    {
        var heun = config.Kind == SchedulerKind.FlowMatchHeun;
        if (heun) config = config with { UseDynamicShifting = false, InvertSigmas = false, ShiftTerminal = null, UseKarrasSigmas = false, UseExponentialSigmas = false, UseBetaSigmas = false };
        request.Refuse(config, timesteps: heun, sigmas: heun);
        if (config.UseDynamicShifting && request.Mu is null)
            throw new ArgumentException("The shift of this scheduler depends on the picture's size (use_dynamic_shifting): give mu.", nameof(request));
        if (request is { Sigmas: { } s, Timesteps: { } t } && s.Count != t.Count) throw new ArgumentException($"{s.Count} sigmas and {t.Count} timesteps were given; there are as many of the one as of the other.", nameof(request));
        var (round, training) = (config.Rounding(request), config.NumTrainTimesteps);
        var sigmas = Levels(config, Raw(config, request, round), request.Mu).Select(round).ToArray();
        var timesteps = request.Timesteps is { } given ? [.. given] : sigmas.Select(sigma => round(sigma * training)).ToArray();
        if (config.InvertSigmas)
        {
            sigmas = [.. sigmas.Select(sigma => round(1 - sigma))];
            timesteps = [.. sigmas.Select(sigma => round(sigma * training))];
        }
        double[] all = [.. sigmas, config.InvertSigmas ? 1 : 0];
        return heun ? new(Repeated(timesteps), Repeated(all)[..^1], 1) : new(timesteps, all, 1);
    }

    /// <summary>What is given, or evenly between the ends of the training levels, which a fixed shift has already moved.</summary>
    private static double[] Raw(SchedulerConfig config, SchedulerRequest request, Func<double, double> round)
    {
        if (request.Sigmas is { } sigmas) return [.. sigmas.Select(round)];
        if (request.Timesteps is { } timesteps) return [.. timesteps.Select(t => round(t) / config.NumTrainTimesteps)];
        var shift = config.UseDynamicShifting ? 1 : config.Shift;
        var (first, last) = (round(TimeShift.Static(1, shift)), round(TimeShift.Static(round(1.0 / config.NumTrainTimesteps), shift)));
        return [.. Ramps.Linear(first * config.NumTrainTimesteps, last * config.NumTrainTimesteps, request.RequireSteps()).Select(t => t / config.NumTrainTimesteps)];
    }

    private static double[] Levels(SchedulerConfig config, double[] raw, double? mu)
    {
        double[] sigmas = [.. raw.Select(s => config.UseDynamicShifting ? TimeShift.Dynamic(s, mu!.Value, config.TimeShiftType) : TimeShift.Static(s, config.Shift))];
        if (config.ShiftTerminal is { } terminal and not 0) sigmas = TimeShift.ToTerminal(sigmas, terminal);
        return config.Converts() ? SigmaConversion.Between(config, sigmas[0], sigmas[^1], sigmas.Length) : sigmas;
    }

    /// <summary>The first once, the others twice.</summary>
    private static double[] Repeated(double[] values) => [values[0], .. values.Skip(1).SelectMany(value => new[] { value, value })];
}
