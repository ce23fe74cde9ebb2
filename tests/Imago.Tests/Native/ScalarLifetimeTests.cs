using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ScalarLifetimeTests
{
    /// <summary>Without Imago's care this throws or gives wrong numbers within a few thousand rounds.</summary>
    [Fact]
    public void Numbers_InTensorOperations_SurviveGarbageCollections()
    {
        Assert.SkipUnless(TorchRuntime.Start().HoldsScalars, "numbers are held on Linux x64 only");
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                for (int i = 0; i < 2000; i++) GC.KeepAlive(new byte[2000]);
                GC.Collect(0);
            }
        });
        collector.Start();
        try
        {
            using var scope = NewDisposeScope();
            var x = full(200_000, 2f);
            for (int round = 0; round < 8000; round++)
            {
                using var one = NewDisposeScope();
                var y = (x * 0.5 + 1.25).pow(2.0) * 3.0;
                Assert.Equal(15.1875f, y[0].item<float>());
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }
}
