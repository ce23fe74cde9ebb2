using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>How the answers with and without condition are combined.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ClassifierFreeRule), "classifier_free")]
[JsonDerivedType(typeof(ZeroStarRule), "zero_star")]
[JsonDerivedType(typeof(TangentialRule), "tangential")]
[JsonDerivedType(typeof(MagnitudeAwareRule), "magnitude_aware")]
[JsonDerivedType(typeof(AdaptiveProjectedRule), "adaptive_projected")]
[JsonDerivedType(typeof(AdaptiveProjectedMixRule), "adaptive_projected_mix")]
public abstract record GuidanceRule
{
    /// <summary>w.</summary>
    public double Scale { get; init; } = 7.5;

    /// <summary>c + w(c − u), where 0 is no guidance, in place of u + w(c − u), where 1 is none.</summary>
    public bool IsOriginal { get; init; }

    /// <summary>Whether the scale is that of no guidance.</summary>
    [JsonIgnore]
    public bool IsNone => Math.Abs(Scale - (IsOriginal ? 0 : 1)) < 1e-9;

    /// <summary>The guided answer.</summary>
    /// <param name="c">With the condition, [B, C, H, W].</param>
    /// <param name="u">Without it, or with a negative one.</param>
    /// <param name="step">Number of the step, from 0.</param>
    /// <param name="run">What earlier steps of this run left.</param>
    public abstract Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run);

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public virtual void Validate() => Require(double.IsFinite(Scale), "scale", Scale, "finite");

    private protected static void Require(bool holds, string key, double value, string expected)
    {
        if (!holds) throw new ArgumentException($"The guidance's {key} is {value}; it must be {expected}.", key);
    }
}

/// <summary>Classifier-free guidance (Ho and Salimans 2022); with a weaker model in place of the unconditional one it is autoguidance (Karras et al. 2024).</summary>
public sealed record ClassifierFreeRule : GuidanceRule
{
    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run) => Guidance.ClassifierFree(c, u, Scale, IsOriginal);
}

/// <summary>CFG-Zero* (Fan et al. 2025): u is scaled to be nearest to c, and the first steps answer 0. Meant for flows, answers taken as such.</summary>
public sealed record ZeroStarRule : GuidanceRule
{
    /// <summary>Steps that answer 0.</summary>
    public int ZeroSteps { get; init; } = 1;

    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run) =>
        step < ZeroSteps ? zeros_like(c) : Guidance.ClassifierFree(c, Guidance.Nearest(c, u), Scale, IsOriginal);
}

/// <summary>TCFG (Kwon et al. 2025): what u has of its own is left out.</summary>
public sealed record TangentialRule : GuidanceRule
{
    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run) => Guidance.ClassifierFree(c, Guidance.Tangential(c, u), Scale, IsOriginal);
}

/// <summary>Guidance that is weaker where condition and no condition differ much: w ← 1 + (w − 1) e^(−a|c − u|/|u|), or w e^(…) in the original formulation.</summary>
public sealed record MagnitudeAwareRule : GuidanceRule
{
    /// <summary>a.</summary>
    public double Alpha { get; init; } = 8;

    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run)
    {
        var left = Guidance.Moderation(c, u, Alpha);
        return Guidance.ClassifierFree(c, u, IsOriginal ? Scale * left : 1 + (Scale - 1) * left, IsOriginal);
    }
}

/// <summary>
/// Adaptive projected guidance (Sadat et al. 2024): high scales without saturation. The paper's w, Algorithm 1, is the original formulation with w − 1;
/// in the usual one, which others implement, η = 0 also drops the part of u along c.
/// </summary>
public record AdaptiveProjectedRule : GuidanceRule
{
    /// <summary>β of the moving sum of differences, usually negative; null for none.</summary>
    public double? Momentum { get; init; }

    /// <summary>r, the longest difference; 0 for no bound.</summary>
    public double Threshold { get; init; } = 15;

    /// <summary>η: how much of the part along c counts.</summary>
    public double Eta { get; init; } = 1;

    /// <summary>The dimensions of norms and products; null for all of an image.</summary>
    public IReadOnlyList<long>? NormDims { get; init; }

    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run) => Project(c, u, Difference(c, u, run), Scale);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(Momentum is null or (> -1 and < 1), "momentum", Momentum ?? 0, "in (−1, 1): the sum of differences would grow without bound");
        Require(Threshold >= 0, "threshold", Threshold, "0 or more");
        Require(double.IsFinite(Eta), "eta", Eta, "finite");
    }

    private protected Tensor Difference(Tensor c, Tensor u, GuidanceRun run) => Momentum is { } beta ? run.Accumulate(c - u, beta) : c - u;

    private protected Tensor Project(Tensor c, Tensor u, Tensor difference, double scale)
    {
        long[]? dims = NormDims is null ? null : [.. NormDims];
        return (IsOriginal ? c : u) + scale * Guidance.Projected(Guidance.Bounded(difference, Threshold, dims), c, Eta, dims);
    }
}

/// <summary>Classifier-free guidance in the first steps, adaptive projected guidance afterwards.</summary>
public sealed record AdaptiveProjectedMixRule : AdaptiveProjectedRule
{
    /// <summary>w of the projected steps.</summary>
    public double ProjectedScale { get; init; } = 10;

    /// <summary>The last step without projection.</summary>
    public int StartStep { get; init; } = 5;

    /// <inheritdoc/>
    public override Tensor Combine(Tensor c, Tensor u, int step, GuidanceRun run)
    {
        var difference = Difference(c, u, run);
        return step > StartStep ? Project(c, u, difference, ProjectedScale) : Guidance.ClassifierFree(c, u, Scale, IsOriginal);
    }
}
