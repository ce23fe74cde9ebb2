using Imago.Cli;

namespace Imago.Tests;

/// <summary>The command as a user calls it, in this process.</summary>
internal static class CommandLine
{
    internal static (int Code, string Output, string Error) Run(params IReadOnlyList<string> arguments)
    {
        using StringWriter output = new(), error = new();
        var code = CliApp.Run(arguments, output, error, TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }
}
