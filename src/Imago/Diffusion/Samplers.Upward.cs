using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Steps from less noise to more, for <see cref="Inversion"/>.</summary>
public static partial class Samplers
{
    /// <summary>
    /// Euler's method; its result x is then improved until Euler's step down again, E(x) = α' x̂₀(x, s) + σ' ε̂(x, s), gives x': Newton's iteration x + (x' − E(x)) / E′ with
    /// the slope E′ that the best denoiser of standard normal data has.
    /// </summary>
    internal static Sampler EulerUpward(int iterations) => Method(run => (x, from, to) =>
    {
        var next = from.IsClean ? to.Alpha * x : Toward(x, run.Denoise(x, from), from, to);
        for (int k = 0; k < iterations; k++) next = Sum((1, next), (1 / SlopeDown(to, from), x - Toward(next, run.Denoise(next, to), to, from)));
        return next;
    });

    /// <summary>dE/dx = σ'/σ + (α' − σ' α/σ) dx̂₀/dx, where x̂₀ = α x / (α² + σ²).</summary>
    private static double SlopeDown(NoiseLevel from, NoiseLevel to) =>
        to.Sigma / from.Sigma + (to.Alpha - to.Sigma * from.Alpha / from.Sigma) * from.Alpha / (from.Alpha * from.Alpha + from.Sigma * from.Sigma);
}
