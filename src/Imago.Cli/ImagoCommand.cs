using System.CommandLine;
using System.CommandLine.Invocation;

namespace Imago.Cli;

/// <summary>A command of <c>imago</c>: its help ends with examples, its work gets a <see cref="CommandContext"/>, and its exceptions become sentences.</summary>
/// <param name="name">The word on the command line.</param>
/// <param name="description">What it does, for the help.</param>
/// <param name="examples">Command lines that work as they stand, for the help.</param>
internal sealed class ImagoCommand(string name, string description, params string[] examples) : Command(name, description)
{
    internal IReadOnlyList<string> Examples => examples;

    /// <summary>What else there is to know, a line each, for the command's own help.</summary>
    internal IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Adds <see cref="Notes"/>.</summary>
    internal ImagoCommand Explained(params string[] notes)
    {
        Notes = notes;
        return this;
    }

    /// <summary>Sets what the command does, on the calling thread.</summary>
    /// <param name="work">Returns the exit code. It may throw anything: see <see cref="CliApp.Run"/>.</param>
    /// <param name="usesTorch">Whether libtorch is started before, with the options of the command line.</param>
    internal ImagoCommand Does(Func<CommandContext, int> work, bool usesTorch = true)
    {
        Action = new CommandAction(work, usesTorch);
        return this;
    }

    /// <inheritdoc cref="Does(Func{CommandContext, int}, bool)"/>
    internal ImagoCommand Does(Action<CommandContext> work, bool usesTorch = true) => Does(
        context =>
        {
            work(context);
            return CliApp.Success;
        },
        usesTorch);
}

/// <summary>The work of an <see cref="ImagoCommand"/>.</summary>
internal sealed class CommandAction(Func<CommandContext, int> work, bool usesTorch) : SynchronousCommandLineAction
{
    internal int Run(CommandContext context)
    {
        if (usesTorch) context.StartTorch();
        return work(context);
    }

    public override int Invoke(ParseResult parseResult) =>
        Run(new CommandContext(parseResult, parseResult.InvocationConfiguration.Output, parseResult.InvocationConfiguration.Error, CancellationToken.None));
}
