using Imago.Layers;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class InferenceWeightsTests
{
    private static readonly UNet2DConditionConfig Text = new()
    {
        InChannels = 4, OutChannels = 4, BlockOutChannels = [32, 64], LayersPerBlock = 1, NormNumGroups = 8, AttentionHeadDim = 4, CrossAttentionDim = 32,
        DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"], UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
    };

    private static readonly MMDiTConfig Joint = new()
    {
        SampleSize = 16, InChannels = 4, OutChannels = 4, NumLayers = 2, NumAttentionHeads = 2, AttentionHeadDim = 32, JointAttentionDim = 32, CaptionProjectionDim = 64, PooledProjectionDim = 32,
        PosEmbedMaxSize = 24, QkNorm = "rms_norm",
    };

    public static TheoryData<DenoiserConfig> Networks => [Text, Joint];

    /// <summary>What is held in bfloat16 gives to the bit what is converted at every step.</summary>
    [Theory]
    [MemberData(nameof(Networks))]
    public void HeldNetwork_Computes_AsTheOneThatConvertsItsWeights(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var network = Fresh(config);
        var before = Output(network, bfloat16);
        InferenceWeights.Hold(network, ScalarType.BFloat16);
        Assert.Equal(before.bytes.ToArray(), Output(network, bfloat16).bytes.ToArray());
        Assert.All(network.named_parameters().Where(entry => entry.parameter.dim() > 1 && !entry.name.Contains("pos_embed.pos")), entry => Assert.Equal(ScalarType.BFloat16, entry.parameter.dtype));
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void NetworkBuiltForAFile_HoldsItsRoundedWeights(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var network = Fresh(config);
        DenoisingNetwork held;
        using (InferenceWeights.In(ScalarType.BFloat16)) held = config.CreateEmpty(CPU);
        ModuleWeights.Load(held, network.state_dict());
        held.eval();
        Assert.Equal(Output(network, bfloat16).bytes.ToArray(), Output(held, bfloat16).bytes.ToArray());
    }

    /// <summary>
    /// Each of some tens of roundings in a row moves a number by at most half a unit in the last place of bfloat16, 2⁻⁹ of it, and they are independent: the root mean square
    /// error stays within four units.
    /// </summary>
    [Theory]
    [MemberData(nameof(Networks))]
    public void NetworkInBFloat16_IsWithinFourUnitsInTheLastPlace(DenoiserConfig config)
    {
        using var scope = NewDisposeScope();
        var network = Fresh(config);
        var (exact, rounded) = (Output(network, float32), Output(network, bfloat16).to(float32));
        Assert.True(((rounded - exact).square().mean().sqrt() / exact.square().mean().sqrt()).item<float>() < 4 * Math.Pow(2, -8));
    }

    private static DenoisingNetwork Fresh(DenoiserConfig config)
    {
        var network = config.Create(seed: 3);
        using var _ = no_grad();
        using var generator = new Generator(4);
        foreach (var parameter in network.parameters().Where(parameter => parameter.dim() > 1)) parameter.copy_(randn(parameter.shape, generator: generator) / Math.Sqrt(parameter.numel() / parameter.shape[0]));
        network.eval();
        return network;
    }

    private static Tensor Output(DenoisingNetwork network, ScalarType type)
    {
        using var _ = no_grad();
        using var generator = new Generator(5);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator);
        var condition = new Conditioning { Tokens = Draw(2, 7, 32), Pooled = Draw(2, 32) };
        return network.forward(Draw(2, 4, 16, 16).to(type), tensor([250f, 600f]), condition).contiguous();
    }
}
