using System.Text.Json.Serialization;

namespace Imago.Training;

/// <summary>The shape of a learning-rate schedule after its warm-up.</summary>
public enum ScheduleShape
{
    /// <summary>The full rate.</summary>
    Constant,

    /// <summary>Down to the final factor along half a cosine (Loshchilov and Hutter 2017, Eq. 5 without restarts).</summary>
    Cosine,

    /// <summary>Down to the final factor along a straight line.</summary>
    Linear,
}

/// <summary>The factor of the learning rate as a pure function of the step: nothing to save, nothing to restore.</summary>
/// <remarks>Warm-up: s/warmup for s &lt; warmup, so that the first step has the rate 0 (as transformers and diffusers do).</remarks>
public sealed record LearningRateSchedule
{
    /// <summary>What follows the warm-up.</summary>
    public ScheduleShape Shape { get; init; } = ScheduleShape.Constant;

    /// <summary>Steps of linear warm-up.</summary>
    public long WarmupSteps { get; init; }

    /// <summary>The factor at the end of a falling schedule.</summary>
    public double FinalFactor { get; init; }

    /// <summary>The factor of step <paramref name="step"/>.</summary>
    /// <param name="step">s = 0, 1, ….</param>
    /// <param name="total">Steps of the whole run, warm-up included; a falling schedule stays at its final factor beyond.</param>
    public double Factor(long step, double total)
    {
        if (step < WarmupSteps) return (double)step / WarmupSteps;
        return FactorAt(Math.Min(1, (step - WarmupSteps) / Math.Max(1, total - WarmupSteps)));
    }

    /// <summary>The factor after the warm-up.</summary>
    /// <param name="progress">The share of the remaining run that is done, [0, 1].</param>
    public double FactorAt(double progress) => Shape switch
    {
        ScheduleShape.Cosine => FinalFactor + (1 - FinalFactor) * 0.5 * (1 + Math.Cos(Math.PI * progress)),
        ScheduleShape.Linear => FinalFactor + (1 - FinalFactor) * (1 - progress),
        _ => 1,
    };
}
