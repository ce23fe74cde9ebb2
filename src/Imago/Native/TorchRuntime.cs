using System.Globalization;
using System.Runtime.CompilerServices;
using TorchSharp;

namespace Imago;

/// <summary>How libtorch is started. Everything has a default that suits the machine.</summary>
public sealed record TorchOptions
{
    /// <summary>Threads for one operation; <see langword="null"/> means <c>OMP_NUM_THREADS</c>, or else the number of physical cores.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Whether tensors take their memory from Imago's own allocator, which keeps freed blocks (where it can be installed: Linux x64).
    /// The environment variable <c>IMAGO_ALLOCATOR=default</c> turns it off too. Only the first start looks at this.
    /// </summary>
    public bool CachingAllocator { get; init; } = true;

    /// <summary>The most memory that tensors on the CPU may take, in bytes; <see langword="null"/> leaves <see cref="TensorMemory.LimitBytes"/> as it is.</summary>
    public long? MemoryLimitBytes { get; init; }
}

/// <summary>What <see cref="TorchRuntime.Start"/> found and did.</summary>
/// <param name="NativeLibrary">The library of TorchSharp that was loaded: the package's own, or the corrected copy.</param>
/// <param name="Corrected">Whether a corrected copy was needed because the C++ runtime is older than the one TorchSharp was built with.</param>
/// <param name="Allocator">Where tensors on the CPU take their memory: <c>Imago</c>, or <c>libtorch</c> with the reason in brackets.</param>
/// <param name="Threads">Threads for one operation at the start.</param>
/// <param name="HoldsScalars">Whether numbers in tensor operations are kept from being freed while they are read (see docs/native.md).</param>
public sealed record TorchStartup(string NativeLibrary, bool Corrected, string Allocator, int Threads, bool HoldsScalars);

/// <summary>
/// Starts libtorch on machines where TorchSharp alone does not load (Debian 12, Ubuntu 22.04), gives it Imago's allocator, and sets its threads.
/// Runs by itself when the first type of this library is used; call <see cref="Start"/> earlier to choose options.
/// </summary>
public static class TorchRuntime
{
    private static readonly Lock Gate = new();
    private static TorchStartup? _startup;

    /// <summary>Starts libtorch, once; later calls only apply <see cref="TorchOptions.Threads"/> and <see cref="TorchOptions.MemoryLimitBytes"/>.</summary>
    /// <exception cref="ImagoException">The native libraries are missing or cannot be made to load; the message says what to do.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of threads or a limit is not positive.</exception>
    public static TorchStartup Start(TorchOptions? options = null)
    {
        if (options?.Threads is { } wanted) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(wanted, nameof(options));
        lock (Gate)
        {
            _startup ??= FirstStart(options ?? new TorchOptions());
            if (options?.Threads is { } threads) torch.set_num_threads(threads);
            if (options?.MemoryLimitBytes is { } limit) TensorMemory.LimitBytes = limit;
            return _startup;
        }
    }

    private static TorchStartup FirstStart(TorchOptions options)
    {
        var (library, corrected) = LibTorchSharpLoader.Load();
        var holdsScalars = ScalarLifetime.Install(library);
        var obstacle = UsesCachingAllocator(options) ? AllocatorHook.Install() : "as asked for";
        TensorMemory.IsTracked = obstacle is null;
        var threads = options.Threads ?? DefaultThreads();
        torch.set_num_threads(threads);
        return new TorchStartup(library, corrected, obstacle is null ? "Imago" : $"libtorch ({obstacle})", threads, holdsScalars);
    }

    private static bool UsesCachingAllocator(TorchOptions options) =>
        options.CachingAllocator && Environment.GetEnvironmentVariable("IMAGO_ALLOCATOR") switch
        {
            null or "" or "imago" => true,
            "default" => false,
            var other => throw new ImagoException($"IMAGO_ALLOCATOR is \"{other}\"; expected \"imago\" or \"default\"."),
        };

    private static int DefaultThreads() =>
        int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), NumberStyles.None, CultureInfo.InvariantCulture, out var threads) && threads > 0
            ? threads
            : Processor.Cores;

    /// <summary>True in programs that call <see cref="Start"/> themselves (run-time option <c>Imago.DeferNativeStart</c>).</summary>
    private static bool IsDeferred => AppContext.TryGetSwitch("Imago.DeferNativeStart", out var deferred) && deferred;

#pragma warning disable CA2255 // A library that must act before the first tensor has no other place.
    [ModuleInitializer]
    internal static void OnLoad()
    {
        if (!IsDeferred) Start();
    }
#pragma warning restore CA2255
}
