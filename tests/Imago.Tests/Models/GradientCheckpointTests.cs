using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class GradientCheckpointTests
{
    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Gradients_WithCheckpoints_AreBitEqual(string name)
    {
        using var scope = NewDisposeScope();
        using var network = SmallUNets.Trained(name);
        var (plain, checkpointed) = (Gradients(network, checkpoint: false), Gradients(network, checkpoint: true));
        Assert.Equal(plain.Keys, checkpointed.Keys);
        var differences = plain.Select(entry => (entry.Key, Difference: (entry.Value - checkpointed[entry.Key]).abs().max().item<float>())).Where(entry => entry.Difference != 0);
        Assert.True(!differences.Any(), string.Join(", ", differences));
    }

    [Fact]
    public void Training_WithCheckpoints_KeepsLess()
    {
        Assert.SkipUnless(TensorMemory.IsTracked, $"the allocator is not in use: {TorchRuntime.Start().Allocator}");
        using var network = SmallUNets.Trained("tokens");
        var (plain, checkpointed) = (Peak(network, checkpoint: false), Peak(network, checkpoint: true));
        Assert.InRange(checkpointed, 1, 0.6 * plain);
    }

    [Fact]
    public void Training_WithCheckpoints_LeavesNoTensors()
    {
        using var network = SmallUNets.Trained("tokens");
        Peak(network, checkpoint: true);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++) Peak(network, checkpoint: true);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    /// <summary>Gradients of every parameter and of the inputs, with the same dropout.</summary>
    private static Dictionary<string, Tensor> Gradients(DenoisingNetwork network, bool checkpoint)
    {
        network.CheckpointBlocks = checkpoint;
        network.zero_grad();
        var (x, time, condition) = SmallUNets.Batch(network);
        x.requires_grad_();
        condition.Tokens?.requires_grad_();
        using var state = get_rng_state();
        manual_seed(7);
        var y = network.forward(x, time, condition);
        y.square().sum().backward();
        set_rng_state(state);
        var gradients = network.named_parameters().Where(entry => entry.parameter.grad is not null).ToDictionary(entry => entry.name, entry => entry.parameter.grad!.clone());
        gradients["y"] = y.detach();
        gradients["x"] = x.grad!;
        if (condition.Tokens is { } tokens) gradients["tokens"] = tokens.grad!;
        return gradients;
    }

    /// <summary>Bytes that a step takes beyond what is there before.</summary>
    private static long Peak(DenoisingNetwork network, bool checkpoint)
    {
        using var scope = NewDisposeScope();
        network.CheckpointBlocks = checkpoint;
        network.zero_grad();
        var noise = randn(4, 4, 32, 32);
        var tokens = randn(4, 5, 12);
        var before = TensorMemory.LiveBytes;
        TensorMemory.ResetPeak();
        network.forward(noise, ones(4), new Conditioning { Tokens = tokens }).square().sum().backward();
        return TensorMemory.PeakBytes - before;
    }
}
