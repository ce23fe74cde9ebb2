using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using TorchSharp;

namespace Imago.Cli;

/// <summary>What a command works with: its command line, its outputs, and the wish to stop.</summary>
/// <param name="line">The parsed command line.</param>
/// <param name="output">Results: text for people, or one JSON document.</param>
/// <param name="error">Progress, warnings and errors.</param>
/// <param name="cancellation">Set by Ctrl-C.</param>
internal sealed class CommandContext(ParseResult line, TextWriter output, TextWriter error, CancellationToken cancellation)
{
    private static readonly JsonSerializerOptions JsonStyle = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    internal CancellationToken Cancellation => cancellation;

    /// <summary>The word of the command.</summary>
    internal string CommandName => line.CommandResult.Command.Name;

    internal TextWriter Output => output;

    internal TextWriter Error => error;

    /// <summary>Whether <see cref="WriteJson"/> is wanted instead of text.</summary>
    internal bool IsJson => line.GetValue(SharedOptions.Json);

    /// <summary>Whether only results are wanted.</summary>
    internal bool IsQuiet => line.GetValue(SharedOptions.Quiet);

    /// <summary>The device of <c>--device</c>.</summary>
    /// <exception cref="ImagoException">This machine has no such device.</exception>
    internal torch.Device Device => line.GetValue(SharedOptions.Device)! switch
    {
        "auto" => torch.cuda.is_available() ? torch.CUDA : torch.CPU,
        "cpu" => torch.CPU,
        var name when torch.cuda.is_available() && new torch.Device(name) is var device && device.index < torch.cuda.device_count() => device,
        var name => throw new ImagoException($"There is no device {name}: libtorch sees {torch.cuda.device_count()} CUDA devices; build with -p:Torch=cuda on a machine that has one, or use --device cpu."),
    };

    /// <summary>The value of an option.</summary>
    internal T? Get<T>(Option<T> option) => line.GetValue(option);

    /// <summary>The value of an argument.</summary>
    internal T? Get<T>(Argument<T> argument) => line.GetValue(argument);

    /// <summary>Whether the user wrote the option, rather than leaving it at its default.</summary>
    internal bool IsGiven(Option option) => line.GetResult(option) is { Implicit: false };

    /// <summary>Starts libtorch with <c>--threads</c>.</summary>
    internal void StartTorch() => TorchRuntime.Start(new TorchOptions { Threads = line.GetValue(SharedOptions.Threads) });

    /// <summary>A line of the result, for people; nothing with <c>--json</c>.</summary>
    internal void Say(string text = "")
    {
        if (!IsJson) output.WriteLine(text);
    }

    /// <summary>A line that helps on: what could be done next. Nothing with <c>--json</c> or <c>--quiet</c>.</summary>
    internal void Hint(string text)
    {
        if (!IsJson && !IsQuiet) output.WriteLine(text);
    }

    /// <summary>Something the user should know, on the error output.</summary>
    internal void Warn(string text) => error.WriteLine($"warning: {text}");

    /// <summary>The result as the one JSON document on the output: properties in snake_case, NaN and infinities as strings.</summary>
    internal void WriteJson(object document) => output.WriteLine(JsonSerializer.Serialize(document, JsonStyle));

    /// <summary>Does something long under a progress bar with the time left (plain lines now and then where the error output is no terminal; nothing with <c>--quiet</c>).</summary>
    internal T Track<T>(string title, Func<ProgressSink, T> work) => ProgressSink.Track(title, error, IsQuiet, work);

    /// <inheritdoc cref="Track{T}"/>
    internal void Track(string title, Action<ProgressSink> work) => Track(title, sink =>
    {
        work(sink);
        return true;
    });
}
