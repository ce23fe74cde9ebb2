namespace Imago.Diffusion;

/// <summary>What is asked of a scheduler besides its configuration.</summary>
public sealed record SchedulerRequest
{
    /// <summary>How many steps; needed unless timesteps or sigmas are given.</summary>
    public int? Steps { get; init; }

    /// <summary>The timesteps themselves, noisiest first, where the class takes them.</summary>
    public IReadOnlyList<double>? Timesteps { get; init; }

    /// <summary>The sigmas themselves, where the class takes them.</summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>μ of a shift that depends on the picture's size.</summary>
    public double? Mu { get; init; }

    /// <summary>Which part of the teacher's steps LCM and TCD use, in (0, 1].</summary>
    public double Strength { get; init; } = 1;

    /// <summary>How far RePaint jumps back.</summary>
    public int JumpLength { get; init; } = 10;

    /// <summary>How often.</summary>
    public int JumpSamples { get; init; } = 10;

    /// <summary>In which precision tables and levels are kept.</summary>
    public TablePrecision Precision { get; init; }
}

/// <summary>What a scheduler's class visits, exactly as that class holds it: repeated entries included.</summary>
/// <param name="Timesteps">What the network is told at each evaluation.</param>
/// <param name="Sigmas">The class's list of σ, usually one longer; empty where it has none.</param>
/// <param name="InitNoiseSigma">By what unit noise is multiplied to start.</param>
public sealed record SchedulerSteps(IReadOnlyList<double> Timesteps, IReadOnlyList<double> Sigmas, double InitNoiseSigma)
{
    /// <summary>σ of the intermediate evaluations of the two KDPM2 classes, in their layout; empty elsewhere.</summary>
    public IReadOnlyList<double> MiddleSigmas { get; init; } = [];
}
