namespace Imago.Diffusion;

/// <summary>The classes written in λ: DPM-Solver (multistep, its inverse, singlestep), DEIS, UniPC, SA-Solver. Timesteps are whole.</summary>
internal static class SolverSteps
{
    /// <summary>UniPC moves a σ of 1, whose λ is infinite, by this.</summary>
    private const double OffOne = 1e-6;

    internal static SchedulerSteps Of(SchedulerConfig config, SchedulerRequest request)
    {
        var flow = config.HasFlowLevels;
        request.Refuse(config, timesteps: config.Kind is not (SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverSinglestep) || config.Converts() || Lu(config) || flow,
            sigmas: config.Kind != SchedulerKind.UniPc || !flow);
        if (request.Mu is { } mu && config.UseDynamicShifting && config.Kind != SchedulerKind.UniPc) config = config with { FlowShift = Math.Exp(mu) };
        var tables = SchedulerTables.Of(config, request.Precision);
        var (timesteps, sigmas) = flow ? FlowLevels(config, request, tables) : Levels(config, request, tables);
        var different = config.Kind == SchedulerKind.DpmSolverMultistepInverse ? timesteps.Distinct() : timesteps;
        return new([.. different.Select(t => Math.Truncate(t))], [.. sigmas.Append(Final(config, tables, sigmas)).Select(config.Rounding(request))], 1);
    }

    private static (double[] Timesteps, double[] Sigmas) Levels(SchedulerConfig config, SchedulerRequest request, SchedulerTables tables)
    {
        var inverse = config.Kind == SchedulerKind.DpmSolverMultistepInverse;
        double[] timesteps = request.Timesteps is { } given ? [.. given] : Spaced(config, request.RequireSteps(), Kept(config, tables), inverse);
        if (!config.Converts() && !Lu(config)) return (timesteps, SigmaConversion.At(timesteps, tables.Sigmas));
        var (first, last) = config.Kind == SchedulerKind.UniPc ? (config.SigmaMax ?? tables.Sigmas[^1], config.SigmaMin ?? tables.Sigmas[0]) : (tables.Sigmas[^1], tables.Sigmas[0]);
        if (inverse) (first, last) = (last, first);
        var sigmas = config.UseKarrasSigmas || !Lu(config)
            ? SigmaConversion.Between(config, first, last, timesteps.Length)
            : [.. Ramps.Linear(tables.LogSigmas[^1], tables.LogSigmas[0], timesteps.Length).Select(Math.Exp)];
        var multistep = config.Kind == SchedulerKind.DpmSolverMultistep;
        var whole = (config.UseKarrasSigmas || Lu(config)) && !(multistep && config.BetaSchedule == BetaSchedule.Cosine);
        return ([.. sigmas.Select(sigma => SigmaConversion.TimeOf(sigma, tables.LogSigmas)).Select(t => whole ? Math.Round(t) : t)], sigmas);
    }

    private static (double[] Timesteps, double[] Sigmas) FlowLevels(SchedulerConfig config, SchedulerRequest request, SchedulerTables tables)
    {
        var training = config.NumTrainTimesteps;
        var sigmas = config.Kind == SchedulerKind.UniPc ? UniPcFlow(config, request, tables) : ShiftedFlow(config, request.RequireSteps());
        return ([.. sigmas.Select(sigma => sigma * training)], sigmas);
    }

    /// <summary>σ = 1 − linspace(1, 1/T, n + 1), shifted, noisiest first, without the 0.</summary>
    private static double[] ShiftedFlow(SchedulerConfig config, int steps) =>
        [.. Ramps.Linear(1, 1.0 / config.NumTrainTimesteps, steps + 1).Select(alpha => TimeShift.Static(1 - alpha, config.FlowShift)).Reverse().Take(steps)];

    private static double[] UniPcFlow(SchedulerConfig config, SchedulerRequest request, SchedulerTables tables)
    {
        if (config.UseDynamicShifting && request.Mu is null && !config.Converts())
            throw new ArgumentException("The shift of this scheduler depends on the picture's size (use_dynamic_shifting): give mu.", nameof(request));
        if (config.Converts())
        {
            var converted = SigmaConversion.Between(config, config.SigmaMax ?? tables.Sigmas[^1], config.SigmaMin ?? tables.Sigmas[0], request.RequireSteps());
            return [.. converted.Select(sigma => sigma / (sigma + 1))];
        }
        double[] sigmas = request.Sigmas is { } given ? [.. given] : Ramps.Linear(1, 1.0 / config.NumTrainTimesteps, request.RequireSteps() + 1)[..^1];
        sigmas = [.. sigmas.Select(sigma => config.UseDynamicShifting ? TimeShift.Dynamic(sigma, request.Mu!.Value, config.TimeShiftType) : TimeShift.Static(sigma, config.FlowShift))];
        if (config.ShiftTerminal is { } terminal and not 0) sigmas = TimeShift.ToTerminal(sigmas, terminal);
        if (Math.Abs(sigmas[0] - 1) < OffOne) sigmas[0] -= OffOne;
        return sigmas;
    }

    private static double[] Spaced(SchedulerConfig config, int steps, int kept, bool inverse)
    {
        if (config.Kind == SchedulerKind.DpmSolverSinglestep) config = config with { TimestepSpacing = TimestepSpacing.Linspace };
        if (!inverse) return TimestepSpacings.FamilyB(config, steps, kept);
        return config.TimestepSpacing switch
        {
            TimestepSpacing.Linspace => [.. Ramps.Linear(0, kept - 1, steps + 1)[..^1].Select(t => Math.Round(t))],
            TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Select(i => (double)(i * (kept / (steps + 1))) + config.StepsOffset)],
            _ => [.. TimestepSpacings.Trailing(steps, config.NumTrainTimesteps, kept).Reverse()],
        };
    }

    /// <summary>Training steps whose λ is not below lambda_min_clipped.</summary>
    private static int Kept(SchedulerConfig config, SchedulerTables tables)
    {
        var clips = config.Kind is not (SchedulerKind.Deis or SchedulerKind.UniPc);
        return clips ? tables.Sigmas.Count(sigma => -Math.Log(sigma) >= config.LambdaMinClipped) : config.NumTrainTimesteps;
    }

    private static double Final(SchedulerConfig config, SchedulerTables tables, double[] sigmas)
    {
        var repeats = config.Converts() || config.HasFlowLevels;
        return config.Kind switch
        {
            SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverSinglestep => config.FinalSigmasType == FinalSigma.Zero ? 0 : tables.Sigmas[0],
            SchedulerKind.UniPc when config.FinalSigmasType == FinalSigma.Zero => 0,
            SchedulerKind.DpmSolverMultistepInverse => repeats ? sigmas[^1] : tables.Sigmas[Kept(config, tables) - 1],
            _ => repeats ? sigmas[^1] : tables.Sigmas[0],
        };
    }

    private static bool Lu(SchedulerConfig config) => config.UseLuLambdas && config.Kind == SchedulerKind.DpmSolverMultistep;
}
