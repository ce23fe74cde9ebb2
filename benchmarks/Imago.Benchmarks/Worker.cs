using System.Diagnostics;
using System.Globalization;

namespace Imago.Benchmarks;

/// <summary>
/// One side of a comparison in a process of its own, which stays alive and answers questions one at a time: so two sides can be measured in turn,
/// each with its own environment, and neither pays for starting.
/// </summary>
internal sealed class Worker : IDisposable
{
    private readonly Process _process;

    /// <param name="topic">The topic and its arguments, as on the command line, that make this program call <see cref="Answer"/>.</param>
    /// <param name="environment">Variables of the process, added to the present ones.</param>
    internal Worker(string[] topic, IReadOnlyDictionary<string, string> environment)
        : this(Environment.ProcessPath!, [.. Host(), .. topic], environment)
    {
    }

    /// <summary>The same with another program that answers each line of its input with a number of seconds.</summary>
    internal Worker(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        _process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
    }

    /// <summary>Asks for one measurement, in seconds.</summary>
    internal double Ask(string question)
    {
        _process.StandardInput.WriteLine(question);
        var answer = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"The worker ended instead of answering '{question}'.");
        return double.Parse(answer, CultureInfo.InvariantCulture);
    }

    /// <summary>The worker's side: measures what is asked until the input ends.</summary>
    internal static void Answer(Func<string, TimeSpan> measure) => Answer(question => measure(question).TotalSeconds);

    /// <summary>The worker's side: answers each question with a number until the input ends.</summary>
    internal static void Answer(Func<string, double> measure)
    {
        while (Console.ReadLine() is { } question) Console.WriteLine(measure(question).ToString("r", CultureInfo.InvariantCulture));
    }

    /// <summary>The worker's side for training steps: asked for a number of them, it answers with the time of one. Three steps go before.</summary>
    internal static void AnswerSteps(Action step)
    {
        for (int i = 0; i < 3; i++) step();
        Answer(question =>
        {
            var steps = int.Parse(question, CultureInfo.InvariantCulture);
            var time = Stopwatch.StartNew();
            for (int i = 0; i < steps; i++) step();
            return time.Elapsed / steps;
        });
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The assembly to name where the program was started by <c>dotnet</c> and not by its own executable.</summary>
    private static string[] Host() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Worker).Assembly.Location] : [];
}
