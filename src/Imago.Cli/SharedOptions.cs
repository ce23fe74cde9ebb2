using System.CommandLine;
using System.CommandLine.Parsing;

namespace Imago.Cli;

/// <summary>Options that mean the same wherever they appear.</summary>
internal static class SharedOptions
{
    /// <summary>Where tensors live; every command takes it.</summary>
    internal static Option<string> Device { get; } = new("--device")
    {
        Description = "Where to compute: auto (a CUDA device if there is one), cpu, cuda or cuda:N.",
        HelpName = "DEVICE",
        Recursive = true,
        DefaultValueFactory = _ => "auto",
        Validators = { RequireDeviceName },
    };

    /// <summary>Threads of one operation; every command takes it.</summary>
    internal static Option<int?> Threads { get; } = new("--threads")
    {
        Description = "Threads of one tensor operation; the default suits the machine.",
        HelpName = "N",
        Recursive = true,
        CustomParser = ParsePositive,
    };

    /// <summary>No progress and no hints; every command takes it.</summary>
    internal static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Print results and errors only.", Recursive = true };

    /// <summary>Stack traces; every command takes it.</summary>
    internal static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };

    /// <summary>For commands with a machine-readable result: they add it themselves.</summary>
    internal static Option<bool> Json { get; } = new("--json") { Description = "Print one JSON document on the standard output instead of text." };

    internal static IReadOnlyList<Option> OfEveryCommand { get; } = [Device, Threads, Quiet, Verbose];

    private static void RequireDeviceName(OptionResult result)
    {
        var name = result.Tokens.Count > 0 ? result.Tokens[0].Value : "auto";
        if (name is "auto" or "cpu" or "cuda" || (name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), out var index) && index >= 0)) return;
        result.AddError($"--device is '{name}'; it must be auto, cpu, cuda or cuda:N.");
    }

    private static int? ParsePositive(ArgumentResult result)
    {
        if (int.TryParse(result.Tokens[0].Value, out var number) && number > 0) return number;
        result.AddError($"--threads is '{result.Tokens[0].Value}'; it must be a whole number, at least 1.");
        return null;
    }
}
