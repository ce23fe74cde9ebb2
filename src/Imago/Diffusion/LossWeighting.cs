using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>
/// How much an error at a noise level counts. An error of one quantity is an error of every other, |Δx₀|² = f² |Δy|² with f of <see cref="SampleErrorPerError"/>, so that a
/// weighting published for one prediction means the same loss for all of them. Where a source weighs predictions independently, its own numbers stand.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(SimpleWeighting), "simple")]
[JsonDerivedType(typeof(MinSnrWeighting), "min_snr")]
[JsonDerivedType(typeof(SoftMinSnrWeighting), "soft_min_snr")]
[JsonDerivedType(typeof(TruncatedSnrWeighting), "truncated_snr")]
[JsonDerivedType(typeof(NoiseWeighting), "noise")]
[JsonDerivedType(typeof(DebiasedWeighting), "debiased")]
[JsonDerivedType(typeof(P2Weighting), "p2")]
[JsonDerivedType(typeof(EdmWeighting), "edm")]
[JsonDerivedType(typeof(InverseSquareWeighting), "inverse_square")]
[JsonDerivedType(typeof(CosMapWeighting), "cosmap")]
[JsonDerivedType(typeof(FlowWeighting), "flow")]
public abstract record LossWeighting
{
    /// <summary>The weight on the squared error of the quantity that is predicted.</summary>
    /// <param name="level">The level, σ &gt; 0.</param>
    /// <param name="prediction">What the network predicts.</param>
    public abstract double Weight(NoiseLevel level, Prediction prediction);

    /// <summary>Throws when a parameter is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public virtual void Validate()
    {
    }

    /// <summary>f of |Δx₀| = f |Δy|: how far an error of the predicted quantity y displaces the estimate of x₀.</summary>
    /// <param name="level">The level.</param>
    /// <param name="prediction">What y is.</param>
    public static double SampleErrorPerError(NoiseLevel level, Prediction prediction) => prediction switch
    {
        Prediction.Epsilon => level.Sigma / level.Alpha,
        Prediction.Sample => 1,
        Prediction.Velocity => level.Sigma / (level.Alpha * level.Alpha + level.Sigma * level.Sigma),
        Prediction.Flow => level.Sigma / (level.Alpha + level.Sigma),
        _ => throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "Not a prediction."),
    };

    /// <summary>The weight for one prediction as the weight for another that means the same loss.</summary>
    private protected static double Converted(double weight, Prediction from, Prediction to, NoiseLevel level)
    {
        var ratio = SampleErrorPerError(level, to) / SampleErrorPerError(level, from);
        return weight * ratio * ratio;
    }

    /// <summary>The level, or the one of the same α² + σ² whose SNR is the largest that counts.</summary>
    private protected static NoiseLevel AtMost(NoiseLevel level, double maxSnr)
    {
        if (level.Snr <= maxSnr) return level;
        var norm = Math.Sqrt((level.Alpha * level.Alpha + level.Sigma * level.Sigma) / (maxSnr + 1));
        return level with { Alpha = norm * Math.Sqrt(maxSnr), Sigma = norm };
    }

    private protected static void RequirePositive(double value, string key)
    {
        if (!(value > 0)) throw new ArgumentException($"The weighting's {key} is {value}; it must be positive.", key);
    }
}
