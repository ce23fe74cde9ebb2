using System.Diagnostics;
using Imago.Golden;

namespace Imago.Tests;

/// <summary>Every program in <c>samples/</c> runs, in its tiny mode, and ends with the line that it announces in a comment: <c>// Last line: …</c>.</summary>
public class SamplesTests
{
    private const string Announcement = "// Last line: ", ModelVariable = "IMAGO_SAMPLE_MODEL";

    /// <summary>A tiny published model, where the folder of reference numbers has one.</summary>
    private static string? Model => GoldenFolder.Find() is { } golden && Path.Combine(golden, "pipelines", "hub", "sd15") is var folder && Directory.Exists(folder) ? folder : null;

    private static string Folder => Path.Combine(GoldenFolder.Repository()!, "samples");

    public static TheoryData<string> Programs => [.. Directory.GetFiles(Folder, "*.cs").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Sample_Runs_AndEndsAsItAnnounces(string name)
    {
        var path = Path.Combine(Folder, name);
        var lines = File.ReadAllLines(path);
        Assert.True(lines.Length < 100, $"{name} has {lines.Length} lines; a sample has one idea and fewer than 100.");
        var announced = Assert.Single(lines, line => line.StartsWith(Announcement, StringComparison.Ordinal))[Announcement.Length..];

        var needsModel = lines.Any(line => line.Contains(ModelVariable, StringComparison.Ordinal));
        Assert.SkipWhen(needsModel && Model is null, "the sample needs a published model, and there is none beside the repository");
        var folder = Directory.CreateTempSubdirectory("imago-sample");
        try
        {
            var (code, output, error) = Run(path, folder.FullName);
            Assert.True(code == 0, $"{name} ended with {code}: {error}{output}");
            Assert.Equal(announced, output.TrimEnd().Split('\n')[^1].TrimEnd());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int Code, string Output, string Error) Run(string program, string workingDirectory)
    {
        var start = new ProcessStartInfo("dotnet", ["run", program, "--", "--tiny"])
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Model is { } model) start.Environment[ModelVariable] = model;
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["UseSharedCompilation"] = "true";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
