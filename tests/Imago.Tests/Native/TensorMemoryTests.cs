using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Imago's allocator behind libtorch (Linux x64).</summary>
public class TensorMemoryTests
{
    private const long Megabyte = 1 << 20;

    public TensorMemoryTests()
    {
        Assert.SkipUnless(TensorMemory.IsTracked, $"the allocator is not in use: {TorchRuntime.Start().Allocator}");
        GC.Collect();                       // what earlier tests left to the collector is not to be freed in the middle of this one
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void ClassOf_AnySize_IsTheSmallestClassThatHoldsIt() =>
        Gen.ULong[1, 1UL << 45].Sample(bytes =>
        {
            var sizeClass = CachingAllocator.ClassOf((nuint)bytes);
            Assert.True(CachingAllocator.DataBytes(sizeClass) >= bytes);
            Assert.True(sizeClass == 0 || CachingAllocator.DataBytes(sizeClass - 1) < bytes);
            Assert.True(CachingAllocator.DataBytes(sizeClass) <= Math.Max(bytes + 63, bytes + bytes / 8));
        });

    [Fact]
    public void LiveBytes_AfterATensorIsDisposed_ReturnToTheStart()
    {
        var before = TensorMemory.LiveBytes;
        using (zeros(10 * Megabyte / 4))
        {
            Assert.InRange(TensorMemory.LiveBytes - before, 10 * Megabyte, 10 * Megabyte * 9 / 8 + 8192);
        }
        Assert.Equal(before, TensorMemory.LiveBytes);
    }

    [Fact]
    public void PeakBytes_KeepTheLargestUntilReset()
    {
        TensorMemory.ResetPeak();
        var before = TensorMemory.LiveBytes;
        zeros(20 * Megabyte / 4).Dispose();
        zeros(2 * Megabyte / 4).Dispose();
        Assert.InRange(TensorMemory.PeakBytes - before, 20 * Megabyte, 23 * Megabyte);
        TensorMemory.ResetPeak();
        Assert.Equal(TensorMemory.LiveBytes, TensorMemory.PeakBytes);
    }

    [Fact]
    public void Trim_GivesBackWhatNoTensorHolds()
    {
        zeros(20 * Megabyte / 4).Dispose();
        Assert.True(TensorMemory.ReservedBytes - TensorMemory.LiveBytes >= 20 * Megabyte);
        Assert.True(TensorMemory.Trim() >= 20 * Megabyte);
        Assert.Equal(TensorMemory.LiveBytes, TensorMemory.ReservedBytes);
    }

    [Fact]
    public void FreedBlock_IsUsedAgainForTheSameSize()
    {
        zeros(20 * Megabyte / 4).Dispose();
        var reserved = TensorMemory.ReservedBytes;
        for (int i = 0; i < 10; i++) zeros(20 * Megabyte / 4).Dispose();
        Assert.Equal(reserved, TensorMemory.ReservedBytes);
    }

    [Fact]
    public void Limit_ThatATensorExceeds_IsAnErrorOneCanCatch()
    {
        TensorMemory.Trim();
        TensorMemory.LimitBytes = TensorMemory.ReservedBytes + 16 * Megabyte;
        try
        {
            using var small = zeros(8 * Megabyte / 4);
            var error = Assert.Throws<ExternalException>(() => zeros(64 * Megabyte / 4));
            Assert.Contains("64 MB more would exceed the limit", TensorMemory.Explain(error)!.Message, StringComparison.Ordinal);
            zeros(4 * Megabyte / 4).Dispose();
        }
        finally
        {
            TensorMemory.LimitBytes = null;
        }
        zeros(64 * Megabyte / 4).Dispose();
    }

    [Fact]
    public void Limit_KeptBlocksInTheWay_AreGivenBackFirst()
    {
        TensorMemory.Trim();
        TensorMemory.LimitBytes = TensorMemory.ReservedBytes + 24 * Megabyte;
        try
        {
            zeros(16 * Megabyte / 4).Dispose();
            zeros(20 * Megabyte / 4).Dispose();
        }
        finally
        {
            TensorMemory.LimitBytes = null;
        }
    }

    [Fact]
    public void Limit_GarbageInTheWay_IsCollectedFirst()
    {
        TensorMemory.Trim();
        TensorMemory.LimitBytes = TensorMemory.ReservedBytes + 64 * Megabyte;
        try
        {
            Discard(count: 3, 16 * Megabyte);
            zeros(32 * Megabyte / 4).Dispose();
        }
        finally
        {
            TensorMemory.LimitBytes = null;
        }
    }

    [Fact]
    public void Tensors_ThatAreNeverDisposed_DoNotPileUp()
    {
        TensorMemory.Trim();
        var before = TensorMemory.ReservedBytes;
        Discard(count: 3000, Megabyte);
        Assert.InRange(TensorMemory.ReservedBytes - before, 0, 1500 * Megabyte);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Discard(int count, long bytes)
    {
        for (int i = 0; i < count; i++) zeros(bytes / 4);
    }

    [Fact]
    public void Tensor_LargerThanAnyMachine_IsAnErrorOneCanCatch()
    {
        var before = TensorMemory.LiveBytes;
        var error = Assert.Throws<ExternalException>(() => empty(1L << 50));
        Assert.Contains("Not enough memory for tensors", TensorMemory.Explain(error)!.Message, StringComparison.Ordinal);
        Assert.Equal(before, TensorMemory.LiveBytes);
        Assert.Null(TensorMemory.Explain(Assert.Throws<ExternalException>(() => zeros(2).add(zeros(3)))));
    }

    [Fact]
    public void Tensors_OfManySizesOnManyThreads_KeepTheirValuesAndLeaveNothing()
    {
        var before = TensorMemory.LiveBytes;
        var errors = new System.Collections.Concurrent.ConcurrentBag<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(seed => new Thread(() => errors.AddIfThrown(() => Churn(seed))))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.Empty(errors);
        Assert.Equal(before, TensorMemory.LiveBytes);
        TensorMemory.Trim();
    }

    /// <summary>Tensors of 0 bytes to 100 MB, a few alive at a time, each filled with its own number; and gradients through autograd.</summary>
    private static void Churn(int seed)
    {
        var random = new Random(seed);
        var kept = new Queue<(Tensor Tensor, int Value)>();
        for (int i = 0; i < 400; i++)
        {
            var elements = (long)Math.Pow(2, random.NextDouble() * (i % 50 == 0 ? 24.6 : 18)) - 1;
            kept.Enqueue((full(elements, i, dtype: float32), i));
            if (kept.Count > 5)
            {
                var (tensor, value) = kept.Dequeue();
                using (tensor) Assert.True(HasOnly(tensor, value));
            }
            using var scope = NewDisposeScope();
            var x = full(random.Next(1, 3000), i + 1, dtype: float32).requires_grad_();
            (x * x).sum().backward();
            Assert.True(HasOnly(x.grad!, 2 * (i + 1)));
        }
        foreach (var (tensor, _) in kept) tensor.Dispose();
    }

    private static bool HasOnly(Tensor tensor, int value)
    {
        using var scope = NewDisposeScope();
        return tensor.eq(value).all().item<bool>();
    }

}

internal static class ErrorBag
{
    internal static void AddIfThrown(this System.Collections.Concurrent.ConcurrentBag<Exception> errors, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            errors.Add(e);
        }
    }
}
