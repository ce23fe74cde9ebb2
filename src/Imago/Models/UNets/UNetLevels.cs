using Imago.Models.Blocks;

namespace Imago.Models.UNets;

/// <summary>diffusers' names of blocks, as levels.</summary>
internal static class UNetLevels
{
    private enum Attends
    {
        Not,
        ToItself,
        ToTokens,
    }

    private static readonly Dictionary<string, (Attends Attention, Sampling Sampling)> Known = new()
    {
        ["DownBlock2D"] = (Attends.Not, Sampling.Convolution),
        ["ResnetDownsampleBlock2D"] = (Attends.Not, Sampling.Resnet),
        ["AttnDownBlock2D"] = (Attends.ToItself, Sampling.Convolution),
        ["CrossAttnDownBlock2D"] = (Attends.ToTokens, Sampling.Convolution),
        ["UpBlock2D"] = (Attends.Not, Sampling.Convolution),
        ["ResnetUpsampleBlock2D"] = (Attends.Not, Sampling.Resnet),
        ["AttnUpBlock2D"] = (Attends.ToItself, Sampling.Convolution),
        ["CrossAttnUpBlock2D"] = (Attends.ToTokens, Sampling.Convolution),
    };

    /// <summary>The names of blocks that a network of a class may have.</summary>
    internal static IReadOnlyCollection<string> Kinds(bool crosses) => [.. Known.Where(kind => crosses || kind.Value.Attention != Attends.ToTokens).Select(kind => kind.Key)];

    /// <summary>Whether a block attends to tokens.</summary>
    internal static bool Crosses(string kind) => Known[kind].Attention == Attends.ToTokens;

    /// <summary>The way down.</summary>
    /// <param name="kinds">The blocks' names.</param>
    /// <param name="widths">Channels of each level.</param>
    /// <param name="layers">Residual blocks of each level.</param>
    /// <param name="sampling">How levels with self-attention end: <c>resnet</c>, or a convolution.</param>
    /// <param name="self">The self-attention of a level.</param>
    /// <param name="cross">The cross-attention of a level, by its number from the pixels inwards.</param>
    internal static IReadOnlyList<UNetLevel> Down(
        IReadOnlyList<string> kinds, IReadOnlyList<int> widths, PerLevel<int> layers, string? sampling, Func<int, LevelAttention> self, Func<int, LevelAttention>? cross = null) =>
        [.. kinds.Select((kind, i) => Level(kind, widths[i], layers[i], i, last: i + 1 == kinds.Count, sampling, self, cross))];

    /// <summary>The way up: the blocks' names from the middle outwards, everything else from the pixels inwards.</summary>
    /// <inheritdoc cref="Down"/>
    internal static IReadOnlyList<UNetLevel> Up(
        IReadOnlyList<string> kinds, IReadOnlyList<int> widths, PerLevel<int> layers, string? sampling, Func<int, LevelAttention> self, Func<int, LevelAttention>? cross = null) =>
        [.. kinds.Select((kind, i) => (Kind: kind, Across: kinds.Count - 1 - i))
            .Select(level => Level(level.Kind, widths[level.Across], layers[level.Across] + 1, level.Across, last: level.Across == 0, sampling, self, cross))];

    private static UNetLevel Level(
        string kind, int width, int layers, int index, bool last, string? sampling, Func<int, LevelAttention> self, Func<int, LevelAttention>? cross)
    {
        var (attends, ends) = Known[kind];
        if (attends == Attends.ToItself && sampling == "resnet") ends = Sampling.Resnet;
        var attention = attends switch
        {
            Attends.Not => null,
            Attends.ToItself => self(index),
            _ => cross!(index),
        };
        return new UNetLevel(width, layers, attention, last ? Sampling.None : ends);
    }
}

/// <summary>What both classes of U-Nets ask of their configurations.</summary>
internal static class UNetRules
{
    internal static void Channels(ConfigRules rules, int inChannels, int outChannels, int groups, IReadOnlyList<int> widths)
    {
        rules.Require(inChannels is > 0 and <= 1024, "in_channels", inChannels, "between 1 and 1024");
        rules.Require(outChannels is > 0 and <= 1024, "out_channels", outChannels, "between 1 and 1024");
        rules.Require(groups is > 0 and <= 1024, "norm_num_groups", groups, "between 1 and 1024");
        rules.Require(widths.Count is > 0 and <= 10 && widths.All(width => width is > 0 and <= 8192 && width % groups == 0),
            "block_out_channels", widths, $"1 to 10 numbers of channels, multiples of norm_num_groups = {groups}");
    }

    internal static void Levels(ConfigRules rules, IReadOnlyList<string> down, IReadOnlyList<string> up, int levels, IReadOnlyCollection<string> known)
    {
        var (downs, ups) = (known.Where(kind => kind.Contains("Down", StringComparison.Ordinal)).ToList(), known.Where(kind => kind.Contains("Up", StringComparison.Ordinal)).ToList());
        rules.Require(down.Count == levels && down.All(downs.Contains), "down_block_types", down, $"{levels} of {string.Join(", ", downs)}");
        rules.Require(up.Count == levels && up.All(ups.Contains), "up_block_types", up, $"{levels} of {string.Join(", ", ups)}");
    }

    internal static void Common(
        ConfigRules rules, string activation, double dropout, double eps, string timeScaleShift, int downsamplePadding, double middleScale, double frequencyShift)
    {
        rules.Require(Activations.Named(activation) is not null, "act_fn", activation, "silu, swish, relu, gelu or mish");
        rules.Require(dropout is >= 0 and < 1, "dropout", dropout, "at least 0 and below 1");
        rules.Require(eps is > 0 and < 1, "norm_eps", eps, "between 0 and 1");
        rules.Require(timeScaleShift is "default" or "scale_shift", "resnet_time_scale_shift", timeScaleShift, "default or scale_shift; no other is known");
        rules.Require(downsamplePadding is 0 or 1, "downsample_padding", downsamplePadding, "0 or 1");
        rules.Require(middleScale > 0 && double.IsFinite(middleScale), "mid_block_scale_factor", middleScale, "a positive number");
        rules.Require(frequencyShift is >= 0 and <= 1, "freq_shift", frequencyShift, "between 0 and 1");
    }
}
