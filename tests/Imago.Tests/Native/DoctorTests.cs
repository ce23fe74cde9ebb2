using System.Diagnostics;
using System.Text.Json;
using Imago.Cli;

namespace Imago.Tests;

/// <summary><c>imago doctor</c> in a process of its own: what it reports is settled when a process starts.</summary>
public class DoctorTests
{
    [Theory, InlineData("imago"), InlineData("default")]
    public async Task Doctor_WithEitherAllocator_ReportsItAndEndsCleanly(string allocator)
    {
        var (exitCode, output, error) = await RunDoctor("IMAGO_ALLOCATOR", allocator);
        Assert.Equal(("", 0), (error, exitCode));
        using var report = JsonDocument.Parse(output);
        var machine = report.RootElement.GetProperty("machine");
        Assert.Equal(1, machine.GetProperty("threads").GetInt32());
        var used = machine.GetProperty("startup").GetProperty("allocator").GetString()!;
        if (allocator == "default") Assert.Equal("libtorch (as asked for)", used);
        else if (OperatingSystem.IsLinux()) Assert.Equal("Imago", used);
        Assert.True(report.RootElement.GetProperty("kernels_are_right").GetBoolean());
    }

    [Fact]
    public async Task Doctor_WhereTheCorrectedLibraryCannotBeWritten_SaysOneSentence()
    {
        Assert.SkipUnless(TorchRuntime.Start().Corrected, "this system's C++ runtime needs no corrected library");
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("not-a-folder"), "");
        var (exitCode, output, error) = await RunDoctor("IMAGO_CACHE", folder.File("not-a-folder"));
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("set IMAGO_CACHE to a folder that can be written", Assert.Single(error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_WithAnUnknownAllocator_SaysOneSentence()
    {
        var (exitCode, _, error) = await RunDoctor("IMAGO_ALLOCATOR", "fast");
        Assert.Equal(1, exitCode);
        Assert.Contains("IMAGO_ALLOCATOR is \"fast\"; expected \"imago\" or \"default\"", Assert.Single(error.Trim().Split('\n')), StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunDoctor(string variable, string value)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(CliApp).Assembly.Location, "doctor", "--json", "--threads", "1"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [variable] = value },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
