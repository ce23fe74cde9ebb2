using System.Text.Json.Serialization;
using Imago.Diffusion;

namespace Imago.Generation;

/// <summary>How images turn into noise, as it stands in a model's JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(FlowProcessConfig), "flow")]
[JsonDerivedType(typeof(VariancePreservingConfig), "variance_preserving")]
[JsonDerivedType(typeof(HubProcessConfig), "hub")]
public abstract record ProcessConfig
{
    /// <summary>The process.</summary>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public abstract NoiseProcess Create();
}

/// <summary>Rectified flow.</summary>
public sealed record FlowProcessConfig : ProcessConfig
{
    /// <summary>Shift of the levels that sampling visits; 1 for none.</summary>
    public double Shift { get; init; } = 1;

    /// <inheritdoc/>
    public override NoiseProcess Create() => new RectifiedFlow(Shift);
}

/// <summary>Variance-preserving diffusion in discrete steps.</summary>
public sealed record VariancePreservingConfig : ProcessConfig
{
    /// <summary>How β grows.</summary>
    public BetaSchedule Schedule { get; init; } = BetaSchedule.Cosine;

    /// <summary>T.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>β₁, where the schedule has one.</summary>
    public double BetaStart { get; init; } = 1e-4;

    /// <summary>β_T, where the schedule has one.</summary>
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>Whether the noisiest level is moved to pure noise (Lin et al. 2024).</summary>
    public bool ZeroTerminalSnr { get; init; }

    /// <inheritdoc/>
    public override NoiseProcess Create() => new VariancePreserving(Schedule, Steps, BetaStart, BetaEnd, ZeroTerminalSnr);
}
