using Imago.Encoders;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class TextEncoderTests
{
    private static readonly ClipTextConfig Clip = new()
    {
        Architectures = ["CLIPTextModelWithProjection"], VocabSize = 50, HiddenSize = 24, IntermediateSize = 48, NumHiddenLayers = 3, NumAttentionHeads = 4,
        ProjectionDim = 10, MaxPositionEmbeddings = 16, EosTokenId = 40,
    };

    private static readonly T5Config T5 = new() { VocabSize = 50, DModel = 24, DKv = 5, DFf = 40, NumLayers = 3, NumHeads = 3, FeedForwardProj = "gated-gelu" };

    public static TheoryData<TextEncoderConfig> Networks => [Clip, T5, T5 with { FeedForwardProj = "relu" }];

    [Fact]
    public void Clip_WithOtherTokensLater_SaysTheSameBefore()
    {
        using var scope = NewDisposeScope();
        var encoder = Clip.Create();
        var (text, other) = (encoder.Encode(Ids(1, 2, 3, 4, 5, 40)), encoder.Encode(Ids(1, 2, 3, 9, 8, 40)));
        Near(text.Last.narrow(1, 0, 3), other.Last.narrow(1, 0, 3));
        Assert.True((text.Last - other.Last).narrow(1, 3, 3).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void Clip_PoolsAtTheFirstEndToken()
    {
        using var scope = NewDisposeScope();
        var output = Clip.Create().Encode(Ids(1, 2, 40, 45, 40, 40));
        Near(output.Last.select(1, 2), output.Pooled!);
    }

    [Fact]
    public void Clip_WithTheMistakenEndToken_PoolsAtTheLargestNumber()
    {
        using var scope = NewDisposeScope();
        var output = (Clip with { EosTokenId = 2 }).Create().Encode(Ids(1, 2, 40, 45, 40, 40));
        Near(output.Last.select(1, 3), output.Pooled!);
    }

    [Fact]
    public void Clip_WithoutProjectionAmongItsClasses_HasNoEmbedding()
    {
        using var scope = NewDisposeScope();
        Assert.Null((Clip with { Architectures = ["CLIPTextModel"] }).Create().Encode(Ids(1, 40)).Embedding);
        Assert.Equal([1, 10], Clip.Create().Encode(Ids(1, 40)).Embedding!.shape);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_WithMaskedPadding_SaysWhatItSaysWithoutPadding(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        var encoder = config.Create();
        var padded = encoder.Encode(Ids(7, 8, 9, 40, 0, 0), tensor([1L, 1, 1, 1, 0, 0]).unsqueeze(0));
        Near(encoder.Encode(Ids(7, 8, 9, 40)).Last, padded.Last.narrow(1, 0, 4));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_WithoutAnyToken_GivesNumbers(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        Assert.True(config.Create().Encode(Ids(1, 2), zeros(1, 2)).Last.isfinite().all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void HiddenStates_BeginBeforeTheFirstLayer_AndLeadToTheLast(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        var encoder = config.Create();
        var output = encoder.Encode(Ids(7, 8, 9));
        Assert.Equal(4, output.HiddenStates.Count);
        Near(output.Last, config is ClipTextConfig ? encoder.Normalised(output.HiddenStates[^1]) : output.HiddenStates[^1]);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_InBfloat16_AgreesWithFloat32(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var encoder = config.Create();
        var (exact, rounded) = (encoder.Encode(Ids(7, 8, 9, 40)).Last, encoder.Encode(Ids(7, 8, 9, 40), type: bfloat16).Last);
        Assert.Equal(bfloat16, rounded.dtype);
        Assert.InRange(((exact - rounded.to(float32)).abs().mean() / exact.abs().mean()).item<float>(), 1e-5, 0.03);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_LeavesOnlyItsOutputsBehind(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var encoder = config.Create();
        using var ids = Ids(7, 8, 9);
        var before = Tensor.TotalCount;
        foreach (var tensor in encoder.Encode(ids).Tensors) tensor.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_Trains(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        using var encoder = config.Create();
        var output = encoder.Encode(Ids(7, 8, 9, 40));
        (output.Last.square().sum() + (output.Embedding?.sum() ?? 0)).backward();
        Assert.All(encoder.named_parameters(), named => Assert.True(named.parameter.grad is not null, named.name));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Config_ComesBackFromItsJson(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        using var encoder = ((TextEncoderConfig)EncoderConfig.Parse(config.ToJson())).Create(3);
        using var same = config.Create(3);
        Assert.Equal(config.ToJson(), encoder.Config.ToJson());
        foreach (var (one, other) in encoder.parameters().Zip(same.parameters())) Assert.True(one.eq(other).all().item<bool>());
    }

    [Fact]
    public void Config_ReadsOverKeysOfTraining_AndRefusesOthers()
    {
        Assert.Equal(768, ((ClipTextConfig)EncoderConfig.Parse("""{"model_type": "clip_text_model", "hidden_size": 768, "dropout": 0.1, "_name_or_path": "x", "torch_dtype": null}""")).HiddenSize);
        var error = Assert.Throws<CheckpointException>(() => EncoderConfig.Parse("""{"model_type": "clip_text_model", "rotary": true}""", "file.json"));
        Assert.Contains("rotary", error.Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => EncoderConfig.Parse("""{"model_type": "bert"}"""));
        Assert.Throws<CheckpointException>(() => EncoderConfig.Parse("{}"));
        Assert.Throws<ArgumentException>(() => (Clip with { NumAttentionHeads = 5 }).Create());
        Assert.Throws<ArgumentException>(() => (T5 with { DenseActFn = "relu" }).Create());
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encoder_RefusesTokensThatItDoesNotKnow(TextEncoderConfig config)
    {
        using var scope = NewDisposeScope();
        Assert.Contains("50", Assert.Throws<ArgumentException>(() => config.Create().Encode(Ids(1, 50))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => config.Create().Encode(Ids(1, -1)));
    }

    [Fact]
    public void Clip_RefusesTextsThatAreTooLong()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => Clip.Create().Encode(zeros(1, 17, int64)));
    }

    [Fact]
    public void Buckets_CountNearDistancesExactly_AndFarOnesByTheirLogarithm()
    {
        using var scope = NewDisposeScope();
        var distance = arange(-200, 201);
        var bucket = T5Attention.Buckets(distance, 32, 128);
        var (earlier, later) = (bucket.narrow(0, 0, 201).flip(0), bucket.narrow(0, 200, 201));
        Assert.True(earlier.narrow(0, 0, 8).eq(arange(8)).all().item<bool>());
        Assert.True(later[1..].eq(earlier[1..] + 16).all().item<bool>());
        Assert.True(earlier.diff().ge(0).all().item<bool>());
        Assert.Equal([8, 9, 10, 12, 14, 15, 15], new[] { 8, 12, 16, 32, 64, 113, 200 }.Select(d => earlier[d].item<long>()));
    }

    private static Tensor Ids(params long[] ids) => tensor(ids).unsqueeze(0);

    private static void Near(Tensor want, Tensor got)
    {
        Assert.Equal(want.shape, got.shape);
        Assert.InRange((want - got).abs().max().item<float>(), 0, 1e-5);
    }
}
