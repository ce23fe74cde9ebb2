using System.Runtime.InteropServices;

namespace Imago;

/// <summary>There is not enough memory for a tensor, or a limit set with <see cref="TensorMemory.LimitBytes"/> does not allow it.</summary>
public sealed class TensorMemoryException : ImagoException
{
    /// <inheritdoc cref="ImagoException(string, Exception?)"/>
    public TensorMemoryException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>
/// Memory of tensors on the CPU: how much they hold, how much is kept for the next ones, and how much they may take.
/// Amounts are in bytes of blocks, which are up to an eighth larger than the tensors in them.
/// </summary>
/// <remarks>
/// Counted by Imago's own allocator (<see cref="TorchStartup.Allocator"/>). Where that is not installed all amounts are zero and
/// no limit can be set.
/// </remarks>
public static class TensorMemory
{
    private const string Marker = "Not enough memory for tensors: ";

    /// <summary>Whether Imago's allocator is installed, and so whether the amounts mean anything.</summary>
    public static bool IsTracked { get; internal set; }

    /// <summary>What tensors hold now.</summary>
    public static long LiveBytes => CachingAllocator.Live;

    /// <summary>The largest <see cref="LiveBytes"/> since the start or <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => CachingAllocator.Peak;

    /// <summary>What was taken from the system: <see cref="LiveBytes"/> and the blocks kept for the next tensors.</summary>
    public static long ReservedBytes => CachingAllocator.Reserved;

    /// <summary>
    /// The most that <see cref="ReservedBytes"/> may reach; <see langword="null"/> for no limit. A tensor that needs more makes libtorch throw;
    /// <see cref="Explain"/> turns that into a <see cref="TensorMemoryException"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    /// <exception cref="ImagoException">Imago's allocator is not installed, so nothing can enforce the limit.</exception>
    public static long? LimitBytes
    {
        get => CachingAllocator.Limit == long.MaxValue ? null : CachingAllocator.Limit;
        set
        {
            if (value is { } limit) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
            if (value is not null && !IsTracked)
                throw new ImagoException($"A limit of tensor memory needs Imago's allocator, which is not in use ({TorchRuntime.Start().Allocator}).");
            CachingAllocator.Limit = value ?? long.MaxValue;
        }
    }

    /// <summary>Starts a new measurement of <see cref="PeakBytes"/> from what is live now.</summary>
    public static void ResetPeak() => CachingAllocator.ResetPeak();

    /// <summary>Gives the kept blocks back to the system, as between two jobs.</summary>
    /// <returns>How many bytes that were.</returns>
    public static long Trim() => CachingAllocator.Trim();

    /// <summary>Libtorch's error as a sentence for users, if it says that memory ran out; otherwise <see langword="null"/>.</summary>
    public static TensorMemoryException? Explain(Exception exception)
    {
        if (exception is not ExternalException) return null;
        var line = exception.Message.Split('\n').FirstOrDefault(text => text.Contains(Marker, StringComparison.Ordinal));
        if (line is not null) return new TensorMemoryException(line[line.IndexOf(Marker, StringComparison.Ordinal)..].TrimEnd(), exception);
        return exception.Message.Contains("DefaultCPUAllocator: ", StringComparison.Ordinal)
            ? new TensorMemoryException($"{Marker}the system gave no more; use a smaller batch or smaller images.", exception)
            : null;
    }

    internal static string FailureMessage(long bytes) => LimitBytes is { } limit && bytes > limit - LiveBytes
        ? $"{Marker}{ByteSize.Text(bytes)} more would exceed the limit of {ByteSize.Text(limit)} ({ByteSize.Text(LiveBytes)} are in use); use a smaller batch or smaller images, or raise the limit."
        : $"{Marker}the system gave no {ByteSize.Text(bytes)} more ({ByteSize.Text(LiveBytes)} are in use); use a smaller batch or smaller images.";
}
