using System.Runtime.CompilerServices;
using TorchSharp;

namespace Imago;

/// <summary>How libtorch is started. Everything has a default that suits the machine.</summary>
public sealed record TorchOptions
{
    /// <summary>Threads for one operation; <see langword="null"/> means <c>OMP_NUM_THREADS</c>, or else all processors.</summary>
    public int? Threads { get; init; }
}

/// <summary>What <see cref="TorchRuntime.Start"/> found and did.</summary>
/// <param name="NativeLibrary">The library of TorchSharp that was loaded: the package's own, or the corrected copy.</param>
/// <param name="Corrected">Whether a corrected copy was needed because the C++ runtime is older than the one TorchSharp was built with.</param>
public sealed record TorchStartup(string NativeLibrary, bool Corrected);

/// <summary>
/// Starts libtorch on machines where TorchSharp alone does not load (Debian 12, Ubuntu 22.04), and sets its threads.
/// Runs by itself when the first type of this library is used; call <see cref="Start"/> earlier to choose options.
/// </summary>
public static class TorchRuntime
{
    private static readonly Lock Gate = new();
    private static TorchStartup? _startup;

    /// <summary>Starts libtorch, once; later calls only apply <see cref="TorchOptions.Threads"/>.</summary>
    /// <exception cref="ImagoException">The native libraries are missing or cannot be made to load; the message says what to do.</exception>
    public static TorchStartup Start(TorchOptions? options = null)
    {
        lock (Gate)
        {
            _startup ??= LibTorchSharpLoader.Load();
            if (options?.Threads is { } threads) torch.set_num_threads(threads);
            return _startup;
        }
    }

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
