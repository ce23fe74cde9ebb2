namespace Imago.Generation.Lora;

/// <summary>A network that low-rank changes belong to.</summary>
public enum LoraPart
{
    /// <summary>The network that removes noise: <c>unet</c> or <c>transformer</c>.</summary>
    Denoiser,

    /// <summary>The first text encoder, <c>text_encoder</c>.</summary>
    TextEncoder,

    /// <summary>The second one, <c>text_encoder_2</c>.</summary>
    TextEncoder2,

    /// <summary>The third one, <c>text_encoder_3</c>.</summary>
    TextEncoder3,
}

/// <summary>How much of a file's changes is added; 1 as they were trained, 0 for nothing, negative numbers for the opposite.</summary>
/// <param name="Denoiser">In the network that removes noise.</param>
/// <param name="TextEncoders">In the text encoders.</param>
public readonly record struct LoraStrength(double Denoiser, double TextEncoders)
{
    /// <summary>The same everywhere.</summary>
    /// <param name="everywhere">The factor.</param>
    public LoraStrength(double everywhere)
        : this(everywhere, everywhere)
    {
    }

    /// <summary>The factor in one part.</summary>
    public double Of(LoraPart part) => part == LoraPart.Denoiser ? Denoiser : TextEncoders;

    /// <summary>Both factors times a number.</summary>
    public static LoraStrength operator *(double factor, LoraStrength strength) => new(factor * strength.Denoiser, factor * strength.TextEncoders);

    /// <inheritdoc cref="op_Multiply"/>
    public static LoraStrength Multiply(double factor, LoraStrength strength) => factor * strength;

    internal bool IsFinite => double.IsFinite(Denoiser) && double.IsFinite(TextEncoders);
}
