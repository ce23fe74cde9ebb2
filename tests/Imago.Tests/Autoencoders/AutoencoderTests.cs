using Imago.Autoencoders;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Laws of every network.</summary>
public class AutoencoderTests
{
    internal static IReadOnlyDictionary<string, AutoencoderConfig> Networks { get; } = new Dictionary<string, AutoencoderConfig>
    {
        ["mlp"] = new MlpConfig { Channels = 1, Height = 6, Width = 5, Hidden = [12, 8], Latent = 3, LearnedSigma = true },
        ["mlp plain"] = new MlpConfig { Channels = 1, Height = 6, Width = 5, Hidden = [12], Latent = 3, Variational = false, Output = DecoderOutput.Mean },
        ["conv"] = new ConvConfig { Channels = 3, Height = 32, Width = 32, Widths = [8, 8, 8], Hidden = [16, 16], Latent = 4 },
        ["conv plain"] = new ConvConfig { Channels = 1, Height = 16, Width = 8, Widths = [8, 16], Hidden = [], Latent = 4, Variational = false },
        ["conv deep"] = new ConvConfig { Channels = 1, Height = 64, Width = 32, Widths = [4, 4, 8, 8, 8], Hidden = [16], Latent = 4, NormGroups = 2, Blocks = 1, Activation = Activation.Silu, LearnedSigma = true },
        ["kl"] = new KlConfig { BlockOutChannels = [8, 16], LayersPerBlock = 1, NormNumGroups = 4, SampleSize = 16, LearnedSigma = true },
        ["kl grey"] = new KlConfig { InChannels = 1, OutChannels = 1, BlockOutChannels = [8, 8, 8], LayersPerBlock = 2, NormNumGroups = 2, SampleSize = 16, UseQuantConv = false, UsePostQuantConv = false, MidBlockAddAttention = false },
        ["tiny"] = new TinyConfig { EncoderBlockOutChannels = [8, 8], DecoderBlockOutChannels = [8, 8], NumEncoderBlocks = [1, 1], NumDecoderBlocks = [1, 1], SampleSize = 16 },
        ["tiny pool"] = new TinyConfig { EncoderStem = [4, 8], EncoderBlockOutChannels = [8, 8], DecoderBlockOutChannels = [16, 8, 8, 8], NumEncoderBlocks = [1, 2], NumDecoderBlocks = [2, 1, 1, 1], LatentStagePool = true, SampleSize = 16 },
    };

    public static TheoryData<string> Names => [.. Networks.Keys];

    internal static Tensor Images(Autoencoder model, int count, ulong seed = 1)
    {
        var (height, width) = model.ImageSize;
        var x = rand([count, model.Channels, height, width], generator: new Generator(seed));
        return model.Pixels == PixelRange.MinusOneToOne ? 2 * x - 1 : x;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EncodeAndDecode_HaveTheShapesThatAreAnnounced(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Networks[name].Create();
        var x = Images(model, 2);
        var posterior = model.Encode(x);
        long[] latent = [2, .. model.LatentShape(model.ImageSize.Height, model.ImageSize.Width)];
        Assert.Equal(latent, posterior.Mean.shape);
        Assert.Equal(latent, posterior.LogVar.shape);
        Assert.Equal(x.shape, model.Decode(posterior.Mean).shape);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Config_WrittenAndRead_IsTheSame(string name)
    {
        var json = Networks[name].ToJson();
        Assert.Equal(json, AutoencoderConfig.Parse(json).ToJson());
        Assert.Contains($"\"network\": \"{name.Split(' ')[0]}\"", json, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Create_WithTheSameSeed_GivesTheSameWeightsAndLeavesTheGlobalGeneratorAlone(string name)
    {
        using var scope = NewDisposeScope();
        var before = get_rng_state();
        using var first = Networks[name].Create(7);
        using var second = Networks[name].Create(7);
        using var other = Networks[name].Create(8);
        Assert.True(get_rng_state().eq(before).all().item<bool>());
        Assert.All(first.parameters().Zip(second.parameters()), pair => Assert.True(pair.First.eq(pair.Second).all().item<bool>()));
        Assert.Contains(first.parameters().Zip(other.parameters()), pair => !pair.First.eq(pair.Second).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradient_ReachesEveryParameter(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Networks[name].Create();
        var x = Images(model, 2);
        var posterior = model.Encode(x);
        var loss = model.Decode(posterior.Sample(randn_like(posterior.Mean))).square().mean() + posterior.Kl().mean();
        if (model.LogSigma is { } logSigma) loss = loss + logSigma.square().sum() + logSigma.sum();
        loss.backward();
        foreach (var (key, parameter) in model.named_parameters())
        {
            Assert.True(parameter.grad is not null, $"{key} has no gradient");
            if (!key.EndsWith("to_k.bias", StringComparison.Ordinal)) Assert.True(parameter.grad!.abs().max().item<float>() > 0, $"{key} has a zero gradient");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EncodeAndDecode_UnderNoGradient_LeaveTheirResultsAlone(string name)
    {
        using var model = Networks[name].Create();
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        var x = Images(model, 1);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) model.Decode(model.Encode(x).Mean);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData("""{"network": "mlp", "channels": 1, "height": 4, "width": 4, "latent": 2, "hiden": [3]}""", "hiden")]
    [InlineData("""{"network": "mlp", "height": 4, "width": 4, "latent": 2}""", "channels")]
    [InlineData("""{"network": "diffusion"}""", "diffusion")]
    [InlineData("""{"network": "kl", "act_fn": 3}""", "act_fn")]
    [InlineData("[]", "configuration")]
    public void Parse_OfWhatIsNoConfiguration_NamesTheKey(string json, string named)
    {
        var error = Assert.Throws<CheckpointException>(() => AutoencoderConfig.Parse(json));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_WithAValueOutOfRange_NamesIt()
    {
        static string Message(AutoencoderConfig config) => Assert.Throws<ArgumentException>(() => config.Create()).Message;
        Assert.Contains("height is 30", Message(new ConvConfig { Channels = 1, Height = 30, Width = 32, Latent = 2 }), StringComparison.Ordinal);
        Assert.Contains("norm_num_groups", Message(new KlConfig { NormNumGroups = 0 }), StringComparison.Ordinal);
        Assert.Contains("block_out_channels is [48]", Message(new KlConfig { BlockOutChannels = [48] }), StringComparison.Ordinal);
        Assert.Contains("down_block_types", Message(new KlConfig { DownBlockTypes = ["AttnDownEncoderBlock2D"] }), StringComparison.Ordinal);
        Assert.Contains("latent is 0", Message(new MlpConfig { Channels = 1, Height = 4, Width = 4, Latent = 0 }), StringComparison.Ordinal);
        Assert.Contains("encoder_stem", Message(new TinyConfig { EncoderStem = [32] }), StringComparison.Ordinal);
    }

    [Fact]
    public void LatentShape_OfImagesThatDoNotFit_Explains()
    {
        using var kl = Networks["kl"].Create();
        using var mlp = Networks["mlp"].Create();
        Assert.Contains("multiples of 2", Assert.Throws<ArgumentException>(() => kl.LatentShape(15, 16)).Message, StringComparison.Ordinal);
        Assert.Contains("5×6", Assert.Throws<ArgumentException>(() => mlp.LatentShape(28, 28)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ConvKeys_OfTheDefaults_AreThoseOfDisentanglingVae()
    {
        using var model = new ConvConfig { Channels = 3, Height = 64, Width = 64, Latent = 10 }.Create();
        string[] layers =
        [
            "encoder.conv1", "encoder.conv2", "encoder.conv3", "encoder.conv_64", "encoder.lin1", "encoder.lin2", "encoder.mu_logvar_gen",
            "decoder.lin1", "decoder.lin2", "decoder.lin3", "decoder.convT_64", "decoder.convT1", "decoder.convT2", "decoder.convT3",
        ];
        Assert.Equal(layers.SelectMany(layer => new[] { $"{layer}.weight", $"{layer}.bias" }).Order(StringComparer.Ordinal), model.state_dict().Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Tiles_OfAPointwiseNetwork_GiveTheWholeResult()
    {
        using var scope = NewDisposeScope();
        var x = rand([1, 2, 50, 37], generator: new Generator(1));
        static Tensor Doubled(Tensor t) => nn.functional.interpolate(2 * t + 1, scale_factor: [2, 2]);
        Assert.True(Tiles.CrossFade(Doubled, x, 16, 32, 0.25).allclose(Doubled(x), 1e-5, 1e-5));
        Assert.True(Tiles.Feather(Doubled, x, 16, 32, 0.5).allclose(Doubled(x), 1e-5, 1e-5));
    }

    [Fact]
    public void TinyEncoderAlone_AskedToDecode_Explains()
    {
        using var model = new TinyConfig { EncoderBlockOutChannels = [8], NumEncoderBlocks = [1], NumDecoderBlocks = [], DecoderBlockOutChannels = [] }.Create();
        Assert.Throws<InvalidOperationException>(() => model.Decode(zeros(1, 4, 2, 2)));
    }
}
