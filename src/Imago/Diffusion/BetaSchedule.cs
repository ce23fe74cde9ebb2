using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>How the variances β of a discrete variance-preserving process grow over its steps.</summary>
public enum BetaSchedule
{
    /// <summary>Evenly from β₁ to β_T (Ho et al. 2020).</summary>
    Linear,

    /// <summary>√β evenly: latent diffusion's own (Rombach et al. 2022), which calls it "linear".</summary>
    ScaledLinear,

    /// <summary>ᾱ = cos²((t + 0.008)/1.008 · π/2), β at most 0.999 (Nichol and Dhariwal 2021); β₁ and β_T have no effect.</summary>
    [JsonStringEnumMemberName("squaredcos_cap_v2")]
    Cosine,

    /// <summary>Along a logistic curve from β₁ to β_T (GeoDiff, Xu et al. 2022).</summary>
    Sigmoid,

    /// <summary>ᾱ = e^(−12 t), β at most 0.999; β₁ and β_T have no effect.</summary>
    Exp,

    /// <summary>The signal-to-noise ratio is a Laplace quantile, β at most 0.999 (Hang et al. 2024); β₁ and β_T have no effect.</summary>
    Laplace,
}
