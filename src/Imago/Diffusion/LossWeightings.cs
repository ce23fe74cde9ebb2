namespace Imago.Diffusion;

/// <summary>1: the plain squared error of what is predicted (Ho et al. 2020, Eq. 14).</summary>
public sealed record SimpleWeighting : LossWeighting
{
    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => 1;
}

/// <summary>min(SNR, γ) on x₀ (Hang et al. 2023, Eq. 9): no level dominates, however little noise it has.</summary>
public sealed record MinSnrWeighting : LossWeighting
{
    /// <summary>γ.</summary>
    public double Gamma { get; init; } = 5;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(Math.Min(level.Snr, Gamma), Prediction.Sample, prediction, level);

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(Gamma, "gamma");
}

/// <summary>1/((σ/α)² + σ_data²) on x₀, a smooth minimum of SNR and γ = 1/σ_data² (Crowson et al. 2024).</summary>
public sealed record SoftMinSnrWeighting : LossWeighting
{
    /// <summary>Standard deviation of the data.</summary>
    public double SigmaData { get; init; } = 1;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) =>
        Converted(1 / (level.Ratio * level.Ratio + SigmaData * SigmaData), Prediction.Sample, prediction, level);

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(SigmaData, "sigma_data");
}

/// <summary>max(SNR, 1) on x₀ (Salimans and Ho 2022, section 4).</summary>
public sealed record TruncatedSnrWeighting : LossWeighting
{
    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(Math.Max(level.Snr, 1), Prediction.Sample, prediction, level);
}

/// <summary>The plain error of the noise, SNR on x₀, whatever is predicted; the SNR is cut at <see cref="MaxSnr"/>, where ε says nothing of x₀ any more.</summary>
public sealed record NoiseWeighting : LossWeighting
{
    /// <summary>The largest SNR that counts.</summary>
    public double MaxSnr { get; init; } = 1000;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(1, Prediction.Epsilon, prediction, AtMost(level, MaxSnr));

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(MaxSnr, "max_snr");
}

/// <summary>1/√SNR on ε (Yu et al. 2024, Eq. 13), 1/(SNR + 1) on v as trainers have it (not the same loss); the SNR is cut at <see cref="MaxSnr"/>.</summary>
public sealed record DebiasedWeighting : LossWeighting
{
    /// <summary>The largest SNR that counts.</summary>
    public double MaxSnr { get; init; } = 1000;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction)
    {
        var snr = Math.Min(level.Snr, MaxSnr);
        return prediction == Prediction.Velocity ? 1 / (snr + 1) : Converted(1 / Math.Sqrt(snr), Prediction.Epsilon, prediction, AtMost(level, MaxSnr));
    }

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(MaxSnr, "max_snr");
}

/// <summary>1/(k + SNR)^γ on ε (Choi et al. 2022, Eq. 8): less for the levels that only clean up.</summary>
public sealed record P2Weighting : LossWeighting
{
    /// <summary>k.</summary>
    public double K { get; init; } = 1;

    /// <summary>γ.</summary>
    public double Gamma { get; init; } = 1;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(1 / Math.Pow(K + level.Snr, Gamma), Prediction.Epsilon, prediction, level);

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(K, "k");
}

/// <summary>(σ² + σ_data²)/(σ σ_data)² on x₀, σ in variance-exploding units: 1 on the output of a preconditioned network (Karras et al. 2022, Table 1).</summary>
public sealed record EdmWeighting : LossWeighting
{
    /// <summary>Standard deviation of the data.</summary>
    public double SigmaData { get; init; } = 0.5;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction)
    {
        var (sigma2, data2) = (level.Ratio * level.Ratio, SigmaData * SigmaData);
        return Converted((sigma2 + data2) / (sigma2 * data2), Prediction.Sample, prediction, level);
    }

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(SigmaData, "sigma_data");
}

/// <summary>σ⁻² on the flow's direction: almost clean images count most (diffusers' <c>sigma_sqrt</c>).</summary>
public sealed record InverseSquareWeighting : LossWeighting
{
    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(1 / (level.Sigma * level.Sigma), Prediction.Flow, prediction, level);
}

/// <summary>2/(π(1 − 2σ + 2σ²)) on the flow's direction (Esser et al. 2024, Eq. 21): as if times were drawn by <see cref="CosMapTimes"/>.</summary>
public sealed record CosMapWeighting : LossWeighting
{
    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) =>
        Converted(2 / (Math.PI * (1 - 2 * level.Sigma + 2 * level.Sigma * level.Sigma)), Prediction.Flow, prediction, level);
}

/// <summary>
/// The plain error of the flow's direction ε − x₀, whatever is predicted: (1/σ)² on x₀. With the sample predicted this is the loss of Li and He 2025 (Back to Basics, Table 1, x-prediction and
/// v-loss), who cut σ at <see cref="MinSigma"/>.
/// </summary>
public sealed record FlowWeighting : LossWeighting
{
    /// <summary>The smallest σ that counts.</summary>
    public double MinSigma { get; init; } = 0.05;

    /// <inheritdoc/>
    public override double Weight(NoiseLevel level, Prediction prediction) => Converted(1, Prediction.Flow, prediction, level with { Sigma = Math.Max(level.Sigma, MinSigma) });

    /// <inheritdoc/>
    public override void Validate() => RequirePositive(MinSigma, "min_sigma");
}
