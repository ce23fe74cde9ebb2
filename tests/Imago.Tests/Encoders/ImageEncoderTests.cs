using Imago.Encoders;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class ImageEncoderTests
{
    private static readonly ClipVisionConfig Clip = new()
    {
        Architectures = ["CLIPVisionModelWithProjection"], HiddenSize = 16, IntermediateSize = 32, NumHiddenLayers = 2, NumAttentionHeads = 2, ProjectionDim = 6, ImageSize = 24, PatchSize = 8,
    };

    private static readonly Dinov2Config Dino = new() { HiddenSize = 16, NumHiddenLayers = 2, NumAttentionHeads = 2, ImageSize = 24, PatchSize = 8 };

    public static TheoryData<ImageEncoderConfig> Networks => [Clip, Dino, Dino with { UseSwigluFfn = true }];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_SeesPicturesOfOtherSizes(ImageEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        var encoder = config.Create();
        Assert.Equal([2, 10, 16], encoder.Encode(Draw(0, 2, 3, 24, 24)).Last.shape);
        Assert.Equal([2, 9, 16], encoder.Encode(Draw(0, 2, 3, 32, 16)).Last.shape);
        Assert.Throws<ArgumentException>(() => encoder.Encode(Draw(0, 2, 4, 24, 24)));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_TreatsPicturesOneByOne(ImageEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        var (encoder, x) = (config.Create(), Draw(0, 3, 3, 24, 24));
        Near(encoder.Encode(x).Last.narrow(0, 1, 1), encoder.Encode(x.narrow(0, 1, 1)).Last);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_LeavesOnlyItsOutputsBehind(ImageEncoderConfig config)
    {
        using var noGrad = no_grad();
        using var encoder = config.Create();
        using var x = Draw(0, 2, 3, 32, 24);
        var before = Tensor.TotalCount;
        foreach (var tensor in encoder.Encode(x).Tensors) tensor.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Config_ComesBackFromItsJson(ImageEncoderConfig config) => Assert.Equal(config.ToJson(), EncoderConfig.Parse(config.ToJson()).ToJson());

    [Fact]
    public void Dinov2_DoesNotSeeHiddenPatches()
    {
        using var scope = NewDisposeScope();
        var encoder = Dino.Create();
        var (one, other) = (Draw(0, 1, 3, 24, 24), Draw(0, 1, 3, 24, 24));
        other[.., .., ..8, ..8] = 0;
        var hidden = tensor([1L, 0, 0, 0, 0, 0, 0, 0, 0]).unsqueeze(0);
        Near(encoder.Encode(one, hidden).Last, encoder.Encode(other, hidden).Last);
        Assert.True((encoder.Encode(one).Last - encoder.Encode(other).Last).abs().max().item<float>() > 1e-4);
        Assert.Throws<ArgumentException>(() => Clip.Create().Encode(one, hidden));
    }

    [Fact]
    public void ClipScore_IsHundredForTheSameDirection_AndNeverNegative()
    {
        using var scope = NewDisposeScope();
        var x = Draw(0, 1, 8);
        Near(tensor(new[] { 100f, 0f, 0f }).unsqueeze(0), ClipModel.Score(2 * x, cat([x, -x, zeros_like(x) + cat([-x[.., 1..2], x[.., ..1], zeros(1, 6)], 1)], 0)));
    }

    [Fact]
    public void Clip_OfANestedConfig_ReadsBothParts()
    {
        using var scope = NewDisposeScope();
        const string Json = """
            {
              "model_type": "clip", "projection_dim": 6, "text_config_dict": {"hidden_size": 16},
              "text_config": {"model_type": "clip_text_model", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 20, "top_k": 50},
              "vision_config": {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 8, "image_size": 16, "patch_size": 8}
            }
            """;
        var config = (ClipConfig)EncoderConfig.Parse(Json);
        Assert.Equal((16, 8), (config.TextConfig.HiddenSize, config.VisionConfig.HiddenSize));
        var model = config.Create();
        var (texts, images) = (model.EmbedTexts(zeros(2, 5, int64)), model.EmbedImages(Draw(0, 3, 3, 16, 16)));
        Near(Math.Exp(2.6592) / 100 * ClipModel.Score(images, texts), model.Logits(images, texts).clamp_min(0));
    }

    private static Tensor Draw(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static void Near(Tensor want, Tensor got)
    {
        Assert.Equal(want.shape, got.shape);
        Assert.InRange((want - got).abs().max().item<float>(), 0, 2e-5);
    }
}
