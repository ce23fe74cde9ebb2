using System.Runtime.InteropServices;
using TorchSharp;

namespace Imago.Layers.Kernels;

/// <summary>
/// Shares work among as many threads as libtorch uses: on Linux those of libtorch's own OpenMP team, which would otherwise stand in the way of others (its threads
/// wait for work without sleeping for a while), elsewhere those of .NET's pool.
/// </summary>
internal static unsafe class ThreadTeam
{
    private static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Parallel = Find();

    /// <summary>Calls <paramref name="part"/> once for each number below <paramref name="count"/>; results must not depend on who does what.</summary>
    internal static void Run(int count, Action<int> part)
    {
        var threads = Math.Min(count, torch.get_num_threads());
        if (threads <= 1)
        {
            for (var i = 0; i < count; i++) part(i);
            return;
        }
        var work = new Work(count, part);
        if (Parallel is null)
        {
            System.Threading.Tasks.Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => work.Do());
        }
        else
        {
            var handle = GCHandle.Alloc(work);
            Parallel(&Member, (void*)GCHandle.ToIntPtr(handle), (uint)threads, 0);
            handle.Free();
        }
        work.ThrowIfFailed();
    }

    [UnmanagedCallersOnly]
    private static void Member(void* work) => ((Work)GCHandle.FromIntPtr((nint)work).Target!).Do();

    private static delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Find()
    {
        if (!OperatingSystem.IsLinux()) return null;
        foreach (System.Diagnostics.ProcessModule module in System.Diagnostics.Process.GetCurrentProcess().Modules)
        {
            if (!module.ModuleName.StartsWith("libgomp", StringComparison.Ordinal) || !NativeLibrary.TryLoad(module.FileName, out var library)) continue;
            if (NativeLibrary.TryGetExport(library, "GOMP_parallel", out var function)) return (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)function;
        }
        return null;
    }

    /// <summary>What is left to do.</summary>
    private sealed class Work(int count, Action<int> part)
    {
        private int _next = -1;
        private Exception? _failure;

        internal void Do()
        {
            try
            {
                for (var i = Interlocked.Increment(ref _next); i < count; i = Interlocked.Increment(ref _next)) part(i);
            }
#pragma warning disable CA1031 // An exception must not cross the native frames; it goes on in ThrowIfFailed.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _failure = e;
            }
        }

        internal void ThrowIfFailed()
        {
            if (_failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
        }
    }
}
