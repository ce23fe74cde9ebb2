using Imago.Layers;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>denoisers --python PATH [--network NAME] [--precision fp32|bf16] [--threads N] [--rounds N] [--peer-optimizer default|fused]</c>: a training step of U-Nets and of
/// diffusion transformers by Imago, by Imago's unoptimised path (fp32, operations one by one, contiguous maps, TorchSharp's AdamW), and of diffusers' in PyTorch, as people run it and
/// with its allocator's thresholds raised; the four in turn, median ratios.
/// </summary>
internal static class DenoiserBenchmark
{
    private const int Classes = 10;

    private static readonly Dictionary<string, (DenoiserConfig Network, int Channels, int Side, int Batch, int StepsPerRound)> Networks = new()
    {
        ["unet-digits"] = (WithClasses(channels: 1, width: 32), 1, 28, 128, 3),       // about a million parameters on MNIST's pixels
        ["unet-latents"] = (WithTokens(channels: 4, width: 64), 4, 16, 32, 3),        // cross-attention on 16×16 latents
        ["dit-digits"] = (DiT(heads: 4, blocks: 6, channels: 1, side: 28, patch: 4), 1, 28, 128, 5),       // a narrow one on MNIST's pixels
        ["dit-latents"] = (DiT(heads: 6, blocks: 12, channels: 4, side: 16, patch: 2), 4, 16, 32, 2),      // the width and depth of DiT-S on 16×16 latents
    };

    internal static void Run(string[] args) => PeerComparison.Run(args, new PeerTopic("denoisers", "Training step of denoisers", "PyTorch and diffusers", Answer)
    {
        Networks = Networks.ToDictionary(entry => entry.Key, entry => (entry.Value.Batch, entry.Value.StepsPerRound)),
        HasPlainPath = true,
        Peer = name => ["denoiser_step.py", Networks[name].Network.ToJson(), $"{Networks[name].Side}", $"{Networks[name].Batch}"],
    });

    /// <summary>One step: noise is predicted from noisy images at random times, squared error, AdamW.</summary>
    private static void Answer(string name, string precision, int threads)
    {
        TorchRuntime.Start(new TorchOptions { Threads = threads });
        PlainPaths.AreTaken = precision == PeerComparison.PlainPath;
        var (config, channels, side, batch, _) = Networks[name];
        using var network = config.Create();
        using var optimizer = PlainPaths.AreTaken ? null : new AdamWConfig().Create(ParameterGroup.All(network));
        using var plainOptimizer = PlainPaths.AreTaken ? optim.AdamW(network.parameters(), 1e-4, weight_decay: 0.01) : null;
        using var x0 = rand(batch, channels, side, side);
        var condition = config is UNet2DConditionConfig { CrossAttentionDim: var width }
            ? new Conditioning { Tokens = randn(batch, 16, width[0]) }
            : new Conditioning { Classes = randint(0, Classes, [batch], dtype: int64) };
        var type = precision == "bf16" ? bfloat16 : float32;
        void Step()
        {
            using var scope = NewDisposeScope();
            var (epsilon, time) = (randn_like(x0), rand(batch));
            var alpha = (0.5 * Math.PI * time).cos().view(-1, 1, 1, 1);
            var sigma = (0.5 * Math.PI * time).sin().view(-1, 1, 1, 1);
            optimizer?.ZeroGrad();
            plainOptimizer?.zero_grad();
            var output = network.forward((alpha * x0 + sigma * epsilon).to(type), 1000 * time, condition);
            (output.to(float32) - epsilon).square().mean().backward();
            optimizer?.Step(1e-4);
            plainOptimizer?.step();
        }
        Worker.AnswerSteps(Step);
    }

    private static UNet2DConfig WithClasses(int channels, int width) => new()
    {
        InChannels = channels, OutChannels = channels, BlockOutChannels = [width, 2 * width, 2 * width], LayersPerBlock = 1, NormNumGroups = 8, AttentionHeadDim = 32, NumClassEmbeds = Classes,
        DownBlockTypes = ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"], UpBlockTypes = ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
    };

    private static UNet2DConditionConfig WithTokens(int channels, int width) => new()
    {
        InChannels = channels, OutChannels = channels, BlockOutChannels = [width, 2 * width], LayersPerBlock = 2, NormNumGroups = 16, AttentionHeadDim = 4, CrossAttentionDim = 128,
        DownBlockTypes = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"], UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    };

    private static DiTConfig DiT(int heads, int blocks, int channels, int side, int patch) =>
        new() { NumAttentionHeads = heads, AttentionHeadDim = 64, NumLayers = blocks, InChannels = channels, SampleSize = side, PatchSize = patch, NumEmbedsAdaNorm = Classes };
}
