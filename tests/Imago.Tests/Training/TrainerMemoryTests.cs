using Imago.Training;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

public class TrainerMemoryTests
{
    private const long Megabyte = 1 << 20;

    [Fact]
    public void Run_WhereMemoryIsLimited_SaysSoAndLeavesTheLimitUsable()
    {
        Assert.SkipUnless(TensorMemory.IsTracked, $"the allocator is not in use: {TorchRuntime.Start().Allocator}");
        var job = TinyRun.Job(folder: null, disturb: _ =>
        {
            zeros(64 * Megabyte / 4).Dispose();
            return 0;
        });
        TensorMemory.Trim();
        TensorMemory.LimitBytes = TensorMemory.ReservedBytes + 32 * Megabyte;
        try
        {
            Assert.Contains("64 MB more would exceed the limit", Assert.Throws<TensorMemoryException>(() => Trainer.Run(job, cancellationToken: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        }
        finally
        {
            TensorMemory.LimitBytes = null;
            TinyRun.Dispose(job);
        }
    }
}
