using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Imago;

/// <summary>What the processor is and can do.</summary>
internal static class Processor
{
    /// <summary>The name that the system gives it, with family and model where known; they differ between processors of one name.</summary>
    internal static string Name { get; } = Describe();

    /// <summary>Physical cores that this process may use: two hardware threads of one core share its arithmetic units.</summary>
    internal static int Cores { get; } = CountCores();

    /// <summary>Sizes of the caches as the system reports them (some virtual machines report none, and libtorch then tiles its work badly).</summary>
    internal static IReadOnlyList<string> Caches { get; } = [.. ReadCaches()];

    /// <summary>Vector instruction sets that matter to libtorch, as .NET sees them, and bfloat16 where the system reports it.</summary>
    internal static IReadOnlyList<string> InstructionSets { get; } = [.. Sets().Where(set => set.Present).Select(set => set.Name)];

    private static string Describe()
    {
        if (!OperatingSystem.IsLinux()) return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString();
        var name = Field("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        return Field("cpu family") is { } family ? $"{name}, family {family}, model {Field("model")}" : name;
    }

    private static int CountCores()
    {
        const string Folder = "/sys/devices/system/cpu";
        if (!Directory.Exists(Folder)) return Environment.ProcessorCount;
        var cores = Directory.EnumerateDirectories(Folder, "cpu*")
            .Select(cpu => Path.Combine(cpu, "topology", "thread_siblings_list"))
            .Where(File.Exists)
            .Select(File.ReadAllText)
            .Distinct()
            .Count();
        return cores == 0 ? Environment.ProcessorCount : Math.Min(cores, Environment.ProcessorCount);
    }

    private static IEnumerable<string> ReadCaches()
    {
        const string Folder = "/sys/devices/system/cpu/cpu0/cache";
        if (!Directory.Exists(Folder)) return [];
        return Directory.EnumerateDirectories(Folder, "index*").Order()
            .Where(cache => File.Exists(Path.Combine(cache, "size")))
            .Select(cache => $"L{Line(cache, "level")} {Line(cache, "type").ToLowerInvariant()} {Line(cache, "size")}");

        static string Line(string cache, string name) => File.ReadAllText(Path.Combine(cache, name)).Trim();
    }

    private static IEnumerable<(string Name, bool Present)> Sets()
    {
        var flags = OperatingSystem.IsLinux() ? Field("flags")?.Split(' ') ?? [] : [];
        return
        [
            ("AVX2", Avx2.IsSupported),
            ("AVX-512", Avx512BW.IsSupported),
            ("AVX512-BF16", flags.Contains("avx512_bf16")),
            ("AVX512-FP16", flags.Contains("avx512_fp16")),
            ("AMX-BF16", flags.Contains("amx_bf16")),
            ("NEON", AdvSimd.IsSupported),
        ];
    }

    private static string? Field(string name) => File.ReadLines("/proc/cpuinfo")
        .Select(line => line.Split(':', 2))
        .FirstOrDefault(pair => pair.Length == 2 && pair[0].Trim() == name)?[1].Trim();
}
