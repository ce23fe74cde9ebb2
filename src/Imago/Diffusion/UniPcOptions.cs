namespace Imago.Diffusion;

/// <summary>What the UniPC methods differ in (Zhao et al. 2023).</summary>
public sealed record UniPcOptions
{
    /// <summary>Estimates used, at least 1; the order with the corrector is one more.</summary>
    public int Order { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Order), value, "The order is at least 1."); } = 3;

    /// <summary>False: x̂₀ is integrated. True: ε̂ is.</summary>
    public bool OfNoise { get; init; }

    /// <summary>B(h) of the rules with two estimates.</summary>
    public UniPcVariant Variant { get; init; } = UniPcVariant.Bh2;

    /// <summary>Whether the last step is of first order, the one before of second, …: steadier with few steps.</summary>
    public bool LowersOrderAtEnd { get; init; } = true;

    /// <summary>Steps whose result is not corrected.</summary>
    public IReadOnlyCollection<int> Uncorrected { get; init; } = [];
}

/// <summary>B(h) of UniPC (Zhao et al. 2023, section 3.3).</summary>
public enum UniPcVariant
{
    /// <summary>B(h) = h: better with few steps of unconditional models.</summary>
    Bh1,

    /// <summary>B(h) = eʰ − 1: better under guidance.</summary>
    Bh2,
}
