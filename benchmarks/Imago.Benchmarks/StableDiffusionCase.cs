using Imago.Autoencoders;
using Imago.Layers;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>A network of Stable Diffusion at full size with random weights, and its inputs.</summary>
/// <param name="Config">As the hub has it, for both sides.</param>
/// <param name="Side">Side of the latents.</param>
/// <param name="Tokens">Tokens of the text; 0 for an autoencoder.</param>
internal sealed record StableDiffusionCase(string Config, int Side, int Tokens)
{
    /// <summary>By name: a step with guidance (two images at once), or one picture decoded.</summary>
    internal static IReadOnlyDictionary<string, StableDiffusionCase> All { get; } = new Dictionary<string, StableDiffusionCase>
    {
        ["sd15-256"] = new(Sd15.ToJson(), 32, 77),
        ["sd15-512"] = new(Sd15.ToJson(), 64, 77),
        ["sdxl-1024"] = new(Xl.ToJson(), 128, 77),
        ["sd3-512"] = new(Sd3.ToJson(), 64, 333),
        ["sd3-1024"] = new(Sd3.ToJson(), 128, 333),
        ["vae-256"] = new(VaeJson, 32, 0),
        ["vae-512"] = new(VaeJson, 64, 0),
        ["vae-1024"] = new(VaeJson, 128, 0),
    };

    /// <summary>The name of a small network, which starts and does not count.</summary>
    internal const string Small = "small";

    private const string VaeJson = """
        {"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4, "sample_size": 512,
         "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
         "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}
        """;

    private static UNet2DConditionConfig Tiny => new() { SampleSize = 16, BlockOutChannels = [32, 64, 64, 64], AttentionHeadDim = 4, CrossAttentionDim = 64 };

    private static UNet2DConditionConfig Sd15 => new() { SampleSize = 64, AttentionHeadDim = 8, CrossAttentionDim = 768 };

    private static UNet2DConditionConfig Xl => new()
    {
        SampleSize = 128, BlockOutChannels = [320, 640, 1280], DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], TransformerLayersPerBlock = new([1, 2, 10]), AttentionHeadDim = new([5, 10, 20]), CrossAttentionDim = 2048,
        UseLinearProjection = true, AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 256, ProjectionClassEmbeddingsInputDim = 2816,
    };

    private static MMDiTConfig Sd3 => new() { NumLayers = 24, NumAttentionHeads = 24, CaptionProjectionDim = 1536, PosEmbedMaxSize = 192 };

    internal static StableDiffusionCase Named(string name) => name == Small ? new(Tiny.ToJson(), 16, 77) : All[name];

    /// <summary>What the peer's script is told of it.</summary>
    internal IEnumerable<string> Arguments => [Config, $"{Side}", $"{Tokens}"];

    /// <summary>The work of one measurement, with everything made that it needs.</summary>
    internal Action Work(ScalarType type)
    {
        using var _ = InferenceWeights.In(type);
        if (Tokens == 0)
        {
            var autoencoder = Filled(DiffusersConfig.Parse(Config, "the benchmark").Create());
            var latents = randn(1, 4, Side, Side).to(type);
            return () => autoencoder.Decode(latents).Dispose();
        }
        var network = Filled(DenoiserConfig.Parse(Config).CreateEmpty(CPU));
        var (channels, width, pooled) = network.Config is MMDiTConfig joint
            ? (joint.InChannels, joint.JointAttentionDim, joint.PooledProjectionDim)
            : (4, ((UNet2DConditionConfig)network.Config).CrossAttentionDim[0], 1280);
        var (x, time) = (randn(2, channels, Side, Side).to(type), full(2, 500f));
        var condition = new Conditioning { Tokens = randn(2, Tokens, width).to(type), Pooled = randn(2, pooled).to(type), Sizes = full(2, 6, 1024f) };
        return () => network.forward(x, time, condition).Dispose();
    }

    private static T Filled<T>(T network)
        where T : nn.Module
    {
        using var _ = no_grad();
        foreach (var parameter in network.parameters()) parameter.uniform_(-0.02, 0.02);
        network.eval();
        return network;
    }
}
