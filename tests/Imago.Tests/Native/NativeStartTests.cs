using TorchSharp;

namespace Imago.Tests;

public class NativeStartTests
{
    [Fact]
    public void Start_OnThisMachine_LetsTorchCompute()
    {
        TorchRuntime.Start(new TorchOptions { Threads = 1 });
        Assert.Equal(6, torch.arange(4).sum().item<long>());
    }

    [Fact]
    public void Start_FromManyThreads_HappensOnce()
    {
        var first = TorchRuntime.Start();
        Assert.All(Enumerable.Range(0, 16).AsParallel().WithDegreeOfParallelism(4).Select(_ => TorchRuntime.Start()).ToList(), again => Assert.Same(first, again));
    }

    [Theory, InlineData(0), InlineData(-1)]
    public void Start_WithoutThreads_IsRefused(int threads) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TorchRuntime.Start(new TorchOptions { Threads = threads }));

    [Fact]
    public void Cores_AreAtLeastOneAndNoMoreThanProcessors() => Assert.InRange(Processor.Cores, 1, Environment.ProcessorCount);
}
