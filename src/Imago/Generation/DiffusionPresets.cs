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
    internal int? TokenWidth => Conditioner.Conditions.OfType<TextConditionConfig>().FirstOrDefault()?.Width;

    internal bool HasVector => Conditioner.Conditions.Any(condition => condition is not ClassConditionConfig { Embed: false });
}

/// <summary>Networks, conditions and settings that suit a task when nothing but the data is chosen.</summary>
public static partial class DiffusionPresets
{
    private const int SmallestMap = 7, GroupWidth = 16, HeadWidth = 32, TransformerLayers = 4;

    /// <summary>Widths of the first level of a U-Net, from the cheapest.</summary>
    private static readonly int[] Widths = [32, 48, 64, 96, 128, 192, 256];

    /// <summary>Features of a transformer, from the cheapest.</summary>
    private static readonly int[] TransformerWidths = [128, 192, 256, 384, 512];

    /// <summary>
    /// Rectified flow, levels from a logit-normal density (Esser et al. 2024, whose Table 1 has it first among 61 objectives), every level counted alike.
    /// </summary>
    public static DiffusionObjectiveConfig Objective { get; } = new() { Prediction = Prediction.Flow, Times = new LogitNormalTimes() };

    /// <summary>What a data set lets pictures be asked for by: captions if it has them, else classes, else attributes.</summary>
    public static string ConditionOf(ImageDataset set) =>
        set.Count > 0 && set.Get(0).Caption is not null ? "text" : set.ClassNames.Count > 0 ? "class" : set.Attributes.Count > 0 ? "attributes" : "none";

    /// <summary>Conditions by name.</summary>
    /// <param name="name"><c>class</c>, <c>attributes</c>, <c>text</c> or <c>none</c>.</param>
    /// <param name="set">The data.</param>
    /// <param name="width">Length of the vector that the network takes.</param>
    /// <exception cref="ArgumentException">There is no such condition, or the data know nothing of it.</exception>
    public static ConditionerConfig Conditioner(string name, ImageDataset set, int width) => name switch
    {
        "none" => new ConditionerConfig { Width = width },
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

    /// <summary>Side of the patches that a U-Net for pixels draws: so that its first map has at most 32 positions a side.</summary>
    public static int PatchOf(int side)
    {
        var patch = side <= 16 ? 1 : 2;
        while (side / patch > 32 && side % (2 * patch) == 0) patch *= 2;
        return side % patch == 0 ? patch : 1;
    }

    /// <summary>The network that suits what is drawn: a U-Net for maps, a transformer for the single position that a latent without a map counts as.</summary>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Channels of a U-Net's first level, features of a transformer; a multiple of 16.</param>
    public static DenoiserConfig Network(NetworkTask task, int width) => task.Side == 1 ? Transformer(task, width) : UNet(task, width);

    /// <summary>
    /// A transformer of Peebles and Xie 2023 for a latent of D numbers, which it sees as one token. Attention to itself is a linear layer, so that it is a residual MLP whose
    /// normalisations are modulated by time and condition.
    /// </summary>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Features of the token, a multiple of 4.</param>
    public static DiTConfig Transformer(NetworkTask task, int width) => new()
    {
        SampleSize = task.Side, PatchSize = 1, InChannels = task.Channels, NumLayers = TransformerLayers, NumAttentionHeads = 1, AttentionHeadDim = width, NumEmbedsAdaNorm = task.Classes ?? 0,
    };

    /// <summary>
    /// A U-Net of Ho et al. 2020 whose lowest level attends: halved down to about 7 positions a side, widths 1, 2, 2, … times the first.
    /// Text is attended to at the lowest level.
    /// </summary>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Channels of its first level, a multiple of 16.</param>
    public static DenoiserConfig UNet(NetworkTask task, int width)
    {
        var levels = Levels(task.Side);
        int[] widths = [.. Enumerable.Range(0, levels).Select(level => level == 0 ? width : 2 * width)];
        string[] Blocks(string plain, string lowest) => [.. Enumerable.Range(0, levels).Select(level => level == levels - 1 ? lowest : plain)];
        if (task.TokenWidth is { } tokens)
        {
            return new UNet2DConditionConfig
            {
                SampleSize = task.Side, InChannels = task.Channels, OutChannels = task.Channels, BlockOutChannels = widths, LayersPerBlock = 1, NormNumGroups = width / GroupWidth,
                DownBlockTypes = Blocks("DownBlock2D", "CrossAttnDownBlock2D"), UpBlockTypes = [.. Blocks("UpBlock2D", "CrossAttnUpBlock2D").Reverse()],
                CrossAttentionDim = tokens, AttentionHeadDim = Math.Max(1, widths[^1] / HeadWidth), ClassEmbedType = "identity", ResnetTimeScaleShift = "scale_shift",
            };
        }
        return new UNet2DConfig
        {
            SampleSize = task.Side, InChannels = task.Channels, OutChannels = task.Channels, BlockOutChannels = widths, LayersPerBlock = 1, NormNumGroups = width / GroupWidth,
            AttnNormNumGroups = width / GroupWidth, DownBlockTypes = Blocks("DownBlock2D", "AttnDownBlock2D"), UpBlockTypes = [.. Blocks("UpBlock2D", "AttnUpBlock2D").Reverse()],
            AttentionHeadDim = Math.Min(HeadWidth, widths[^1]), ResnetTimeScaleShift = "scale_shift",
            NumClassEmbeds = task.Classes + 1, ClassEmbedType = task.HasVector ? "identity" : null,
        };
    }

    /// <summary>Length of the vector that a network takes: that of its time embedding.</summary>
    /// <param name="width">Channels of a U-Net's first level, features of a transformer.</param>
    /// <param name="side">The longer side of what is drawn.</param>
    public static int VectorWidth(int width, int side = SmallestMap) => side == 1 ? width : 4 * width;

    /// <summary>The width of a network that can make some thousands of steps in the time.</summary>
    /// <param name="side">The longer side of what is drawn.</param>
    /// <param name="minutes">The time of training.</param>
    /// <param name="batch">Pictures in a step.</param>
    public static int WidthFor(int side, double minutes, int batch)
    {
        const double Steps = 3000, OperationsPerSecond = 1.5e11;       // what such networks reach in bfloat16 on two cores of a server
        var widths = side == 1 ? TransformerWidths : Widths;
        return widths.LastOrDefault(width => 3 * batch * Operations(side, width) * Steps / OperationsPerSecond <= 60 * minutes, widths[0]);
    }

    /// <summary>
    /// Floating-point operations of a picture on its way through a network: the 3×3 convolutions of a U-Net, ten or so at each level; or the matrices of a transformer's
    /// blocks, twenty of width × width or so in each.
    /// </summary>
    private static double Operations(int side, int width) => side == 1 ? 20.0 * 2 * TransformerLayers * width * width : Enumerable.Range(0, Levels(side)).Sum(level =>
    {
        var (positions, channels) = (Math.Pow(side >> level, 2), level == 0 ? width : 2.0 * width);
        return 10 * 2 * 9 * positions * channels * channels;
    });

    private static int Levels(int side)
    {
        var levels = 1;
        for (; side % 2 == 0 && side / 2 >= SmallestMap; side /= 2) levels++;
        return levels;
    }

    private static ArgumentException Lacks(string what) => new($"The data set has no {what} to learn from; choose another --condition.");

    /// <summary>bfloat16 where the processor computes in it, else float32.</summary>
    public static Precision BestPrecision => Processor.InstructionSets.Contains("AVX512-BF16") || Processor.InstructionSets.Contains("AMX-BF16") ? Precision.Bf16 : Precision.Fp32;
}
