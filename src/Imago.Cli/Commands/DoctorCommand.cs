using System.CommandLine;
using System.Globalization;

namespace Imago.Cli;

/// <summary><c>imago doctor</c>: what Imago runs on, how fast it is, and whether its numbers are right.</summary>
internal static class DoctorCommand
{
    internal static Command Create()
    {
        var command = new ImagoCommand(
            "doctor", "Report versions, devices, speed and memory, and check libtorch's kernels against float64.", "imago doctor", "imago doctor --json");
        command.Add(SharedOptions.Json);
        return command.Does(Run);
    }

    private static int Run(CommandContext context)
    {
        var machine = MachineReport.Measure(context.Cancellation);
        var kernels = KernelCheck.Run(context.Cancellation);
        var areRight = kernels.All(kernel => kernel.IsRight);
        if (context.IsJson) context.WriteJson(new { Machine = machine, Kernels = kernels, KernelsAreRight = areRight });
        Print(context, machine);
        PrintKernels(context, kernels);
        return areRight ? CliApp.Success : CliApp.Failure;
    }

    private static void Print(CommandContext context, MachineReport machine)
    {
        foreach (var (name, version) in machine.Versions) Line(name, version);
        Line("System", machine.Platform);
        Line("Processor", $"{machine.Processor}, {machine.Cores} cores, {Join(machine.InstructionSets)}");
        Line("Caches", machine.Caches.Count == 0 ? "none reported" : Join(machine.Caches));
        Line("Devices", Join(machine.Devices));
        Line("Threads", machine.Threads.ToString(CultureInfo.InvariantCulture));
        Line("Memory", $"{Gigabytes(machine.MemoryBytes)}, {(machine.MemoryLimitBytes is { } limit ? $"tensors limited to {Gigabytes(limit)}" : "no limit for tensors")}");
        Line("Allocator", machine.Startup.Allocator);
        Line("Numbers", machine.Startup.HoldsScalars ? "held while they are read" : "no (see docs/native.md)");
        Line("Library", machine.Startup.Corrected
            ? $"{machine.Startup.NativeLibrary} (a corrected copy: this system's C++ runtime is older than TorchSharp's)"
            : machine.Startup.NativeLibrary);
        foreach (var (kernel, rate) in machine.GigaflopsPerSecond) Line("Speed", string.Create(CultureInfo.InvariantCulture, $"{rate,6:0} GFLOP/s  {kernel}"));

        void Line(string name, string value) => context.Say($"{name,-11} {value}");
    }

    private static void PrintKernels(CommandContext context, IReadOnlyList<KernelResult> kernels)
    {
        KernelResult[] wrong = [.. kernels.Where(kernel => !kernel.IsRight)];
        context.Say(wrong.Length == 0
            ? $"{"Kernels",-11} all {kernels.Count} right against float64"
            : $"{"Kernels",-11} {wrong.Length} of {kernels.Count} WRONG against float64; do not train on this machine with them:");
        foreach (var kernel in wrong)
        {
            context.Say(string.Create(CultureInfo.InvariantCulture, $"{"",-11} {kernel.Kernel}, {kernel.Precision}: {kernel.Part} off by {kernel.Error:g2} (rounding explains {kernel.Tolerance:g1})"));
        }
    }

    private static string Join(IEnumerable<string> words) => string.Join(", ", words);

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GB");
}
