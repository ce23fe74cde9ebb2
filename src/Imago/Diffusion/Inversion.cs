using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// The noise that a sampler would have turned into a given image: the probability-flow ODE run upwards. With it images are edited, interpolated and reconstructed.
/// </summary>
public static class Inversion
{
    /// <summary>
    /// A schedule's levels from the cleanest that holds noise to the noisiest. An image without noise is taken for one at the least noisy level, where it differs from
    /// its mean by less than that noise.
    /// </summary>
    /// <param name="schedule">Noisiest first.</param>
    /// <exception cref="ArgumentException">Fewer than two of its levels hold noise.</exception>
    public static NoiseSchedule Upward(NoiseSchedule schedule) => new(schedule.Where(level => !level.IsClean).Reverse(), schedule.Process);

    /// <summary>
    /// A deterministic sampler run upwards along the schedule it is given: from an image to its noise. Running the same sampler down again gives the image back, up to
    /// an error that falls with the sampler's order in the length of the steps.
    /// </summary>
    /// <param name="sampler">One that needs no noise.</param>
    public static Sampler Of(Sampler sampler) => (denoise, x, schedule, context) => sampler(denoise, x, Upward(schedule), context);

    /// <summary>
    /// DDIM inversion (Song et al. 2021, section 5.4): x' = α' x̂₀ + σ' ε̂ upwards, with the estimate at the lower level; or, with iterations, at the level that the step
    /// arrives at (Pan et al. 2023), which makes it the exact inverse of <see cref="Samplers.Euler"/> once they have converged.
    /// </summary>
    /// <param name="iterations">Further evaluations of the denoiser in each step; they converge where the steps are short enough.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static Sampler Ddim(int iterations = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(iterations);
        return Of(Samplers.EulerUpward(iterations));
    }

    /// <summary>
    /// The inverse of <see cref="Samplers.Euler"/> along all of a schedule, from its clean end to its noisiest level, pure noise included: the noise that Euler's method turns
    /// into the image itself, and not into one that is as clean as the least noisy level.
    /// </summary>
    /// <param name="iterations">Evaluations of the denoiser in each step, beyond the first; they converge where the steps are short enough.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is none: from a clean image there is no slope to begin with.</exception>
    public static Sampler OfEuler(int iterations = 8)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        return (denoise, x, schedule, context) => Samplers.EulerUpward(iterations)(denoise, x, new NoiseSchedule(schedule.Reverse(), schedule.Process), context);
    }
}
