using Imago.Encoders;
using Imago.Golden;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Names and shapes of the weights of published networks, at full size and without memory.</summary>
public sealed class PublishedTransformerKeysTests
{
    private const string Sd3 = "stable-diffusion-3-medium-diffusers";

    [Theory]
    [InlineData("text_clip_l", "stable-diffusion-v1-5/text_encoder")]
    [InlineData("text_openclip_h23", "stable-diffusion-2-1/text_encoder")]
    [InlineData("text_openclip_bigg", "stable-diffusion-xl-base-1.0/text_encoder_2")]
    [InlineData("text_clip_l_projection", $"{Sd3}/text_encoder")]
    [InlineData("text_t5_xxl", $"{Sd3}/text_encoder_3")]
    public void TextEncoder_OfAPublishedConfig_HasThePublishedKeys(string list, string folder)
    {
        using var scope = NewDisposeScope();
        var path = Find("hub", folder, "config.json");
        var config = (TextEncoderConfig)EncoderConfig.Parse(File.ReadAllText(path), path);
        Same(list, config.CreateEmpty(META), key => key == "encoder.embed_tokens.weight");      // another name of shared.weight
    }

    public static TheoryData<string, DenoiserConfig?> Transformers => new()
    {
        { "transformer_sd3_medium", null },
        { "transformer_sd35_medium", new MMDiTConfig { NumLayers = 24, NumAttentionHeads = 24, CaptionProjectionDim = 1536, PosEmbedMaxSize = 384, QkNorm = "rms_norm", DualAttentionLayers = [.. Enumerable.Range(0, 13)] } },
        { "transformer_sd35_large", new MMDiTConfig { NumLayers = 38, NumAttentionHeads = 38, CaptionProjectionDim = 2432, PosEmbedMaxSize = 192, QkNorm = "rms_norm" } },
    };

    [Theory]
    [MemberData(nameof(Transformers))]
    public void MMDiT_OfAPublishedSize_HasThePublishedKeys(string list, DenoiserConfig? config)
    {
        using var scope = NewDisposeScope();
        config ??= DenoiserConfig.Parse(File.ReadAllText(Find("hub", Sd3, "transformer", "config.json")));
        Same(list, config.CreateEmpty(META), _ => false);
    }

    private static void Same(string list, nn.Module network, Func<string, bool> isLeftOut)
    {
        var want = File.ReadLines(Find("golden", "models", "keys", $"{list}.txt")).Where(line => !line.StartsWith('#'))
            .Select(line => line.Split('\t')).Where(parts => !isLeftOut(parts[0])).Select(parts => $"{parts[0]} {parts[2]}").Order(StringComparer.Ordinal);
        var got = network.state_dict().Select(entry => $"{entry.Key} {string.Join('x', entry.Value.shape)}").Order(StringComparer.Ordinal);
        Assert.Equal(want, got);
    }

    private static string Find(params string[] names)
    {
        var path = Path.GetFullPath(Path.Combine([GoldenFolder.Repository() ?? ".", "..", "shared", .. names]));
        Assert.SkipUnless(File.Exists(path), $"{path} is not there");
        return path;
    }
}
