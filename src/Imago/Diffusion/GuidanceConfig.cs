namespace Imago.Diffusion;

/// <summary>Guidance away from a network made worse: by attention without content (PAG, Ahn et al. 2024), skipped layers (SLG, Stability AI 2024), blurred attention (SEG, Hong 2024), or less training.</summary>
public sealed record PerturbationConfig
{
    /// <summary>s of s(c − t).</summary>
    public double Scale { get; init; } = 2.8;

    /// <summary>The steps at which it acts.</summary>
    public GuidanceInterval Interval { get; init; } = new(0.01, 0.2);

    /// <summary>Whether the first step of the interval counts too.</summary>
    public bool IncludesStart { get; init; }

    /// <summary>Whether the interval's ends are not rounded to steps, as Stable Diffusion 3's own skip-layer guidance counts.</summary>
    public bool IsUnrounded { get; init; }

    /// <summary>a of <see cref="Guidance.AdaptiveScale"/>; 0 for a scale that stays.</summary>
    public double Adaptive { get; init; }

    /// <summary>Whether it acts at a step.</summary>
    public bool IsOn(int step, int steps) => Math.Abs(Scale) > 1e-9
        && (IsUnrounded ? Interval.ContainsUnrounded(step, steps) : IncludesStart ? Interval.Contains(step, steps) : Interval.ContainsInside(step, steps));
}

/// <summary>How a run is guided. The record is JSON (keys in snake_case).</summary>
public sealed record GuidanceConfig
{
    /// <summary>Conditional against unconditional; null for none.</summary>
    public GuidanceRule? Rule { get; init; }

    /// <summary>The steps at which the rule acts.</summary>
    public GuidanceInterval Interval { get; init; } = GuidanceInterval.Whole;

    /// <summary>φ of <see cref="Guidance.Rescaled"/>; 0 for none.</summary>
    public double Rescale { get; init; }

    /// <summary>Guidance away from the third branch, the fourth, ….</summary>
    public IReadOnlyList<PerturbationConfig> Perturbations { get; init; } = [];

    /// <summary>
    /// Whether perturbations without the rule start from c, c + s(c − t), or, as others do in the usual formulation, from t: t + s(c − t). With the rule they add s(c − t).
    /// </summary>
    public bool PerturbationsStartFromCondition { get; init; } = true;

    /// <summary>What is combined: estimates of x₀, or the network's own answers, in which checkpoints' published scales are meant.</summary>
    public Prediction Space { get; init; } = Prediction.Sample;

    /// <summary>Throws when the values cannot guide.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        Rule?.Validate();
        Require(Rescale is >= 0 and <= 1, "rescale", Rescale, "in [0, 1]");
        Require(Rescale == 0 || Rule is not ZeroStarRule { ZeroSteps: > 0 }, "rescale", Rescale, "0 where the first steps answer 0, which has no deviation to scale");
        foreach (var interval in Perturbations.Select(perturbation => perturbation.Interval).Prepend(Interval))
            Require(interval.Start >= 0 && interval.Stop >= interval.Start, "interval", interval.Start, $"from 0 to its stop, {interval.Stop}");
    }

    private static void Require(bool holds, string key, double value, string expected)
    {
        if (!holds) throw new ArgumentException($"The guidance's {key} is {value}; it must be {expected}.", key);
    }

    /// <summary>Whether the rule acts at a step.</summary>
    public bool RuleIsOn(int step, int steps) => Rule is { IsNone: false } && Interval.Contains(step, steps);

    /// <summary>The branches that a step needs: 0 with condition, 1 without, 2, 3, … perturbed.</summary>
    public IReadOnlyList<int> Needs(int step, int steps) =>
        [0, .. RuleIsOn(step, steps) ? [1] : Array.Empty<int>(), .. Enumerable.Range(0, Perturbations.Count).Where(i => Perturbations[i].IsOn(step, steps)).Select(i => i + 2)];
}
