using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago;

/// <summary>What Imago runs on and how fast that computes.</summary>
public sealed record MachineReport
{
    /// <summary>Versions of Imago, TorchSharp, libtorch and .NET, by name.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>The operating system and its architecture.</summary>
    public required string Platform { get; init; }

    /// <summary>The processor's name.</summary>
    public required string Processor { get; init; }

    /// <summary>Physical cores that this process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Vector instruction sets that matter here.</summary>
    public required IReadOnlyList<string> InstructionSets { get; init; }

    /// <summary>The processor's caches as the system reports them; empty if it reports none.</summary>
    public required IReadOnlyList<string> Caches { get; init; }

    /// <summary>Where tensors can live: <c>cpu</c>, <c>cuda:0</c>, …</summary>
    public required IReadOnlyList<string> Devices { get; init; }

    /// <summary>Threads of one operation.</summary>
    public required int Threads { get; init; }

    /// <summary>What the start of libtorch found and did.</summary>
    public required TorchStartup Startup { get; init; }

    /// <summary>Memory of the machine, or what its container allows, in bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>The limit of tensor memory in bytes, if there is one.</summary>
    public required long? MemoryLimitBytes { get; init; }

    /// <summary>Arithmetic speed in 10⁹ floating-point operations per second, by kernel and precision.</summary>
    public required IReadOnlyDictionary<string, double> GigaflopsPerSecond { get; init; }

    /// <summary>Asks the machine, and measures its speed for about a second.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static MachineReport Measure(CancellationToken cancellation = default) => new()
    {
        Versions = new Dictionary<string, string>
        {
            ["Imago"] = Version(typeof(MachineReport)),
            ["TorchSharp"] = Version(typeof(torch)),
            ["libtorch"] = __version__,
            [".NET"] = Environment.Version.ToString(),
        },
        Platform = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}",
        Processor = Imago.Processor.Name,
        Cores = Imago.Processor.Cores,
        InstructionSets = Imago.Processor.InstructionSets,
        Caches = Imago.Processor.Caches,
        Devices = ["cpu", .. Enumerable.Range(0, cuda.is_available() ? cuda.device_count() : 0).Select(i => $"cuda:{i}")],
        Threads = get_num_threads(),
        Startup = TorchRuntime.Start(),
        MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        MemoryLimitBytes = TensorMemory.LimitBytes,
        GigaflopsPerSecond = MeasureSpeed(cancellation),
    };

    private static string Version(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    private static Dictionary<string, double> MeasureSpeed(CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var withoutGradients = no_grad();
        var speed = new Dictionary<string, double>();
        foreach (var (name, type) in (ReadOnlySpan<(string, ScalarType)>)[("bfloat16", ScalarType.BFloat16), ("float32", ScalarType.Float32)])
        {
            cancellation.ThrowIfCancellationRequested();
            var (a, b) = (ones(1024, 1024, dtype: type), ones(1024, 1024, dtype: type));
            speed[$"linear {name}"] = Rate(2 * 1024.0 * 1024 * 1024, () => nn.functional.linear(a, b));
            var (x, w) = (Convolution.ChannelsLast(ones(1, 128, 64, 64, dtype: type)), ones(128, 128, 3, 3, dtype: type));
            speed[$"convolution 3×3 {name}"] = Rate(2 * 9.0 * 128 * 128 * 64 * 64, () => Convolution.Conv2d(x, w, null, (1, 1), (1, 1)));
        }
        return speed;
    }

    /// <summary>The rate of the fastest run within a quarter of a second: what disturbs a run only makes it slower.</summary>
    private static double Rate(double operations, Func<Tensor> work)
    {
        work().Dispose();
        var best = TimeSpan.MaxValue;
        for (var total = Stopwatch.StartNew(); total.Elapsed < TimeSpan.FromSeconds(0.25);)
        {
            var run = Stopwatch.StartNew();
            work().Dispose();
            if (run.Elapsed < best) best = run.Elapsed;
        }
        return operations / best.TotalSeconds / 1e9;
    }
}
