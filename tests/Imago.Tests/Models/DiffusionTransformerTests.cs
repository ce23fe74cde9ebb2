using Imago.Models;
using Imago.Models.Blocks;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class DiffusionTransformerTests
{
    private static readonly DiTConfig DiT = new() { NumAttentionHeads = 2, AttentionHeadDim = 8, InChannels = 3, NumLayers = 3, SampleSize = 8, NumEmbedsAdaNorm = 5 };

    private static readonly MMDiTConfig MMDiT = new()
    {
        NumAttentionHeads = 2, AttentionHeadDim = 8, InChannels = 3, OutChannels = 3, NumLayers = 3, SampleSize = 8, JointAttentionDim = 10, CaptionProjectionDim = 16,
        PooledProjectionDim = 6, PosEmbedMaxSize = 8, QkNorm = "rms_norm", DualAttentionLayers = [0],
    };

    public static TheoryData<DenoiserConfig> Networks => [DiT, DiT with { ActivationFn = "geglu", AttentionBias = false }, MMDiT, MMDiT with { QkNorm = null, DualAttentionLayers = [] }];

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshNetwork_GivesZero(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0, Run(config.Create(1), Draw(0, 2, 3, 8, 8)).abs().max().item<float>());
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshBlocks_PassTheirInputOn(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var blocks = config.Create(1).named_modules().Select(named => named.module).ToList();
        var (x, text, condition) = (Draw(0, 2, 9, 16), Draw(1, 2, 4, 16), Draw(2, 2, 16));
        Assert.All(blocks.OfType<DiTBlock>(), block => Near(x, block.call(x, condition, null)));
        Assert.All(blocks.OfType<JointBlock>(), block => Near(x, block.call(new JointStream(x, text), condition, null, null).Image));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshWeights_AreThoseOfTheSeed(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var (one, same, other) = (config.Create(1), config.Create(1), config.Create(2));
        Assert.All(one.parameters().Zip(same.parameters()), pair => Assert.True(pair.First.eq(pair.Second).all().item<bool>()));
        Assert.Contains(one.parameters().Zip(other.parameters()), pair => !pair.First.eq(pair.Second).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Network_TakesOtherSizes_AndGivesWholePatches(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var network = Trained(config);
        Assert.Equal([2, 3, 16, 4], Run(network, Draw(0, 2, 3, 16, 4)).shape);
        Assert.Equal([2, 3, 8, 6], Run(network, Draw(0, 2, 3, 9, 7)).shape);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Network_TreatsImagesOneByOne(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var (network, x) = (Trained(config), Draw(0, 2, 3, 8, 8));
        Near(Run(network, x).narrow(0, 1, 1), network.forward(x.narrow(0, 1, 1), tensor(new[] { 20f }), Part(Condition(), 1)));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Network_InBfloat16_AgreesWithFloat32(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (network, x) = (Trained(config), Draw(0, 2, 3, 8, 8));
        var (exact, rounded) = (Run(network, x), Run(network, x.to(bfloat16)));
        Assert.Equal(bfloat16, rounded.dtype);
        Assert.InRange(((exact - rounded.to(float32)).abs().mean() / exact.abs().mean()).item<float>(), 1e-5, 0.1);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshNetwork_Learns_InBfloat16(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        using var network = config.Create();
        using var optimizer = new AdamWConfig().Create(ParameterGroup.All(network));
        var (x, target) = (Draw(0, 2, 3, 8, 8), Draw(1, 2, 3, 8, 8));
        var losses = Enumerable.Range(0, 60).Select(_ =>
        {
            using var step = NewDisposeScope();
            optimizer.ZeroGrad();
            var loss = (Run(network, x.to(bfloat16)).to(float32) - target).square().mean();
            loss.backward();
            optimizer.Step(1e-2);
            return loss.item<float>();
        }).ToList();
        Assert.Equal(target.square().mean().item<float>(), losses[0], 1e-3);
        Assert.InRange(losses[^1], 0, 0.3 * losses[0]);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Checkpointing_ChangesNoGradient(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var (plain, frugal, x) = (Trained(config), Trained(config), Draw(0, 2, 3, 8, 8));
        frugal.CheckpointBlocks = true;
        var condition = Condition() with { TokenMask = tensor([1f, 1, 1, 0]).expand(2, 4) };
        Run(plain, x, condition).square().sum().backward();
        Run(frugal, x, condition).square().sum().backward();
        foreach (var ((name, one), (_, other)) in plain.named_parameters().Zip(frugal.named_parameters()))
            Assert.True((one.grad is null) == (other.grad is null) && (one.grad is null || (one.grad - other.grad!).abs().max().item<float>() <= 1e-5 * one.grad.abs().max().item<float>()), name);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Network_LeavesOnlyItsResultBehind(DenoiserConfig config)
    {
        using var noGrad = no_grad();
        using var network = config.Create();
        using var x = Draw(0, 2, 3, 8, 8);
        var condition = Condition();
        using var time = tensor(new[] { 10f, 20f });
        network.forward(x, time, condition).Dispose();                  // tables that are kept come to be now
        var before = Tensor.TotalCount;
        network.forward(x, time, condition).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
        foreach (var tensor in new[] { condition.Classes, condition.Tokens, condition.Pooled }) tensor!.Dispose();
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Config_ComesBackFromItsJson(DenoiserConfig config) => Assert.Equal(config.ToJson(), DenoiserConfig.Parse(config.ToJson()).ToJson());

    [Fact]
    public void Config_RefusesWhatTheNetworkHasNot()
    {
        Assert.Contains("dropout", Assert.Throws<ArgumentException>(() => (DiT with { Dropout = 0.1 }).Create()).Message, StringComparison.Ordinal);
        Assert.Contains("caption_projection_dim", Assert.Throws<ArgumentException>(() => (MMDiT with { CaptionProjectionDim = 8 }).Create()).Message, StringComparison.Ordinal);
        Assert.Contains("qk_norm", Assert.Throws<ArgumentException>(() => (MMDiT with { QkNorm = "layer_norm" }).Create()).Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => DenoiserConfig.Parse("""{"_class_name": "DiTTransformer2DModel", "rope": true}"""));
    }

    /// <summary>In a block of MMDiT the text sees the whole image, but what it learns reaches only later blocks.</summary>
    [Theory]
    [MemberData(nameof(Networks))]
    public void PerturbedBlocks_ShowNoPlaceAnother(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var (network, one, other) = (Trained(config), Draw(0, 2, 3, 8, 8), Draw(0, 2, 3, 8, 8));
        other[.., .., 2..4, 4..6] += 1;
        Tensor Change(Conditioning condition)
        {
            var change = (Run(network, one, condition) - Run(network, other, condition)).abs();
            Assert.True(change[.., .., 2..4, 4..6].max().item<float>() > 1e-3);
            change[.., .., 2..4, 4..6] = 0;
            return change.max();
        }
        var alone = config is MMDiTConfig ? Condition() with { SkippedBlocks = [1, 2] } : Condition();
        Assert.True(Change(alone).item<float>() > 1e-3);
        Assert.InRange(Change(alone with { PerturbedBlocks = [0, 1, 2] }).item<float>(), 0, 1e-5);
    }

    [Fact]
    public void DiT_WithoutBlocks_SeesNoPlaceFromAnother()
    {
        using var scope = NewDisposeScope();
        var (network, one, other) = (Trained(DiT), Draw(0, 2, 3, 8, 8), Draw(0, 2, 3, 8, 8));
        other[.., .., ..4, ..] = 0;
        var skipped = Condition() with { SkippedBlocks = [0, 1, 2] };
        Near(Run(network, one, skipped)[.., .., 4.., ..], Run(network, other, skipped)[.., .., 4.., ..]);
    }

    [Fact]
    public void DiT_WithoutClasses_SeesTheNullClass()
    {
        using var scope = NewDisposeScope();
        var (network, x) = ((DiT)Trained(DiT), Draw(0, 2, 3, 8, 8));
        var none = Run(network, x, Conditioning.None);
        Near(none, Run(network, x, new Conditioning { Classes = full(2, network.NullClass, int64) }));
        Assert.True((none - Run(network, x)).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void DiT_WithTheVectorOfAClass_SeesTheClass()
    {
        using var scope = NewDisposeScope();
        var config = DiT with { NumLayers = 1 };
        var (network, x) = (Trained(config), Draw(0, 2, 3, 8, 8));
        var table = network.named_parameters().Single(named => named.name.EndsWith("embedding_table.weight", StringComparison.Ordinal)).parameter;
        Near(Run(network, x), Run(network, x, new Conditioning { Classes = table.index_select(0, Condition().Classes!) }));
        Assert.Throws<ArgumentException>(() => Run(network, x, new Conditioning { Classes = zeros(2, 5) }));
    }

    [Fact]
    public void Config_OfAnOlderDiT_IsReadAsOne()
    {
        const string Older = """{"_class_name": "Transformer2DModel", "norm_type": "ada_norm_zero", "num_layers": 28, "out_channels": 8, "cross_attention_dim": null, "only_cross_attention": false}""";
        Assert.Equal(new DiTConfig { NumLayers = 28, OutChannels = 8 }, DenoiserConfig.Parse(Older));
        Assert.Throws<CheckpointException>(() => DenoiserConfig.Parse(Older.Replace("null", "768", StringComparison.Ordinal)));
        Assert.Throws<CheckpointException>(() => DenoiserConfig.Parse(Older.Replace("ada_norm_zero", "layer_norm", StringComparison.Ordinal)));
    }

    [Fact]
    public void DiT_WithLearnedVariance_GivesTwiceTheChannels()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([2, 6, 8, 8], Run((DiT with { OutChannels = 6 }).Create(), Draw(0, 2, 3, 8, 8)).shape);
    }

    [Fact]
    public void DiTBlock_WithPermutedTokens_PermutesItsResult()
    {
        using var scope = NewDisposeScope();
        var block = Trained(DiT).named_modules().Select(named => named.module).OfType<DiTBlock>().First();
        var (x, condition, order) = (Draw(0, 2, 5, 16), Draw(1, 2, 16), tensor([3L, 1, 4, 0, 2]));
        Near(block.call(x, condition, null).index_select(1, order), block.call(x.index_select(1, order), condition, null));
    }

    [Fact]
    public void Positions_OfAnotherGrid_SpanTheSameCoordinates()
    {
        using var scope = NewDisposeScope();
        var (coarse, fine) = (Positions.Table(16, (4, 4), 4).view(4, 4, 16), Positions.Table(16, (8, 8), 4).view(8, 8, 16));
        var even = arange(0, 8, 2);
        Near(coarse, fine.index_select(0, even).index_select(1, even));
        Near(zeros(4), coarse[0][0][..4]);                                       // sines of column 0
        Near(sin(arange(4)), coarse[0, .., 0]);                                  // the first frequency is 1, along the row
    }

    [Fact]
    public void MMDiT_OfASmallerPicture_CutsPlacesOutOfTheMiddle()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var patches = MMDiT.Create().named_modules().Select(named => named.module).OfType<PatchEmbedding>().Single();
        foreach (var parameter in patches.parameters()) parameter.zero_();
        var table = Positions.Table(16, (8, 8), 4).view(8, 8, 16);
        Near(table.narrow(0, 2, 3).narrow(1, 1, 5).flatten(0, 1).unsqueeze(0), patches.call(Draw(0, 1, 3, 6, 10)));
        Assert.Contains("pos_embed_max_size", Assert.Throws<ArgumentException>(() => patches.call(Draw(0, 1, 3, 18, 8))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MMDiT_WithPermutedText_SaysTheSame()
    {
        using var scope = NewDisposeScope();
        var (network, x, order) = (Trained(MMDiT), Draw(0, 2, 3, 8, 8), tensor([2L, 0, 3, 1]));
        var condition = Condition();
        Near(Run(network, x, condition), Run(network, x, condition with { Tokens = condition.Tokens!.index_select(1, order) }));
    }

    [Fact]
    public void MMDiT_WithMaskedTokens_SaysWhatItSaysWithoutThem()
    {
        using var scope = NewDisposeScope();
        var (network, x, condition) = (Trained(MMDiT), Draw(0, 2, 3, 8, 8), Condition());
        var masked = condition with { TokenMask = tensor([1f, 1, 0, 0]).expand(2, 4) };
        Near(Run(network, x, condition with { Tokens = condition.Tokens!.narrow(1, 0, 2) }), Run(network, x, masked));
    }

    [Fact]
    public void MMDiT_WithoutBlocks_DoesNotReadTheText()
    {
        using var scope = NewDisposeScope();
        var (network, x, condition) = (Trained(MMDiT), Draw(0, 2, 3, 8, 8), Condition() with { SkippedBlocks = [0, 1, 2] });
        Near(Run(network, x, condition), Run(network, x, condition with { Tokens = Draw(9, 2, 4, 10) }));
        Assert.True((Run(network, x, condition) - Run(network, x)).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void MMDiT_AddsResiduals_ButNotBehindTheLastBlock()
    {
        using var scope = NewDisposeScope();
        var (network, x, skipped) = (Trained(MMDiT), Draw(0, 2, 3, 8, 8), Condition() with { SkippedBlocks = [0, 1, 2] });
        var (residual, zero) = (Draw(5, 2, 16, 16), zeros(2, 16, 16));
        var once = Run(network, x, skipped with { BlockResiduals = [residual, zero, zero] });
        Near(once, Run(network, x, skipped with { BlockResiduals = [zero, residual, zero] }));
        Near(once, Run(network, x, skipped with { BlockResiduals = [residual / 2] }));
        Near(Run(network, x, skipped), Run(network, x, skipped with { BlockResiduals = [zero, zero, residual] }));
    }

    [Fact]
    public void MMDiT_WithoutAPooledText_TakesZeros()
    {
        using var scope = NewDisposeScope();
        var (network, x, condition) = (Trained(MMDiT), Draw(0, 2, 3, 8, 8), Condition());
        Near(Run(network, x, condition with { Pooled = null }), Run(network, x, condition with { Pooled = zeros(2, 6) }));
    }

    [Fact]
    public void MMDiT_WithoutText_SaysWhatIsMissing()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("Tokens", Assert.Throws<ArgumentException>(() => Run(MMDiT.Create(), Draw(0, 2, 3, 8, 8), Conditioning.None)).Message, StringComparison.Ordinal);
        Assert.Contains("[2, 4, 10]", Assert.Throws<ArgumentException>(() => Run(MMDiT.Create(), Draw(0, 2, 3, 8, 8), Condition() with { Tokens = zeros(2, 4, 11) })).Message, StringComparison.Ordinal);
        Assert.Contains("Pooled", Assert.Throws<ArgumentException>(() => Run(MMDiT.Create(), Draw(0, 2, 3, 8, 8), Condition() with { Pooled = zeros(2, 7) })).Message, StringComparison.Ordinal);
    }

    /// <summary>A network all of whose weights are random.</summary>
    private static DenoisingNetwork Trained(DenoiserConfig config)
    {
        using var _ = no_grad();
        var network = config.Create();
        foreach (var (parameter, i) in network.parameters().Select((parameter, i) => (parameter, i))) parameter.copy_(Draw(100 + i, parameter.shape) / Math.Sqrt(parameter.shape[^1]));
        return network;
    }

    private static Conditioning Condition() => new() { Classes = tensor([2L, 0]), Tokens = Draw(7, 2, 4, 10), Pooled = Draw(8, 2, 6) };

    private static Conditioning Part(Conditioning condition, int i) => new()
    {
        Classes = condition.Classes!.narrow(0, i, 1), Tokens = condition.Tokens!.narrow(0, i, 1), Pooled = condition.Pooled!.narrow(0, i, 1),
    };

    private static Tensor Run(DenoisingNetwork network, Tensor x, Conditioning? condition = null) => network.forward(x, tensor(new[] { 10f, 20f }), condition ?? Condition());

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
