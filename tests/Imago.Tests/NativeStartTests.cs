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
}
