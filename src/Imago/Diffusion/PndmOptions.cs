namespace Imago.Diffusion;

/// <summary>What the pseudo numerical methods differ in.</summary>
public sealed record PndmOptions
{
    /// <summary>How many of the first steps are of Runge–Kutta's kind.</summary>
    public int RungeKuttaSteps { get; init; }

    /// <summary>What is extrapolated: ε̂, or the output of a network that predicts something else.</summary>
    public Prediction Extrapolated { get; init; } = Prediction.Epsilon;

    /// <summary>Whether the schedule holds the repeated levels and the middles already, one step an evaluation.</summary>
    public bool IsRepeated { get; init; }

    /// <summary>
    /// Where the second evaluation's step starts, given where it evaluates; null for where the first started. The published program takes a whole distance back from the
    /// second timestep, which with uneven spacing is not the first.
    /// </summary>
    public Func<NoiseLevel, NoiseLevel>? SecondStart { get; init; }
}
