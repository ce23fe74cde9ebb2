using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Small U-Nets that between them have every kind of block.</summary>
internal static class SmallUNets
{
    internal static readonly IReadOnlyDictionary<string, DenoiserConfig> Configs = new Dictionary<string, DenoiserConfig>
    {
        ["plain"] = new UNet2DConfig
        {
            InChannels = 1, OutChannels = 1, BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4, AttentionHeadDim = 8,
            DownBlockTypes = ["DownBlock2D", "AttnDownBlock2D"], UpBlockTypes = ["AttnUpBlock2D", "UpBlock2D"],
        },
        ["classes, resnet samplers, dropout"] = new UNet2DConfig
        {
            BlockOutChannels = [8, 16, 16], LayersPerBlock = 2, NormNumGroups = 4, AttentionHeadDim = 8, NumClassEmbeds = 5, ResnetTimeScaleShift = "scale_shift", Dropout = 0.3,
            DownBlockTypes = ["ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"], UpBlockTypes = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"], DownsampleType = "resnet", UpsampleType = "resnet",
        },
        ["tokens"] = new UNet2DConditionConfig
        {
            BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4, AttentionHeadDim = 2, CrossAttentionDim = 12,
            DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"], UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
        },
        ["tokens, pooled text and sizes"] = new UNet2DConditionConfig
        {
            BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4, AttentionHeadDim = new([1, 2]), CrossAttentionDim = 12, UseLinearProjection = true,
            DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D"], UpBlockTypes = ["CrossAttnUpBlock2D", "UpBlock2D"], TransformerLayersPerBlock = new([1, 2]),
            AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 4, ProjectionClassEmbeddingsInputDim = 6 + 6 * 4,
        },
    };

    public static TheoryData<string> Names() => [.. Configs.Keys];

    /// <summary>A network whose branches are not zero, as those of a fresh one are.</summary>
    internal static DenoisingNetwork Trained(string name)
    {
        var network = Configs[name].Create(seed: 1);
        using var noise = new Generator(2);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var parameter in network.parameters()) parameter.add_(0.1 * randn(parameter.shape, generator: noise));
        return network;
    }

    /// <summary>Noisy images of an odd size, their times and conditions.</summary>
    internal static (Tensor X, Tensor Time, Conditioning Condition) Batch(DenoisingNetwork network, int count = 2, long seed = 3)
    {
        using var noise = new Generator((ulong)seed);
        Tensor Draw(params long[] shape) => randn(shape, generator: noise);
        var x = Draw(count, network.Config is UNet2DConfig { InChannels: var channels } ? channels : 4, 8, 12);
        return (x, 1000 * rand(count, generator: noise), new Conditioning
        {
            Classes = network.Config is UNet2DConfig { NumClassEmbeds: { } classes } ? arange(count) % classes : null,
            Tokens = network.Config is UNet2DConditionConfig { CrossAttentionDim: var width } ? Draw(count, 5, width[0]) : null,
            Pooled = network.Config is UNet2DConditionConfig { AdditionEmbedType: not null } ? Draw(count, 6) : null,
            Sizes = network.Config is UNet2DConditionConfig { AdditionEmbedType: not null } ? tensor(new float[] { 64, 64, 0, 0, 64, 64 }).expand(count, 6) : null,
        });
    }
}
