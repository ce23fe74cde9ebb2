using Imago.Generation;

namespace Imago.Tests;

public class GenerationWorkerTests
{
    private static readonly GenerationRequest Request = new() { Steps = 3, Pictures = PictureWish.Many(new Condition { ClassName = "bright" }, 2, seed: 4) };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pictures_AreThoseOfTheGenerator_InTheOrderOfTheRequests()
    {
        using var model = TinyDiffusion.Model();
        var expected = ImageGenerator.Generate(model, Request, cancellationToken: Cancellation);
        await using var worker = new GenerationWorker(TinyDiffusion.Model());
        var results = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => worker.GenerateAsync(Request, cancellationToken: Cancellation)));
        Assert.All(results, pictures => Assert.Equal(expected.Select(picture => picture.Image.Pixels), pictures.Select(picture => picture.Image.Pixels)));
        Assert.Equal(0, worker.Waiting);
    }

    [Fact]
    public async Task Request_CancelledAtAStep_LeavesTheWorkerUsable()
    {
        await using var worker = new GenerationWorker(TinyDiffusion.Model());
        using var stop = new CancellationTokenSource();
        var steps = new StopAfter(2, stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => worker.GenerateAsync(Request with { Steps = 10_000 }, steps, stop.Token));
        Assert.Equal(2, (await worker.GenerateAsync(Request, cancellationToken: Cancellation)).Count);
    }

    [Fact]
    public async Task Request_CancelledWhileItWaits_EndsAtOnce_AndIsNeverDrawn()
    {
        await using var worker = new GenerationWorker(TinyDiffusion.Model());
        using var gate = new Gate();
        using var stop = new CancellationTokenSource();
        var first = worker.GenerateAsync(Request, gate, Cancellation);
        var second = worker.GenerateAsync(Request, new Never(), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(first.IsCompleted);
        gate.Open();
        Assert.Equal(2, (await first).Count);
    }

    [Fact]
    public async Task Request_ThatCannotBe_FailsAlone()
    {
        await using var worker = new GenerationWorker(TinyDiffusion.Model());
        var error = await Assert.ThrowsAsync<ArgumentException>(() => worker.GenerateAsync(Request with { Sampler = "none of them" }, cancellationToken: Cancellation));
        Assert.Contains("none of them", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await worker.GenerateAsync(Request, cancellationToken: Cancellation)).Count);
    }

    [Fact]
    public async Task Dispose_CancelsWhatIsDrawnAndWhatWaits()
    {
        var worker = new GenerationWorker(TinyDiffusion.Model());
        var first = worker.GenerateAsync(Request with { Steps = 100_000 }, cancellationToken: Cancellation);
        var second = worker.GenerateAsync(Request, cancellationToken: Cancellation);
        await worker.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => worker.GenerateAsync(Request, cancellationToken: Cancellation));
    }

    private sealed class StopAfter(int steps, CancellationTokenSource stop) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            if (value.Done >= steps) stop.Cancel();
        }
    }

    /// <summary>Holds the worker at its first step until it is opened.</summary>
    private sealed class Gate : IProgress<WorkProgress>, IDisposable
    {
        private readonly ManualResetEventSlim _open = new();

        public void Report(WorkProgress value) => _open.Wait(Cancellation);

        public void Open() => _open.Set();

        public void Dispose() => _open.Dispose();
    }

    private sealed class Never : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => throw new InvalidOperationException("A cancelled request is drawn.");
    }
}
