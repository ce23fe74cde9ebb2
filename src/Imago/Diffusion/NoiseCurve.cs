namespace Imago.Diffusion;

/// <summary>
/// How noise σ(t) and scale s(t) run in a time t, as Karras et al. 2022 (Table 1) describe samplers: x(t) = s(t) (x₀ + σ(t) ε), with the derivatives that the
/// probability-flow ODE in t needs.
/// </summary>
/// <param name="Sigma">σ(t).</param>
/// <param name="SigmaRate">σ'(t), for t &gt; 0.</param>
/// <param name="Scale">s(t).</param>
/// <param name="ScaleRate">s'(t).</param>
public sealed record NoiseCurve(Func<double, double> Sigma, Func<double, double> SigmaRate, Func<double, double> Scale, Func<double, double> ScaleRate)
{
    /// <summary>σ(t) = t, s(t) = 1: Karras et al.'s own choice.</summary>
    public static NoiseCurve Linear { get; } = new(t => t, _ => 1, _ => 1, _ => 0);

    /// <summary>σ(t) = √t, s(t) = 1: the variance-exploding process of Song et al. 2021.</summary>
    public static NoiseCurve SquareRoot { get; } = new(Math.Sqrt, t => 1 / (2 * Math.Sqrt(t)), _ => 1, _ => 0);

    /// <summary>σ(t) = √(e^{B(t)} − 1), s(t) = e^{−B(t)/2} with B(t) = ½ β_d t² + β_min t: the variance-preserving process of Song et al. 2021.</summary>
    /// <param name="betaD">β_d: how much β grows.</param>
    /// <param name="betaMin">β_min: β at t = 0.</param>
    public static NoiseCurve VariancePreserving(double betaD = 19.9, double betaMin = 0.1)
    {
        double B(double t) => 0.5 * betaD * t * t + betaMin * t;
        double Rate(double t) => betaD * t + betaMin;
        double Sigma(double t) => Math.Sqrt(Exponentials.Expm1(B(t)));
        return new(Sigma, t => Rate(t) * Math.Exp(B(t)) / (2 * Sigma(t)), t => Math.Exp(-B(t) / 2), t => -Rate(t) / 2 * Math.Exp(-B(t) / 2));
    }

    /// <summary>The level at t: α = s(t), σ = s(t) σ(t), and the time t itself.</summary>
    /// <param name="t">The time.</param>
    public NoiseLevel At(double t) => new(Scale(t), Scale(t) * Sigma(t), t);

    /// <summary>The levels at these times.</summary>
    /// <param name="times">Latest first.</param>
    public NoiseSchedule Schedule(IEnumerable<double> times) => new(times.Select(At));
}
