using Imago.Autoencoders;
using Imago.Images;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// <c>train --python PATH [--network mlp|conv|kl] [--precision fp32|bf16] [--threads N] [--rounds N] [--peer-optimizer default|fused]</c>: a training step of
/// Imago's networks and of the same ones in PyTorch, as people run it and with its allocator's thresholds raised; the three in turn, median ratios.
/// </summary>
internal static class TrainingBenchmark
{
    private static readonly Dictionary<string, (AutoencoderConfig Network, LikelihoodKind Likelihood, int Batch, int StepsPerRound)> Networks = new()
    {
        ["mlp"] = (new MlpConfig { Channels = 1, Height = 28, Width = 28, Latent = 50 }, LikelihoodKind.Bernoulli, 128, 20),
        ["conv"] = (new ConvConfig { Channels = 3, Height = 64, Width = 64, Latent = 32 }, LikelihoodKind.Bernoulli, 64, 5),
        ["kl"] = (new KlConfig { BlockOutChannels = [32, 64, 64], NormNumGroups = 8, SampleSize = 64 }, LikelihoodKind.Gaussian, 8, 2),
    };

    internal static void Run(string[] args) => PeerComparison.Run(args, new PeerTopic("train", "Training step", "PyTorch (and diffusers for kl)", Answer)
    {
        Networks = Networks.ToDictionary(entry => entry.Key, entry => (entry.Value.Batch, entry.Value.StepsPerRound)),
        Peer = network => ["train_step.py", network, $"{Networks[network].Batch}"],
    });

    private static void Answer(string network, string precision, int threads)
    {
        TorchRuntime.Start(new TorchOptions { Threads = threads });
        var (config, likelihood, batch, _) = Networks[network];
        using var model = config.Create();
        var objective = Objectives.Create(new ObjectiveConfig { Likelihood = likelihood });
        using var optimizer = new AdamWConfig().Create(ParameterGroup.All(model));
        using var x = rand(batch, model.Channels, model.ImageSize.Height, model.ImageSize.Width);
        using var noise = new Generator();
        var context = new ObjectiveContext(0, 1, batch, noise, precision == "bf16" ? bfloat16 : float32);
        void Step()
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            objective(model, x, context).Loss.backward();
            optimizer.Step(1e-3);
        }
        Worker.AnswerSteps(Step);
    }
}
