using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;

namespace Imago.Cli;

/// <summary>The program <c>imago</c> without its process: reads a command line, runs the command, and says in one sentence what went wrong.</summary>
internal static class CliApp
{
    internal const int Success = 0, Failure = 1, BadUsage = 2, Interrupted = 130;

    private static readonly Lazy<RootCommand> Root = new(() => CreateRoot(Program.Commands()));

    /// <summary>Runs one command line.</summary>
    /// <returns>0: done; 1: something outside the program failed; 2: bad usage; 130: cancelled.</returns>
    internal static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken cancellation = default) =>
        Run(Root.Value, args, output, error, cancellation);

    /// <inheritdoc cref="Run(IReadOnlyList{string}, TextWriter, TextWriter, CancellationToken)"/>
    internal static int Run(RootCommand root, IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        var line = root.Parse(args);
        if (line.Action is ParseErrorAction) return ReportBadUsage(line, error);
        try
        {
            if (line.Action is CommandAction action) return action.Run(new CommandContext(line, output, error, cancellation));
            return line.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (Exception e)
        {
            return Report(e, error, withStackTrace: line.GetValue(SharedOptions.Verbose), cancellation);
        }
    }

    /// <summary>The command <c>imago</c> with these commands in it.</summary>
    internal static RootCommand CreateRoot(IEnumerable<Command> commands)
    {
        var root = new RootCommand("Imago: train, sample, explore and measure generative image models.") { HelpName = "imago" };
        foreach (var command in commands) root.Add(command);
        foreach (var option in SharedOptions.OfEveryCommand) root.Add(option);
        var help = root.Options.OfType<HelpOption>().Single();
        var standard = (HelpAction)help.Action!;
        help.Action = new HelpWithExamples(standard, clearsParseErrors: true);
        root.Action = new HelpWithExamples(standard, clearsParseErrors: false);     // `imago` alone is a question, `imago nonsense` is not
        return root;
    }

    private static int ReportBadUsage(ParseResult line, TextWriter error)
    {
        foreach (var message in line.Errors.Select(Sentence).Distinct()) error.WriteLine($"error: {message}");
        foreach (var word in line.UnmatchedTokens.Take(1))
        {
            if (Spelling.Closest(word, Words(line)) is { } meant) error.WriteLine($"Did you mean '{meant}'?");
        }
        error.WriteLine($"See `{string.Join(' ', Path(line.CommandResult.Command))} --help`.");
        return BadUsage;
    }

    /// <summary>What could stand where the unmatched word stands: names of commands and options.</summary>
    private static IEnumerable<string> Words(ParseResult line)
    {
        var command = line.CommandResult.Command;
        return command.Subcommands.Select(sub => sub.Name)
            .Concat(command.Options.Concat(SharedOptions.OfEveryCommand).SelectMany(option => option.Aliases.Append(option.Name)));
    }

    private static IEnumerable<string> Path(Command command) => command is RootCommand root
        ? [root.HelpName ?? root.Name]
        : [.. command.Parents.OfType<Command>().Take(1).SelectMany(Path), command.Name];

    /// <summary>The message with the option that it is about.</summary>
    private static string Sentence(ParseError e)
    {
        var message = Plain(e.Message);
        var option = e.SymbolResult as OptionResult ?? e.SymbolResult?.Parent as OptionResult;
        return option is null || message.Contains(option.Option.Name, StringComparison.Ordinal) ? message : $"{option.Option.Name}: {message}";
    }

    /// <summary>System.CommandLine names .NET types in its messages; users know numbers.</summary>
    private static string Plain(string message) => message
        .Replace("as expected type 'System.Int32'", "as a whole number", StringComparison.Ordinal)
        .Replace("as expected type 'System.Int64'", "as a whole number", StringComparison.Ordinal)
        .Replace("as expected type 'System.Double'", "as a number", StringComparison.Ordinal)
        .Replace("as expected type 'System.Boolean'", "as true or false", StringComparison.Ordinal);

    private static int Report(Exception thrown, TextWriter error, bool withStackTrace, CancellationToken cancellation)
    {
        var e = Unwrap(thrown);
        var (code, message) = e switch
        {
            OperationCanceledException when cancellation.IsCancellationRequested => (Interrupted, "interrupted."),
            ArgumentException argument => (BadUsage, WithoutParameterName(argument)),
            ImagoException => (Failure, e.Message),
            IOException or UnauthorizedAccessException => (Failure, e.Message),
            ExternalException when TensorMemory.Explain(e) is { } memory => (Failure, memory.Message),
            ExternalException => (Failure, $"libtorch failed: {FirstLine(e.Message)}"),
            OutOfMemoryException => (Failure, "there is not enough memory; try smaller images or a smaller batch."),
            _ => (Failure, $"unexpected {e.GetType().Name}: {FirstLine(e.Message)} Please report it; --verbose shows where it happened."),
        };
        error.WriteLine($"error: {message}");
        if (withStackTrace) error.WriteLine(thrown);
        return code;
    }

    /// <summary>The exception that tells what happened, inside those that only tell where.</summary>
    private static Exception Unwrap(Exception e) => e switch
    {
        TypeInitializationException or System.Reflection.TargetInvocationException when e.InnerException is { } cause => Unwrap(cause),
        AggregateException { InnerExceptions.Count: > 0 } several => Unwrap(several.InnerExceptions[0]),
        _ => e,
    };

    private static string WithoutParameterName(ArgumentException e) =>
        FirstLine(e.ParamName is { } name ? e.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : e.Message);

    private static string FirstLine(string message) => message.Split('\n', 2)[0].TrimEnd();

    private sealed class HelpWithExamples(HelpAction inner, bool clearsParseErrors) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => clearsParseErrors;

        public override int Invoke(ParseResult parseResult)
        {
            inner.Invoke(parseResult);
            if (parseResult.CommandResult.Command is not ImagoCommand command) return Success;
            var output = parseResult.InvocationConfiguration.Output;
            Section("Notes:", command.Notes);
            Section("Examples:", command.Examples);
            return Success;

            void Section(string title, IReadOnlyList<string> lines)
            {
                if (lines.Count == 0) return;
                output.WriteLine(title);
                foreach (var text in lines) output.WriteLine($"  {text}");
                output.WriteLine();
            }
        }
    }
}
