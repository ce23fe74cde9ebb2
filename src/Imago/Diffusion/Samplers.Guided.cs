namespace Imago.Diffusion;

/// <summary>Methods whose step needs the guided and the unguided estimate.</summary>
public static partial class Samplers
{
    /// <summary>
    /// CFG++ with DDIM, which is Euler's method (Chung et al. 2024, Algorithm 2): the denoiser of the run is the conditional one; λ in [0, 1] takes the place of guidance
    /// scales above 1, and samples stay on the manifold of images.
    /// </summary>
    /// <param name="unconditional">Estimates x₀ without the condition.</param>
    /// <param name="lambda">λ; 0 is unconditional sampling.</param>
    public static Sampler PlusPlus(Denoiser unconditional, double lambda) => Method(run => (x, from, to) =>
        Guidance.PlusPlusStep(run.Denoise(x, from), unconditional(x, from), x, from, to, lambda));
}
