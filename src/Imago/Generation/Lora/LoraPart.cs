using System.Globalization;

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

    /// <summary>Reads a file with how much of its changes is added.</summary>
    /// <param name="text"><c>FILE</c>, <c>FILE=0.8</c>, or <c>FILE=0.8,0.4</c> with another strength in the text encoders. What is no number behind the last <c>=</c> belongs to the file's name.</param>
    public static (string Path, LoraStrength Strength) Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.LastIndexOf('=');
        var numbers = at > 0 ? text[(at + 1)..].Split(',').Select(number => double.TryParse(number, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : (double?)null).ToList() : [];
        return numbers switch
        {
            [{ } everywhere] => (text[..at], new(everywhere)),
            [{ } denoiser, { } encoders] => (text[..at], new(denoiser, encoders)),
            _ => (text, new(1)),
        };
    }

    internal bool IsFinite => double.IsFinite(Denoiser) && double.IsFinite(TextEncoders);
}
