namespace Imago.Training;

/// <summary>How the decay of a moving average of weights grows.</summary>
public enum EmaWarmup
{
    /// <summary>The same decay at every step.</summary>
    None,

    /// <summary>d_n = min(d, (1 + n)/(10 + n)), n = 1, 2, …, and 0 at n = 0: the first step's weights replace the initial ones (diffusers' EMAModel).</summary>
    Ramp,

    /// <summary>The same with n counted from 1, so that the initial weights count a little (latent diffusion's LitEma).</summary>
    RampFromOne,

    /// <summary>d_n = min(d, 1 − (1 + n/γ)^(−p)) (Crowson; diffusers' <c>use_ema_warmup</c> and k-diffusion).</summary>
    Power,

    /// <summary>d_n = ½^(1/h), with the half-life h growing with the run where <see cref="EmaOptions.RampUpRatio"/> is set (Karras et al. 2022).</summary>
    HalfLife,

    /// <summary>d_n = (1 − 1/(n + 1))^(γ + 1): a profile tᵞ as long as a share of the run, whatever its length (Karras et al. 2024, Eq. 2), for <see cref="PostHocEma"/>.</summary>
    PowerProfile,
}

/// <summary>The moving average of the weights that a run keeps.</summary>
public sealed record EmaOptions
{
    /// <summary>d of <see cref="Ema"/>; where the decay grows, the most that it becomes.</summary>
    public double Decay { get; init; } = 0.999;

    /// <summary>How d grows in the first steps.</summary>
    public EmaWarmup Warmup { get; init; } = EmaWarmup.Ramp;

    /// <summary>The least decay, once the average has begun.</summary>
    public double MinDecay { get; init; }

    /// <summary>Steps before the average begins; until then it is the weights.</summary>
    public long StartAfterSteps { get; init; }

    /// <summary>γ of <see cref="EmaWarmup.Power"/>: steps after which it begins to grow.</summary>
    public double InverseGamma { get; init; } = 1;

    /// <summary>p of <see cref="EmaWarmup.Power"/>; ⅔ for runs of a million steps, ¾ for shorter ones.</summary>
    public double Power { get; init; } = 2.0 / 3;

    /// <summary>h of <see cref="EmaWarmup.HalfLife"/>, in steps.</summary>
    public double HalfLifeSteps { get; init; } = 1000;

    /// <summary>The half-life is at most this share of the steps made; null for no such bound. Karras et al. 2022 take 0.05.</summary>
    public double? RampUpRatio { get; init; }

    /// <summary>σ_rel of <see cref="EmaWarmup.PowerProfile"/>: the profile's width as a share of the run.</summary>
    public double RelativeWidth { get; init; } = 0.1;

    /// <summary>d_n.</summary>
    /// <param name="n">0 for the first update.</param>
    public double DecayAt(long n)
    {
        var step = n - StartAfterSteps;
        if (step < 0 || (step == 0 && Warmup is EmaWarmup.Ramp or EmaWarmup.Power)) return 0;
        return Math.Max(MinDecay, Math.Min(Largest, Growing(step)));
    }

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        Require(Decay is >= 0 and < 1, "decay", Decay, "in [0, 1)");
        Require(MinDecay is >= 0 and < 1, "min_decay", MinDecay, "in [0, 1)");
        Require(StartAfterSteps >= 0, "start_after_steps", StartAfterSteps, "0 or more");
        Require(InverseGamma > 0, "inverse_gamma", InverseGamma, "positive");
        Require(Power > 0, "power", Power, "positive");
        Require(HalfLifeSteps > 0, "half_life_steps", HalfLifeSteps, "positive");
        Require(RampUpRatio is null or > 0, "ramp_up_ratio", RampUpRatio ?? 0, "positive");
        Require(RelativeWidth is > 0 and < PostHocEma.LargestWidth, "relative_width", RelativeWidth, $"in (0, {PostHocEma.LargestWidth:g3})");
    }

    /// <summary>A half-life and a profile are themselves the limit.</summary>
    private double Largest => Warmup is EmaWarmup.HalfLife or EmaWarmup.PowerProfile ? 1 : Decay;

    private double Growing(long n) => Warmup switch
    {
        EmaWarmup.None => Decay,
        EmaWarmup.Ramp => (1.0 + n) / (10 + n),
        EmaWarmup.RampFromOne => (2.0 + n) / (11 + n),
        EmaWarmup.Power => 1 - Math.Pow(1 + n / InverseGamma, -Power),
        EmaWarmup.HalfLife => Math.Pow(0.5, 1 / Math.Max(Math.Min(HalfLifeSteps, RampUpRatio * n ?? double.PositiveInfinity), 1e-11)),
        _ => PostHocEma.Decay(n + 1, PostHocEma.Exponent(RelativeWidth)),
    };

    private static void Require(bool holds, string key, double value, string expected)
    {
        if (!holds) throw new ArgumentOutOfRangeException(key, value, $"The {key} of a moving average must be {expected}.");
    }
}
