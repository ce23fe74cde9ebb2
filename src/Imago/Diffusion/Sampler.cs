using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Fresh noise for a stochastic sampler.
/// </summary>
/// <param name="from">The level that the step leaves.</param>
/// <param name="to">The level that it goes to: a Brownian path depends on both, independent noise on neither.</param>
/// <returns>Unit normal numbers of the sample's shape, a fresh tensor that the caller owns.</returns>
public delegate Tensor NoiseSource(NoiseLevel from, NoiseLevel to);

/// <summary>What accompanies a run of a sampler. A sampler that needs nothing of it ignores it.</summary>
public sealed record SamplingContext
{
    /// <summary>Where a stochastic sampler's noise comes from; required by those with <see cref="SamplerInfo.IsStochastic"/>.</summary>
    public NoiseSource? Noise { get; init; }

    /// <summary>
    /// Called after every step with its number (0-based), the level reached and the sample there; returns the sample to go on with: the same tensor, or a fresh one
    /// (inpainting puts the known pixels back). The tensor it is given belongs to the sampler.
    /// </summary>
    public Func<int, NoiseLevel, Tensor, Tensor>? AfterStep { get; init; }

    /// <summary>Stops between two evaluations.</summary>
    public CancellationToken CancellationToken { get; init; }
}

/// <summary>A method of sampling: from noise to an image, along a schedule.</summary>
/// <param name="denoise">Estimates x₀.</param>
/// <param name="x">The sample at the first level, [B, C, H, W]; not changed.</param>
/// <param name="schedule">The levels to visit.</param>
/// <param name="context">Noise, observation, cancellation.</param>
/// <returns>The sample at the last level, a fresh tensor that the caller owns.</returns>
/// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
public delegate Tensor Sampler(Denoiser denoise, Tensor x, NoiseSchedule schedule, SamplingContext context);

/// <summary>An entry in the catalogue of samplers.</summary>
/// <param name="Name">As users type it: <c>euler</c>, <c>dpmpp_2m</c>, ….</param>
/// <param name="Description">One line: what it is and who published it.</param>
/// <param name="Order">The power of the step size with which its error falls (strong order of the deterministic part).</param>
/// <param name="EvaluationsPerStep">Calls of the denoiser in an ordinary step.</param>
/// <param name="IsStochastic">Whether it needs <see cref="SamplingContext.Noise"/>.</param>
/// <param name="Run">The method with its default parameters.</param>
public sealed record SamplerInfo(string Name, string Description, int Order, int EvaluationsPerStep, bool IsStochastic, Sampler Run)
{
    /// <summary>Whether it is for networks that are distilled to jump along the whole trajectory; with a denoiser, E[x₀ | x], its results do not follow the data.</summary>
    public bool IsForDistilled { get; init; }

    /// <summary>Whether an image depends on the others of its batch.</summary>
    public bool IsBatchwise { get; init; }

    /// <summary>
    /// Calls of the denoiser in a whole run along a schedule; null where the images decide (adaptive steps). Unless the entry says otherwise:
    /// <see cref="EvaluationsPerStep"/> in each step, but one in a step to a clean level or from pure noise.
    /// </summary>
    public Func<NoiseSchedule, int?> Evaluations { get; init; } = schedule =>
        Enumerable.Range(0, schedule.Steps).Sum(i => schedule[i + 1].IsClean || schedule[i].Alpha == 0 ? 1 : EvaluationsPerStep);
}
