using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class KernelCheckTests
{
    [Fact]
    public void Run_OnThisMachine_FindsAllKernelsRight() =>
        Assert.DoesNotContain(KernelCheck.Run(TestContext.Current.CancellationToken), result => !result.IsRight);

    [Fact]
    public void Run_LeavesRandomStateThreadsAndTensorsAlone()
    {
        manual_seed(3);
        using var expected = rand(1);
        manual_seed(3);
        var (tensors, threads) = (Tensor.TotalCount, get_num_threads());
        KernelCheck.Run(TestContext.Current.CancellationToken);
        Assert.Equal(tensors, Tensor.TotalCount);
        Assert.Equal(threads, get_num_threads());
        using var next = rand(1);
        Assert.Equal(expected.item<float>(), next.item<float>());
    }

    [Theory, InlineData(1e-6, true), InlineData(0.3, false), InlineData(double.NaN, false), InlineData(double.PositiveInfinity, false)]
    public void IsRight_OnlyBelowTheTolerance(double error, bool isRight) =>
        Assert.Equal(isRight, new KernelResult("convolution", "float32", "output", error, 1e-5).IsRight);

    [Fact]
    public void Sentence_NamesTheKernelAndARemedy()
    {
        var sentence = KernelCheck.Sentence([new KernelResult("convolution 3×3 64→3", "float32", "gradient of input 1", 0.23, 1e-5)]);
        Assert.Contains("convolution 3×3 64→3 in float32, gradient of input 1", sentence, StringComparison.Ordinal);
        Assert.Contains("imago doctor", sentence, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', sentence);
    }

    [Fact]
    public void EnsureRight_MeasuresOnceAndNotesIt()
    {
        using var cache = new OwnCache();
        KernelCheck.EnsureRight(TestContext.Current.CancellationToken);
        var note = Assert.Single(Directory.EnumerateFiles(Path.Combine(cache.Path, "kernels")));
        Assert.Contains("processor", File.ReadAllText(note), StringComparison.Ordinal);

        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        KernelCheck.EnsureRight(cancelled.Token);            // would throw if it measured again
        File.Delete(note);
        Assert.Throws<OperationCanceledException>(() => KernelCheck.EnsureRight(cancelled.Token));
    }

    [Fact]
    public void EnsureRight_WithACacheThatCannotBeWritten_StillMeasures()
    {
        using var cache = new OwnCache();
        File.WriteAllText(Path.Combine(cache.Path, "kernels"), "a file where the folder should be");
        KernelCheck.EnsureRight(TestContext.Current.CancellationToken);
    }
}
