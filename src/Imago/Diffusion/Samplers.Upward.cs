using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Steps from less noise to more, for <see cref="Inversion"/>.</summary>
public static partial class Samplers
{
    /// <summary>Euler's method; its slope is then improved by fixed-point iterations on x' = α'/α x + α' (s' − s) ε̂(x', s').</summary>
    internal static Sampler EulerUpward(int iterations) => Method(run => (x, from, to) =>
    {
        var next = Toward(x, run.Denoise(x, from), from, to);
        for (int k = 0; k < iterations && to.Alpha > 0; k++) next = Along(x, Epsilon(next, run.Denoise(next, to), to), from, to);
        return next;
    });
}
