using Imago.Data;
using Imago.Diffusion;
using Imago.Models;
using Imago.Training;

namespace Imago.Generation;

/// <summary>What a network is made for.</summary>
/// <param name="Channels">Channels of what is drawn.</param>
/// <param name="Side">The longer side of it.</param>
/// <param name="Conditioner">What pictures can be asked for by; its vector goes where the network takes it.</param>
public sealed record NetworkTask(int Channels, int Side, ConditionerConfig Conditioner)
{
    /// <summary>Number of classes that the network is told by number; null for none.</summary>
    internal int? Classes => Conditioner.Conditions.OfType<ClassConditionConfig>().FirstOrDefault(condition => !condition.Embed)?.Names.Count;

    /// <summary>Length of each token's vector; null for a network without text.</summary>
    internal int? TokenWidth => EncoderWidth ?? Conditioner.Conditions.OfType<TextConditionConfig>().FirstOrDefault()?.Width;

    /// <summary>Length of the token vectors of a frozen text encoder; null for none.</summary>
    public int? EncoderWidth { get; init; }

    /// <summary>Whether pixels are drawn and not latents.</summary>
    public bool IsPixels { get; init; }

    internal bool HasVector => Conditioner.Conditions.Any(condition => condition is not ClassConditionConfig { Embed: false });
}

/// <summary>Networks, conditions and settings that suit a task when nothing but the data is chosen.</summary>
public static partial class DiffusionPresets
{
    /// <summary>
    /// Rectified flow, levels from a logit-normal density (Esser et al. 2024, whose Table 1 has it first among 61 objectives), every level counted alike.
    /// </summary>
    public static DiffusionObjectiveConfig Objective { get; } = new() { Prediction = Prediction.Flow, Times = new LogitNormalTimes() };

    /// <summary>What a data set lets pictures be asked for by: captions if it has them, else classes, else attributes.</summary>
    public static string ConditionOf(ImageDataset set) =>
        set.Count > 0 && set.Get(0).Caption is not null ? "text" : set.ClassNames.Count > 0 ? "class" : set.Attributes.Count > 0 ? "attributes" : "none";

    /// <summary>The name of the condition on text that a frozen encoder reads (<see cref="DiffusionRunConfig.TextEncoder"/>).</summary>
    public const string FrozenText = "frozen-text";

    /// <summary>Conditions by name.</summary>
    /// <param name="name"><c>class</c>, <c>attributes</c>, <c>text</c>, <c>none</c> or <see cref="FrozenText"/>.</param>
    /// <param name="set">The data.</param>
    /// <param name="width">Length of the vector that the network takes.</param>
    /// <param name="kind">What the network is.</param>
    /// <exception cref="ArgumentException">There is no such condition, or the data know nothing of it, or the network cannot be told.</exception>
    public static ConditionerConfig Conditioner(string name, ImageDataset set, int width, NetworkKind kind = NetworkKind.UNet)
    {
        if (kind == NetworkKind.MMDiT && name is not ("text" or FrozenText)) throw new ArgumentException($"An MMDiT reads text, and the condition is {name}; choose --network dit or unet for it, or --condition text.");
        var conditioner = ConditionerOf(name, set, width);
        return kind == NetworkKind.MMDiT ? conditioner with { Vector = ConditionVector.Pooled } : conditioner;
    }

    private static ConditionerConfig ConditionerOf(string name, ImageDataset set, int width) => name switch
    {
        "none" or FrozenText => new ConditionerConfig { Width = width },
        "class" => new ConditionerConfig
        {
            Width = width,
            Conditions = set.ClassNames.Count > 0 ? [new ClassConditionConfig { Names = set.ClassNames, Embed = false, Dropout = 0 }] : throw Lacks("classes"),
        },
        "attributes" => new ConditionerConfig
        {
            Width = width, Vector = ConditionVector.Classes,
            Conditions = set.Attributes.Count > 0 ? [new AttributeConditionConfig { Attributes = set.Attributes, Dropout = 0 }] : throw Lacks("attributes"),
        },
        "text" => new ConditionerConfig
        {
            Width = width, Vector = ConditionVector.Classes,
            Conditions = [new TextConditionConfig { Vocabulary = CaptionTokenizer.Of(set).Count, Width = 128, Dropout = 0 }],
        },
        _ => throw new ArgumentException($"There is no condition '{name}'; it must be class, attributes, text or none."),
    };

    private static ArgumentException Lacks(string what) => new($"The data set has no {what} to learn from; choose another --condition.");

    /// <summary>bfloat16 where the processor computes in it, else float32.</summary>
    public static Precision BestPrecision => Processor.InstructionSets.Contains("AVX512-BF16") || Processor.InstructionSets.Contains("AMX-BF16") ? Precision.Bf16 : Precision.Fp32;
}
