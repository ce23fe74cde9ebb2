using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>In which precision the tables of a process are computed.</summary>
public enum TablePrecision
{
    /// <summary>As diffusers does, rounding included: what a hub's checkpoint was trained and is published with.</summary>
    AsPublished,

    /// <summary>Exactly.</summary>
    Exact,
}

/// <summary>The tables of a discrete variance-preserving process, least noisy first.</summary>
/// <param name="Precision">How they were computed. In single precision every entry is a float.</param>
/// <param name="Betas">β_t.</param>
/// <param name="AlphaBars">ᾱ_t.</param>
/// <param name="Sigmas">√((1 − ᾱ_t)/ᾱ_t).</param>
public sealed record SchedulerTables(TablePrecision Precision, IReadOnlyList<double> Betas, IReadOnlyList<double> AlphaBars, IReadOnlyList<double> Sigmas)
{
    /// <summary>What the sigma-space and DPM classes put for ᾱ = 0: σ = 4096.</summary>
    private const double LeastAlphaBar = 1.0 / (1 << 24);

    /// <summary>ln σ_t.</summary>
    public IReadOnlyList<double> LogSigmas { get; } = [.. Sigmas.Select(sigma => Round(Math.Log(sigma), Precision))];

    /// <summary>A number as this precision keeps it.</summary>
    internal double Round(double value) => Round(value, Precision);

    /// <summary>The tables of a configuration.</summary>
    /// <param name="config">The configuration; its class has variances.</param>
    /// <param name="precision">How to compute them.</param>
    /// <param name="lifted">Whether a last ᾱ of 0 is lifted as far as the class does.</param>
    public static SchedulerTables Of(SchedulerConfig config, TablePrecision precision = TablePrecision.AsPublished, bool lifted = true)
    {
        var floor = lifted && config.RescaleBetasZeroSnr && config.Kind is SchedulerKind.Euler or SchedulerKind.EulerAncestral or SchedulerKind.DpmSolverMultistep or SchedulerKind.UniPc;
        return precision == TablePrecision.Exact ? InDouble(config, floor) : InSingle(config, floor);
    }

    private static SchedulerTables InDouble(SchedulerConfig config, bool floor)
    {
        var betas = config.TrainedBetas?.ToArray() ?? Diffusion.Betas.Of(config.BetaSchedule, config.NumTrainTimesteps, config.BetaStart, config.BetaEnd);
        if (config.RescaleBetasZeroSnr) betas = Diffusion.Betas.ZeroTerminalSnr(betas);
        var alphaBars = Diffusion.Betas.AlphaBars(betas);
        if (floor) alphaBars[^1] = LeastAlphaBar;
        return new(TablePrecision.Exact, betas, alphaBars, [.. alphaBars.Select(alphaBar => Math.Sqrt((1 - alphaBar) / alphaBar))]);
    }

    /// <summary>The same operations in the same order on float tensors, so that the same roundings happen.</summary>
    private static SchedulerTables InSingle(SchedulerConfig config, bool floor)
    {
        using var scope = NewDisposeScope();
        var betas = SingleBetas(config);
        if (config.RescaleBetasZeroSnr) betas = ZeroTerminalSnr(betas);
        var alphaBars = (1 - betas).cumprod(0);
        if (floor) alphaBars = cat([alphaBars.slice(0, 0, -1, 1), tensor([(float)LeastAlphaBar])]);
        return new(TablePrecision.AsPublished, Numbers(betas), Numbers(alphaBars), Numbers(((1 - alphaBars) / alphaBars).sqrt()));
    }

    private static Tensor SingleBetas(SchedulerConfig config)
    {
        var (steps, start, end) = (config.NumTrainTimesteps, config.BetaStart, config.BetaEnd);
        if (config.TrainedBetas is { } trained) return tensor(trained.ToArray(), float32);
        return config.BetaSchedule switch
        {
            BetaSchedule.Linear => linspace(start, end, steps, float32),
            BetaSchedule.ScaledLinear => linspace(Math.Sqrt(start), Math.Sqrt(end), steps, float32).square(),
            BetaSchedule.Sigmoid => linspace(-6, 6, steps, float32).sigmoid() * (end - start) + start,
            var schedule => tensor(Diffusion.Betas.Of(schedule, steps), float32),
        };
    }

    private static Tensor ZeroTerminalSnr(Tensor betas)
    {
        var roots = (1 - betas).cumprod(0).sqrt();
        var (first, last) = (roots[0], roots[-1]);
        roots = (roots - last) * (first / (first - last));
        var alphaBars = roots.square();
        return 1 - cat([alphaBars.slice(0, 0, 1, 1), alphaBars.slice(0, 1, long.MaxValue, 1) / alphaBars.slice(0, 0, -1, 1)]);
    }

    private static double[] Numbers(Tensor table) => table.to(float64).data<double>().ToArray();

    private static double Round(double value, TablePrecision precision) => precision == TablePrecision.AsPublished ? (float)value : value;
}
