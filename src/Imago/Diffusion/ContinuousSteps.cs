using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Classes without a table of variances: the EDM ones, the variance-exploding equation, IPNDM.</summary>
internal static class ContinuousSteps
{
    internal static SchedulerSteps Edm(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: true, sigmas: true);
        var (least, most, steps) = (config.SigmaMin ?? 0.002, config.SigmaMax ?? 80, request.RequireSteps());
        var round = config.Rounding(request);
        var sigmas = request.Precision == TablePrecision.AsPublished ? SingleRamp(config, least, most, steps)
            : config.SigmaSchedule == SigmaSchedule.Karras ? Ramps.Karras(most, least, steps, config.Rho) : Ramps.Exponential(most, least, steps);
        Func<double, double> told = config.Kind == SchedulerKind.CosineDpmSolverMultistep ? sigma => Math.Atan(sigma) / Math.PI * 2 : sigma => 0.25 * Math.Log(sigma);
        var final = config.FinalSigmasType == FinalSigma.Zero ? 0 : least;
        return new([.. sigmas.Select(told).Select(round)], [.. sigmas, round(final)], Math.Sqrt(most * most + 1));
    }

    /// <summary>The same operations as the published classes do on float tensors, so that the same roundings happen.</summary>
    private static double[] SingleRamp(SchedulerConfig config, double least, double most, int steps)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Math.Pow(most, 1 / config.Rho), Math.Pow(least, 1 / config.Rho));
        var sigmas = config.SigmaSchedule == SigmaSchedule.Karras
            ? (a + linspace(0, 1, steps, float32) * (b - a)).pow(config.Rho)
            : linspace(Math.Log(least), Math.Log(most), steps, float32).exp().flip(0);
        return sigmas.to(float64).data<double>().ToArray();
    }

    /// <summary>σ_min (σ_max/σ_min)^t at t from 1 to ε.</summary>
    internal static SchedulerSteps ScoreSde(SchedulerConfig config, SchedulerRequest request)
    {
        request.Refuse(config, timesteps: true, sigmas: true);
        var (least, most, round) = (config.SigmaMin ?? 0.01, config.SigmaMax ?? 1348, config.Rounding(request));
        double[] timesteps = [.. Ramps.Linear(1, config.SamplingEps, request.RequireSteps()).Select(round)];
        return new(timesteps, [.. timesteps.Select(t => round(least * Math.Pow(most / least, t)))], most);
    }

    /// <summary>(2/π) times the angle of (√(1 − s²), s), s = sin²(π u/2), u from 1 to 0 without the 0.</summary>
    internal static SchedulerSteps Ipndm(SchedulerRequest request)
    {
        if (request.Timesteps is not null || request.Sigmas is not null) throw new ArgumentException("IPNDM takes a number of steps only.", nameof(request));
        var shares = Ramps.Linear(1, 0, request.RequireSteps() + 1)[..^1];
        var sines = shares.Select(u => Math.Sin(u * Math.PI / 2)).Select(sine => sine * sine);
        return new([.. sines.Select(s => Math.Atan2(s, Math.Sqrt(1 - s * s)) / Math.PI * 2)], [], 1);
    }

    /// <summary>How this request keeps numbers.</summary>
    internal static Func<double, double> Rounding(this SchedulerConfig config, SchedulerRequest request) =>
        request.Precision == TablePrecision.AsPublished ? value => (float)value : value => value;
}
