using System.Diagnostics;
using System.Text.Json;
using Imago.Cli;

namespace Imago.Tests;

public class DoctorTests
{
    /// <summary>A process of its own: the allocator is chosen at its start, and it must end cleanly with memory still in libtorch's hands.</summary>
    [Theory, InlineData("imago"), InlineData("default")]
    public async Task Doctor_WithEitherAllocator_ReportsItAndEndsCleanly(string allocator)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(CliApp).Assembly.Location, "doctor", "--json", "--threads", "1"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["IMAGO_ALLOCATOR"] = allocator },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        using var report = JsonDocument.Parse(await output);
        Assert.Equal("", await error);
        Assert.Equal(0, process.ExitCode);
        var machine = report.RootElement.GetProperty("machine");
        Assert.Equal(1, machine.GetProperty("threads").GetInt32());
        var used = machine.GetProperty("startup").GetProperty("allocator").GetString()!;
        if (allocator == "default") Assert.Equal("libtorch (as asked for)", used);
        else if (OperatingSystem.IsLinux()) Assert.Equal("Imago", used);
        Assert.True(report.RootElement.GetProperty("kernels_are_right").GetBoolean());
    }
}
