namespace Imago.Diffusion;

/// <summary>The classes that keep the sample in the scale x₀ + σ ε: Euler, ancestral Euler, LMS, Heun, KDPM2 and its ancestral form, DPM-Solver SDE.</summary>
internal static class SigmaSpaceSteps
{
    internal static SchedulerSteps Of(SchedulerConfig config, SchedulerRequest request)
    {
        var (timesteps, sigmas) = Levels(config, request);
        var all = sigmas.Select(config.Rounding(request)).ToArray();
        if (config is { Kind: SchedulerKind.Euler, TimestepType: TimestepType.Continuous, PredictionType: Prediction.Velocity })
            timesteps = [.. all[..^1].Select(sigma => 0.25 * Math.Log(sigma))];
        var initial = InitNoiseSigma(config, all);
        var told = timesteps.Select(config.Rounding(request)).ToArray();
        return config.Kind == SchedulerKind.Heun ? new(Repeated(told, last: true), Repeated(all, last: false), initial) : new(told, all, initial);
    }

    /// <summary>With an evaluation between two levels: the list of σ repeats each level, the timesteps alternate.</summary>
    internal static SchedulerSteps WithMiddles(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: true, sigmas: true);
        var (timesteps, sigmas) = Levels(config, request);
        var round = config.Rounding(request);
        var all = sigmas.Select(round).ToArray();
        var tables = SchedulerTables.Of(config, request.Precision);
        var middles = config.Kind switch
        {
            SchedulerKind.Kdpm2 => [double.NaN, .. all.Zip(all[1..], (sigma, next) => Middle(next, sigma, round))],
            SchedulerKind.Kdpm2Ancestral => AncestralMiddles(all, round),
            _ => sigmas[..^1].Zip(sigmas[1..^1], (sigma, next) => Middle(sigma, next, exact => exact)).ToArray(),
        };
        var between = middles.Select(sigma => SigmaConversion.TimeOf(sigma, tables.LogSigmas)).Skip(config.Kind == SchedulerKind.Kdpm2 ? 1 : 0);
        double[] told = [timesteps[0], .. timesteps.Skip(1).Zip(between, (t, middle) => new[] { middle, t }).SelectMany(pair => pair)];
        return config.Kind == SchedulerKind.DpmSolverSde
            ? new(told, Repeated(all, last: false), InitNoiseSigma(config, all))
            : new(told, [.. Repeated(all, last: true), all[^1]], InitNoiseSigma(config, all)) { MiddleSigmas = [.. Repeated(middles, last: true), middles[^1]] };
    }

    /// <summary>Timesteps, and levels with the last.</summary>
    private static (double[] Timesteps, double[] Sigmas) Levels(SchedulerConfig config, SchedulerRequest request)
    {
        var converts = config.Converts() && config.Kind != SchedulerKind.EulerAncestral;
        request.Refuse(config, timesteps: config.Kind is not (SchedulerKind.Euler or SchedulerKind.Heun) || converts, sigmas: config.Kind != SchedulerKind.Euler || converts);
        var tables = SchedulerTables.Of(config, request.Precision);
        if (request.Sigmas is { } given)
        {
            if (given.Count < 2) throw new ArgumentException("A list of sigmas holds at least two: where to start and where to arrive.", nameof(request));
            var rounded = given.Select(config.Rounding(request)).ToArray();
            return ([.. rounded[..^1].Select(sigma => SigmaConversion.TimeOf(sigma, tables.LogSigmas))], rounded);
        }
        double[] timesteps = request.Timesteps is { } list ? [.. list] : TimestepSpacings.FamilyA(config, request.RequireSteps());
        if (config.Kind != SchedulerKind.DpmSolverSde) timesteps = [.. timesteps.Select(config.Rounding(request))];
        var sigmas = config is { Kind: SchedulerKind.Euler, InterpolationType: SigmaInterpolation.LogLinear }
            ? Ramps.Exponential(tables.Sigmas[^1], tables.Sigmas[0], timesteps.Length + 1)
            : SigmaConversion.At(timesteps, tables.Sigmas);
        if (converts)
        {
            var (first, last) = config.Kind == SchedulerKind.Euler ? (config.SigmaMax ?? sigmas[0], config.SigmaMin ?? sigmas[^1]) : (sigmas[0], sigmas[^1]);
            sigmas = SigmaConversion.Between(config, first, last, timesteps.Length);
            var whole = config.UseKarrasSigmas && config.Kind is SchedulerKind.Kdpm2 or SchedulerKind.Kdpm2Ancestral;
            timesteps = [.. sigmas.Select(sigma => SigmaConversion.TimeOf(sigma, tables.LogSigmas)).Select(t => whole ? Math.Round(t) : t)];
        }
        var final = config is { Kind: SchedulerKind.Euler, FinalSigmasType: FinalSigma.SigmaMin } ? tables.Sigmas[0] : 0;
        return (timesteps, [.. sigmas, final]);
    }

    private static double InitNoiseSigma(SchedulerConfig config, double[] sigmas) =>
        config.TimestepSpacing == TimestepSpacing.Leading ? Math.Sqrt(sigmas.Max() * sigmas.Max() + 1) : sigmas.Max();

    /// <summary>The first once, the others twice; the last of all twice or once.</summary>
    private static double[] Repeated(double[] values, bool last)
    {
        double[] twice = [values[0], .. values.Skip(1).SelectMany(value => new[] { value, value })];
        return last || values.Length == 1 ? twice : twice[..^1];
    }

    /// <summary>exp((ln a + ln b)/2), rounded where the class rounds.</summary>
    private static double Middle(double a, double b, Func<double, double> round)
    {
        var (from, to) = (round(Math.Log(a)), round(Math.Log(b)));
        return double.IsInfinity(from) || double.IsInfinity(to) ? 0 : round(Math.Exp(round(to - round(to - from) * 0.5)));
    }

    /// <summary>Between each level and σ_down, what an ancestral step to the next goes down to; 0 for the last two.</summary>
    private static double[] AncestralMiddles(double[] sigmas, Func<double, double> round)
    {
        double Down(double sigma, double next)
        {
            var (s2, n2) = (round(sigma * sigma), round(next * next));
            var up = round(Math.Sqrt(round(round(n2 * round(s2 - n2)) / s2)));
            return round(Math.Sqrt(round(n2 - round(up * up))));                    // = n²/σ but for the rounding
        }
        return [.. Enumerable.Range(0, sigmas.Length).Select(i => i >= sigmas.Length - 2 ? 0 : Middle(sigmas[i], Down(sigmas[i], sigmas[i + 1]), round))];
    }
}
