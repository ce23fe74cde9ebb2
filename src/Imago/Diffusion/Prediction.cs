using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>What a network's output means.</summary>
public enum Prediction
{
    /// <summary>The noise ε (Ho et al. 2020).</summary>
    Epsilon,

    /// <summary>The clean image x₀.</summary>
    Sample,

    /// <summary>v = α ε − σ x₀ (Salimans and Ho 2022).</summary>
    [JsonStringEnumMemberName("v_prediction")]
    Velocity,

    /// <summary>The flow's direction ε − x₀ (Liu et al. 2022; Esser et al. 2024).</summary>
    [JsonStringEnumMemberName("flow_prediction")]
    Flow,
}
