namespace Imago.Diffusion;

/// <summary>
/// Rectified flow (Liu et al. 2022): x = (1 − σ) x₀ + σ ε. The network is told T σ. A shift spends more of the steps at much noise, as larger pictures need
/// (Esser et al. 2024, Eq. 23); it says which levels are visited, not what they are called.
/// </summary>
/// <param name="Shift">k of σ = k u/(1 + (k − 1) u), positive; 1 for none.</param>
/// <param name="Steps">T.</param>
public sealed record RectifiedFlow(double Shift = 1, int Steps = 1000) : NoiseProcess
{
    /// <inheritdoc cref="RectifiedFlow" path="/param[@name='Shift']"/>
    public double Shift { get; init; } = Shift > 0 && double.IsFinite(Shift) ? Shift : throw new ArgumentOutOfRangeException(nameof(Shift), Shift, "A shift is positive.");

    /// <inheritdoc cref="RectifiedFlow" path="/param[@name='Steps']"/>
    public int Steps { get; init; } = Steps > 0 ? Steps : throw new ArgumentOutOfRangeException(nameof(Steps), Steps, "There is at least one training step.");

    /// <inheritdoc/>
    public override int TrainingSteps => Steps;

    /// <inheritdoc/>
    public override double CleanestTime => 0;

    /// <inheritdoc/>
    public override double NoisiestTime => Steps;

    /// <inheritdoc/>
    public override NoiseLevel At(double time)
    {
        RequireTime(time);
        return AtAmount(time / Steps);
    }

    /// <inheritdoc/>
    public override NoiseLevel AtRatio(double ratio)
    {
        RequireRatio(ratio);
        return AtAmount(double.IsPositiveInfinity(ratio) ? 1 : ratio / (1 + ratio));
    }

    /// <inheritdoc/>
    /// <remarks>The share is shifted: σ = k u/(1 + (k − 1) u).</remarks>
    public override NoiseLevel AtShare(double share)
    {
        RequireShare(share);
        return AtAmount(TimeShift.Static(share, Shift));
    }

    /// <inheritdoc/>
    public override double Amount(NoiseLevel level) => level.Sigma;

    /// <inheritdoc/>
    public override NoiseLevel AtAmount(double amount) => amount is >= 0 and <= 1
        ? new(1 - amount, amount, Steps * amount)
        : throw new ArgumentOutOfRangeException(nameof(amount), amount, "The σ of a rectified flow lies in [0, 1].");

    /// <summary>The same process shifted for a picture's size: k = e^μ.</summary>
    /// <param name="mu">μ, of <see cref="TimeShift.Mu"/>.</param>
    public RectifiedFlow ShiftedBy(double mu) => this with { Shift = Math.Exp(mu) };
}
