using Imago.Models;

namespace Imago.Generation;

/// <summary>The kinds of networks that there are presets of.</summary>
public enum NetworkKind
{
    /// <summary>A U-Net (Ho et al. 2020), told classes, attributes or text.</summary>
    UNet,

    /// <summary>A transformer (Peebles and Xie 2023), told classes or attributes; text only as one vector.</summary>
    DiT,

    /// <summary>A transformer in which text and picture attend to each other (Esser et al. 2024).</summary>
    MMDiT,
}

/// <content>Networks by kind and size.</content>
public static partial class DiffusionPresets
{
    private const int SmallestMap = 7, GroupWidth = 16, HeadWidth = 32, WideHeadWidth = 64, LargestGrid = 16, LargestTokenPatch = 8, CaptionTokens = 48, WideEnough = 8;

    /// <summary>Widths of the first level of a U-Net, from the cheapest.</summary>
    private static readonly int[] Widths = [32, 48, 64, 96, 128, 192, 256];

    /// <summary>Features of a transformer, from the cheapest.</summary>
    private static readonly int[] TransformerWidths = [128, 192, 256, 384, 512, 768];

    /// <summary>A kind by its name on a command line: <c>unet</c>, <c>dit</c> or <c>mmdit</c>; null if it is none.</summary>
    public static NetworkKind? KindOf(string name) => Enum.GetValues<NetworkKind>().Cast<NetworkKind?>().FirstOrDefault(kind => kind!.Value.ToString().Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The kind that suits what is drawn: a U-Net for maps, a transformer for the single position that a latent without a map counts as.</summary>
    /// <param name="side">The longer side of what is drawn.</param>
    public static NetworkKind UsualKind(int side) => side == 1 ? NetworkKind.DiT : NetworkKind.UNet;

    /// <summary>A network of a kind and width.</summary>
    /// <param name="kind">What it is; null for <see cref="UsualKind"/>.</param>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Channels of a U-Net's first level, a multiple of 16; features of a transformer, a multiple of 64.</param>
    /// <exception cref="ArgumentException">A network of that kind cannot be told the condition, or the width does not fit.</exception>
    public static DenoiserConfig Network(NetworkTask task, int width, NetworkKind? kind = null) => (kind ?? UsualKind(task.Side)) switch
    {
        NetworkKind.UNet => UNet(task, width),
        NetworkKind.DiT => Transformer(task, width),
        _ => JointTransformer(task, width),
    };

    /// <summary>Side of the patches that a U-Net for pixels draws: so that its first map has at most 32 positions a side.</summary>
    public static int PatchOf(int side)
    {
        var patch = side <= 16 ? 1 : 2;
        while (side / patch > 32 && side % (2 * patch) == 0) patch *= 2;
        return side % patch == 0 ? patch : 1;
    }

    /// <summary>
    /// The transformer of Peebles and Xie 2023 on at most 16×16 patches. A latent of D numbers it sees as one token; attention to itself is a linear layer, so that it is then a
    /// residual MLP whose normalisations are modulated by time and condition.
    /// </summary>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Features of a token.</param>
    public static DiTConfig Transformer(NetworkTask task, int width) => new()
    {
        SampleSize = task.Side, PatchSize = TokenPatch(task.Side), InChannels = task.Channels, NumLayers = Layers(task.Side, width), NumAttentionHeads = Heads(task.Side, width),
        AttentionHeadDim = width / Heads(task.Side, width), NumEmbedsAdaNorm = task.Classes ?? 0,
    };

    /// <summary>The transformer of Esser et al. 2024 on at most 16×16 patches and the tokens of a text, queries and keys normalised.</summary>
    /// <param name="task">What it is made for, text among its conditions.</param>
    /// <param name="width">Features of a token, a multiple of 64.</param>
    /// <exception cref="ArgumentException">There is no text among the conditions.</exception>
    public static MMDiTConfig JointTransformer(NetworkTask task, int width)
    {
        var patch = TokenPatch(task.Side);
        return new()
        {
            SampleSize = task.Side, PatchSize = patch, InChannels = task.Channels, OutChannels = task.Channels, NumLayers = Layers(task.Side, width), NumAttentionHeads = Heads(task.Side, width),
            AttentionHeadDim = width / Heads(task.Side, width), CaptionProjectionDim = width, PosEmbedMaxSize = Math.Max(1, task.Side / patch), QkNorm = "rms_norm",
            JointAttentionDim = task.TokenWidth ?? throw new ArgumentException("An MMDiT reads text; choose --condition text."), PooledProjectionDim = task.Conditioner.Width,
        };
    }

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
                CrossAttentionDim = tokens, AttentionHeadDim = Math.Max(1, widths[^1] / HeadWidth), ClassEmbedType = task.EncoderWidth is null ? "identity" : null, ResnetTimeScaleShift = "scale_shift",
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

    /// <summary>
    /// What a network predicts best at first, as <see cref="ObjectiveOf(string)"/> takes it: the flow; or the sample, along the same flow, where a position holds so many pixels that a narrow network
    /// cannot pass their noise on (Li and He 2025).
    /// </summary>
    /// <param name="kind">What the network is.</param>
    /// <param name="task">What it is made for.</param>
    /// <param name="width">Its width.</param>
    public static string PredictionFor(NetworkKind kind, NetworkTask task, int width)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (!task.IsPixels) return "flow";
        var isNarrow = kind == NetworkKind.UNet ? task.Channels > 3 && WideEnough * task.Channels >= width : task.Channels * Math.Pow(TokenPatch(task.Side), 2) >= width;
        return isNarrow ? "sample" : "flow";
    }

    /// <summary>Length of the vector that a network takes: that of its time embedding.</summary>
    /// <param name="width">Channels of a U-Net's first level, features of a transformer.</param>
    /// <param name="side">The longer side of what is drawn.</param>
    /// <param name="kind">What the network is; null for <see cref="UsualKind"/>.</param>
    public static int VectorWidth(int width, int side = SmallestMap, NetworkKind? kind = null) => (kind ?? UsualKind(side)) == NetworkKind.UNet ? 4 * width : width;

    /// <summary>The width of a network that can make some thousands of steps in the time.</summary>
    /// <param name="side">The longer side of what is drawn.</param>
    /// <param name="minutes">The time of training.</param>
    /// <param name="batch">Pictures in a step.</param>
    /// <param name="kind">What the network is; null for <see cref="UsualKind"/>.</param>
    public static int WidthFor(int side, double minutes, int batch, NetworkKind? kind = null)
    {
        const double Steps = 3000, OperationsPerSecond = 1.5e11;       // what such networks reach in bfloat16 on two cores of a server
        var chosen = kind ?? UsualKind(side);
        var widths = chosen == NetworkKind.UNet ? Widths : TransformerWidths;
        return widths.LastOrDefault(width => 3 * batch * Operations(chosen, side, width) * Steps / OperationsPerSecond <= 60 * minutes, widths[0]);
    }

    /// <summary>
    /// Floating-point operations of a picture on its way through a network: the 3×3 convolutions of a U-Net, ten or so at each level; or the matrices of a transformer's
    /// blocks, twelve of width × width for each token, and its attention.
    /// </summary>
    private static double Operations(NetworkKind kind, int side, int width)
    {
        if (kind == NetworkKind.UNet) return Enumerable.Range(0, Levels(side)).Sum(level => 10 * 2 * 9 * Math.Pow(side >> level, 2) * Math.Pow(level == 0 ? width : 2.0 * width, 2));
        var tokens = Math.Pow(Math.Max(1, side / TokenPatch(side)), 2) + (kind == NetworkKind.MMDiT ? CaptionTokens : 0);
        return Layers(side, width) * (2 * 12 * tokens * width * width + 4 * tokens * tokens * width);
    }

    private static int Levels(int side)
    {
        var levels = 1;
        for (; side % 2 == 0 && side / 2 >= SmallestMap; side /= 2) levels++;
        return levels;
    }

    /// <summary>Side of a token's patch: the smallest with which there are at most 16×16 tokens, if one of up to 8 divides the side.</summary>
    private static int TokenPatch(int side) => Enumerable.Range(1, LargestTokenPatch).FirstOrDefault(patch => side % patch == 0 && side / patch <= LargestGrid, 1);

    private static int Layers(int side, int width) => side == 1 ? 4 : Math.Clamp(width / 32, 4, 12);

    private static int Heads(int side, int width)
    {
        if (side == 1) return 1;
        var head = width >= 256 ? WideHeadWidth : HeadWidth;
        return width > 0 && width % head == 0 ? width / head : throw new ArgumentException($"The width of a transformer is {width}; it must be a multiple of {head}, the width of a head.");
    }
}
