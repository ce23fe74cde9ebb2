using Imago.Autoencoders;
using Imago.Encoders;
using Imago.Models;

namespace Imago.Tests;

/// <summary>A configuration with every default written out and what changes no number left out, so that two that mean the same are the same text.</summary>
internal static class PublishedForm
{
    internal static string Of(string part, string json) => part switch
    {
        "unet" => ((UNet2DConditionConfig)DenoiserConfig.Parse(json) is var unet
            ? unet with { UpcastAttention = false, AttentionHeadDim = Written(unet.AttentionHeadDim, unet.BlockOutChannels.Count), TransformerLayersPerBlock = Written(unet.TransformerLayersPerBlock, unet.BlockOutChannels.Count) } : unet).ToJson(),
        "transformer" => DenoiserConfig.Parse(json).ToJson(),
        "vae" => DiffusersConfig.Parse(json, part) is KlConfig kl ? (kl with { SampleSize = 0, ForceUpcast = true }).ToJson() : "",
        _ => EncoderConfig.Parse(json) switch
        {
            ClipTextConfig clip => (clip with { ProjectionDim = clip.HasProjection ? clip.ProjectionDim : 0 }).ToJson(),
            T5Config t5 => (t5 with { DenseActFn = null, IsGatedAct = null, EosTokenId = null }).ToJson(),
            var other => other.ToJson(),
        },
    };

    private static PerLevel<int> Written(PerLevel<int> value, int levels) => new([.. Enumerable.Range(0, levels).Select(level => value[level])]);
}
