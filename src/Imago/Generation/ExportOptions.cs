using Imago.Training;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>How a model's folder is written.</summary>
public sealed record ExportOptions
{
    /// <summary>
    /// What the weights are kept in. bfloat16 halves the folder and keeps 8 significant bits: each number moves by at most 2⁻⁸ of itself. Either is computed with in float32.
    /// </summary>
    public Precision Precision { get; init; } = Precision.Fp32;

    /// <summary>What the model is, in words; <see langword="null"/> for what it says already.</summary>
    public string? Description { get; init; }

    /// <summary>How it is to draw when nothing is chosen; <see langword="null"/> for what it does already.</summary>
    public DrawingDefaults? Defaults { get; init; }

    /// <summary>The type in the files; <see langword="null"/> for the type that the weights have.</summary>
    internal ScalarType? Type => Precision == Precision.Bf16 ? ScalarType.BFloat16 : null;

    internal DiffusionModelConfig Describe(DiffusionModelConfig config) => config with { Description = Description ?? config.Description, Defaults = Defaults ?? config.Defaults };
}
