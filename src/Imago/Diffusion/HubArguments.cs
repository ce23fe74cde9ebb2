using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>What a hub's scheduler is given when it is called rather than in its file; the defaults are diffusers'.</summary>
public sealed record HubArguments
{
    /// <summary>The first of the class's timesteps to visit: more than 0 for a run that starts from a noised picture. Second-order classes list most timesteps twice.</summary>
    public int Begin { get; init; }

    /// <summary>η of DDIM and RePaint (null for the file's own or 0), γ of TCD (null for 0.3).</summary>
    public double? Eta { get; init; }

    /// <summary>Whether DDIM's ε̂ follows the bounded x̂₀.</summary>
    public bool UsesClippedOutput { get; init; }

    /// <summary>Noise that the Euler and Heun classes add before a step.</summary>
    public Churn? Churn { get; init; }

    /// <summary>Standard deviation of fresh noise where the class takes one at the call (DPMSolverSDE).</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>Slopes that LMS uses.</summary>
    public int LmsOrder { get; init; } = 4;

    /// <summary>τ of SA-Solver; null for 1 at timesteps 200 to 800 and 0 elsewhere.</summary>
    public double? Tau { get; init; }

    /// <summary>RePaint's picture, like the sample.</summary>
    public Tensor? Image { get; init; }

    /// <summary>RePaint's mask: 1 where the picture is known.</summary>
    public Tensor? Mask { get; init; }
}
