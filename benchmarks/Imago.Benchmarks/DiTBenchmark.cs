using System.Diagnostics;
using System.Globalization;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>dit --python PATH [--size NAME] [--precision fp32|bf16] [--threads N] [--rounds N] [--peer-optimizer default|fused]</c>: a training step of a class-conditional
/// diffusion transformer by Imago and of diffusers' in PyTorch, as people run it and with its allocator's thresholds raised; the three in turn, median ratios.
/// </summary>
internal static class DiTBenchmark
{
    private static readonly Dictionary<string, (DiTConfig Network, int Batch, int StepsPerRound)> Sizes = new()
    {
        ["tiny"] = (Config(heads: 4, blocks: 6, channels: 1, side: 28, patch: 4), 128, 5),       // a narrow one on MNIST's pixels
        ["small"] = (Config(heads: 6, blocks: 12, channels: 4, side: 16, patch: 2), 32, 2),      // the width and depth of DiT-S on 16×16 latents
    };

    internal static void Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0].TrimStart('-'), pair => pair[1]);
        string Get(string name, string otherwise) => options.GetValueOrDefault(name, otherwise);
        var (precision, threads) = (Get("precision", "fp32"), Get("threads", "2"));
        if (options.TryGetValue("worker", out var size)) Answer(size, precision, int.Parse(threads, CultureInfo.InvariantCulture));
        else if (!options.TryGetValue("python", out var python)) Console.Error.WriteLine("Give --python PATH: an interpreter with PyTorch and diffusers.");
        else Compare(python, options.TryGetValue("size", out var one) ? [one] : [.. Sizes.Keys], precision, threads, Get("peer-optimizer", "default"), int.Parse(Get("rounds", "15"), CultureInfo.InvariantCulture));
    }

    private static void Compare(string python, IEnumerable<string> sizes, string precision, string threads, string peerOptimizer, int rounds)
    {
        PeerComparison.PrintHeader($"DiT training step, {precision}, {threads} threads");
        foreach (var size in sizes)
        {
            var (config, batch, steps) = Sizes[size];
            PeerComparison.Run(
                $"{size}, batch {batch}", ["dit", "--worker", size, "--precision", precision, "--threads", threads],
                python, ["dit_step.py", config.ToJson(), batch.ToString(CultureInfo.InvariantCulture), threads, precision, peerOptimizer], threads, steps, rounds);
        }
    }

    /// <summary>One step: noise is predicted from noisy images at random times, squared error, AdamW.</summary>
    private static void Answer(string size, string precision, int threads)
    {
        TorchRuntime.Start(new TorchOptions { Threads = threads });
        var (config, batch, _) = Sizes[size];
        using var network = config.Create();
        using var optimizer = new AdamWConfig().Create(ParameterGroup.All(network));
        using var x0 = rand(batch, config.InChannels, config.SampleSize, config.SampleSize);
        using var classes = randint(0, config.NumEmbedsAdaNorm, [batch], dtype: int64);
        var type = precision == "bf16" ? bfloat16 : float32;
        void Step()
        {
            using var scope = NewDisposeScope();
            var (epsilon, time) = (randn_like(x0), rand(batch));
            var alpha = (0.5 * Math.PI * time).cos().view(-1, 1, 1, 1);
            var sigma = (0.5 * Math.PI * time).sin().view(-1, 1, 1, 1);
            optimizer.ZeroGrad();
            var output = network.forward((alpha * x0 + sigma * epsilon).to(type), 1000 * time, new Conditioning { Classes = classes });
            (output.to(float32) - epsilon).square().mean().backward();
            optimizer.Step(1e-4);
        }
        for (int i = 0; i < 3; i++) Step();
        Worker.Answer(question =>
        {
            var steps = int.Parse(question, CultureInfo.InvariantCulture);
            var time = Stopwatch.StartNew();
            for (int i = 0; i < steps; i++) Step();
            return time.Elapsed / steps;
        });
    }

    private static DiTConfig Config(int heads, int blocks, int channels, int side, int patch) =>
        new() { NumAttentionHeads = heads, AttentionHeadDim = 64, NumLayers = blocks, InChannels = channels, SampleSize = side, PatchSize = patch, NumEmbedsAdaNorm = 10 };
}
