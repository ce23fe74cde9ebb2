using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Estimates of x₀ by several networks, or by one under several conditions: 0 with the condition, 1 without it or with a negative one, 2, 3, … perturbed.</summary>
/// <param name="x">The noisy images, [B, C, H, W].</param>
/// <param name="level">How noisy they are.</param>
/// <param name="which">The branches wanted.</param>
/// <returns>The estimates wanted, in their order, each [B, C, H, W].</returns>
public delegate IReadOnlyList<Tensor> Branches(Tensor x, NoiseLevel level, IReadOnlyList<int> which);

/// <summary>Makes branches, and guided denoisers of them.</summary>
public static class GuidedDenoisers
{
    /// <summary>Branches that are evaluated one after another.</summary>
    /// <param name="denoisers">With the condition, without it, perturbed ….</param>
    public static Branches Separate(params IReadOnlyList<Denoiser> denoisers) => (x, level, which) => [.. which.Select(branch => denoisers[branch](x, level))];

    /// <summary>Branches that differ in the condition alone, evaluated together as one larger batch: faster, in more memory.</summary>
    /// <typeparam name="TCondition">What the network is told beside image and level.</typeparam>
    /// <param name="denoise">Estimates x₀ under a condition.</param>
    /// <param name="join">Conditions of several batches as that of one, in this order.</param>
    /// <param name="conditions">With the condition, without it, ….</param>
    /// <param name="largestBatch">More images than this are not evaluated together, but branch by branch.</param>
    public static Branches Batched<TCondition>(
        Func<Tensor, NoiseLevel, TCondition, Tensor> denoise, Func<IReadOnlyList<TCondition>, TCondition> join, IReadOnlyList<TCondition> conditions, long largestBatch = long.MaxValue) =>
        (x, level, which) => which.Count == 1 || which.Count * x.shape[0] > largestBatch
            ? [.. which.Select(branch => denoise(x, level, conditions[branch]))]
            : denoise(x.repeat([which.Count, .. Enumerable.Repeat(1L, (int)x.dim() - 1)]), level, join([.. which.Select(branch => conditions[branch])])).chunk(which.Count);

    /// <summary>Two branches, and others beside them: a perturbed network cannot share a batch.</summary>
    /// <param name="pair">Branches 0 and 1.</param>
    /// <param name="others">Branches 2, 3, ….</param>
    public static Branches With(this Branches pair, params IReadOnlyList<Denoiser> others) => (x, level, which) =>
        [.. pair(x, level, [.. which.Where(branch => branch < 2)]), .. which.Where(branch => branch >= 2).Select(branch => others[branch - 2](x, level))];

    /// <summary>The guided denoiser of one run. Branches that a step does not need are not evaluated.</summary>
    /// <param name="branches">The estimates to combine.</param>
    /// <param name="config">How.</param>
    /// <param name="run">The run's memory; make one for each run.</param>
    /// <exception cref="ArgumentException">The configuration cannot guide.</exception>
    public static Denoiser Guided(this Branches branches, GuidanceConfig config, GuidanceRun run)
    {
        config.Validate();
        return (x, level) =>
        {
            var step = run.StepOf(level);
            var which = config.Needs(step, run.Steps);
            var estimates = branches(x, level, which);
            if (which.Count == 1) return estimates[0];
            var answers = which.Zip(estimates).ToDictionary(pair => pair.First, pair => Predictions.Convert(Prediction.Sample, config.Space, pair.Second, x, level));
            return Predictions.Convert(config.Space, Prediction.Sample, Combine(config, answers, step, run), x, level);
        };
    }

    /// <summary>The guided answer of one step from the answers of its branches.</summary>
    /// <param name="config">How they are combined.</param>
    /// <param name="answers">By the branch's number: those that <see cref="GuidanceConfig.Needs"/> names.</param>
    /// <param name="step">The step's number, from 0.</param>
    /// <param name="run">The run's memory.</param>
    public static Tensor Combine(GuidanceConfig config, IReadOnlyDictionary<int, Tensor> answers, int step, GuidanceRun run)
    {
        var c = answers[0];
        var on = Enumerable.Range(0, config.Perturbations.Count).Where(i => config.Perturbations[i].IsOn(step, run.Steps)).ToList();
        var start = on.Count > 0 && !config.PerturbationsStartFromCondition ? answers[on[0] + 2] : c;
        var guided = config.RuleIsOn(step, run.Steps) ? config.Rule!.Combine(c, answers[1], step, run) : start;
        foreach (var i in on) guided += Guidance.AdaptiveScale(config.Perturbations[i].Scale, config.Perturbations[i].Adaptive, run.TimeOf(step)) * (c - answers[i + 2]);
        return config.Rescale > 0 ? Guidance.Rescaled(guided, c, config.Rescale) : guided.alias();
    }
}
