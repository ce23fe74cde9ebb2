namespace Imago.Diffusion;

/// <summary>What the SA-Solvers differ in (Xue et al. 2023).</summary>
public sealed record SaSolverOptions
{
    /// <summary>Estimates that the predictor uses, at least 1.</summary>
    public int PredictorOrder { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(PredictorOrder), value, "The predictor uses at least one estimate."); } = 2;

    /// <summary>Estimates that the corrector uses; 0 for no corrector.</summary>
    public int CorrectorOrder { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(CorrectorOrder), value, "0 stands for no corrector."); } = 2;

    /// <summary>False: x̂₀ is integrated. True: ε̂ is.</summary>
    public bool OfNoise { get; init; }

    /// <summary>τ at the level that a step leaves: 0 for the ODE, 1 for the reverse SDE.</summary>
    public Func<NoiseLevel, double> Tau { get; init; } = level => level.Ratio is >= 0.05 and <= 1 ? 1 : 0;

    /// <summary>Whether the last step is of first order, the one before of second, ….</summary>
    public bool LowersOrderAtEnd { get; init; } = true;

    /// <summary>Whether rules of x̂₀ with two estimates weigh their difference with h²/2 rather than exactly, as the published program does.</summary>
    public bool FlatSecondOrder { get; init; } = true;
}
