using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Imago.Cli.Commands;

namespace Imago.Cli;

internal static class Program
{
    /// <summary>The commands of <c>imago</c>, in the order of its help.</summary>
    internal static IEnumerable<Command> Commands() =>
    [
        DemoCommand.Create(),
        DataCommand.Create(),
        TrainCommand.Create(),
        EvaluateCommand.Create(),
        ReconstructCommand.Create(),
        GenerateCommand.Create(),
        ClassifyCommand.Create(),
        ExportCommand.Create(),
        SampleCommand.Create(),
        InterpolateCommand.Create(),
        TraverseCommand.Create(),
        EditCommand.Create(),
        MapCommand.Create(),
        InspectCommand.Create(),
        DownloadCommand.Create(),
        DoctorCommand.Create(),
    ];

    private static int Main(string[] args)
    {
        if (Console.IsOutputRedirected || OperatingSystem.IsWindows()) Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        using var interrupt = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        return CliApp.Run(args, Console.Out, Console.Error, interrupt.Token);

        // The first signal asks the command to finish what it must; the second one kills.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !interrupt.IsCancellationRequested;
            interrupt.Cancel();
        }
    }
}
