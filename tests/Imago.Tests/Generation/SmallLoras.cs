using Imago.Encoders;
using Imago.Generation.Lora;
using Imago.Layers;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Small networks, and files of low-rank changes of their layers.</summary>
internal static class SmallLoras
{
    internal const string Query = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q", Convolution = "down_blocks.0.resnets.0.conv2";
    internal const string TextQuery = "text_model.encoder.layers.1.self_attn.q_proj";

    private static readonly MMDiTConfig Joint = new()
    {
        SampleSize = 8, InChannels = 4, OutChannels = 4, NumLayers = 2, NumAttentionHeads = 2, AttentionHeadDim = 4, CaptionProjectionDim = 8, JointAttentionDim = 12, PooledProjectionDim = 6, PosEmbedMaxSize = 8,
        DualAttentionLayers = [0],
    };

    internal static DenoisingNetwork UNet() => SmallUNets.Trained("tokens");

    internal static DenoisingNetwork Transformer() => Joint.Create(seed: 4);

    internal static TextEncoder Text() =>
        new ClipTextConfig { HiddenSize = 8, IntermediateSize = 12, NumHiddenLayers = 2, NumAttentionHeads = 2, VocabSize = 20, EosTokenId = 19 }.Create(seed: 5);

    internal static IReadOnlyDictionary<LoraPart, nn.Module> Parts(DenoisingNetwork network, TextEncoder? text = null)
    {
        var parts = new Dictionary<LoraPart, nn.Module> { [LoraPart.Denoiser] = network };
        if (text is not null) parts[LoraPart.TextEncoder] = text;
        return parts;
    }

    internal static Tensor Weight(nn.Module network, string path) => ((IWeightedLayer)network.named_modules().First(entry => entry.name == path).module).Weight;

    internal static Tensor Draw(long seed, params long[] shape)
    {
        using var noise = new Generator((ulong)seed);
        return randn(shape, generator: noise);
    }

    /// <summary>B and A of some rank for a weight.</summary>
    internal static (Tensor Up, Tensor Down) Pair(Tensor weight, long rank = 2, long seed = 1) =>
        (Draw(seed, [weight.shape[0], rank, .. weight.shape[2..].Select(_ => 1L)]), Draw(seed + 1, [rank, .. weight.shape[1..]]));

    internal static string Write(TemporaryFolder folder, string name, IEnumerable<(string Key, Tensor Tensor)> tensors, params (string Key, string Text)[] metadata)
    {
        Safetensors.Write(folder.File(name), tensors.ToDictionary(entry => entry.Key, entry => entry.Tensor), metadata.ToDictionary(entry => entry.Key, entry => entry.Text));
        return folder.File(name);
    }

    /// <summary>A file that changes some layers, in PEFT's names.</summary>
    internal static string Write(TemporaryFolder folder, string name, nn.Module network, string prefix, IEnumerable<string> layers, long seed = 1) =>
        Write(folder, name, layers.SelectMany((layer, i) => Peft($"{prefix}.{layer}", Pair(Weight(network, layer), seed: seed + 10 * i))));

    internal static IEnumerable<(string, Tensor)> Peft(string layer, (Tensor Up, Tensor Down) pair) => [($"{layer}.lora_A.weight", pair.Down), ($"{layer}.lora_B.weight", pair.Up)];

    /// <summary>All weights, copied.</summary>
    internal static IReadOnlyDictionary<string, Tensor> Copy(nn.Module network) => network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());

    internal static void AssertSame(IReadOnlyDictionary<string, Tensor> expected, nn.Module network)
    {
        foreach (var (key, tensor) in network.state_dict()) Assert.True(tensor.Equals(expected[key]), key);
    }
}
