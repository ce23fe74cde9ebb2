using System.Globalization;

namespace Imago.Benchmarks;

/// <summary>Training steps that are compared with a peer's.</summary>
/// <param name="Name">What the command line calls it.</param>
/// <param name="Title">What is measured.</param>
/// <param name="Needs">What the Python interpreter needs.</param>
/// <param name="Answer">Imago's side: network, precision and threads; ends in <see cref="Worker.AnswerSteps"/>.</param>
internal sealed record PeerTopic(string Name, string Title, string Needs, Action<string, string, int> Answer)
{
    /// <summary>By name: images in a batch, and steps in a measurement.</summary>
    internal required IReadOnlyDictionary<string, (int Batch, int StepsPerRound)> Networks { get; init; }

    /// <summary>Whether Imago's unoptimised path is measured too: <see cref="Answer"/> is then asked for the precision <see cref="PeerComparison.PlainPath"/>.</summary>
    internal bool HasPlainPath { get; init; }

    /// <summary>The peer's script and its arguments for a network, before threads, precision and optimiser.</summary>
    internal required Func<string, string[]> Peer { get; init; }
}

/// <summary>The same work by Imago and by a Python script, as people run it and with the allocator's thresholds raised, all in turn; a Markdown table for docs/results.md.</summary>
internal static class PeerComparison
{
    /// <summary>What a worker is asked for in place of a precision when it is to take Imago's unoptimised path.</summary>
    internal const string PlainPath = "plain";

    /// <summary>What makes glibc keep freed memory.</summary>
    internal static readonly Dictionary<string, string> RaisedThresholds = new()
    {
        ["MALLOC_MMAP_THRESHOLD_"] = "8589934592", ["MALLOC_TRIM_THRESHOLD_"] = "8589934592", ["MALLOC_TOP_PAD_"] = "268435456",
    };

    /// <summary>A topic's command line: one side of it as a worker, or the comparison.</summary>
    internal static void Run(string[] args, PeerTopic topic)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0].TrimStart('-'), pair => pair[1]);
        string Get(string name, string otherwise) => options.GetValueOrDefault(name, otherwise);
        var (precision, threads) = (Get("precision", "fp32"), Get("threads", "2"));
        if (options.TryGetValue("worker", out var worker))
        {
            topic.Answer(worker, precision, int.Parse(threads, CultureInfo.InvariantCulture));
            return;
        }
        if (!options.TryGetValue("python", out var python))
        {
            Console.Error.WriteLine($"Give --python PATH: an interpreter with {topic.Needs}.");
            return;
        }
        Console.WriteLine($"{topic.Title}, {threads} threads:");
        Console.WriteLine();
        Console.WriteLine($"| network | precision | Imago | {(topic.HasPlainPath ? "unoptimised | " : "")}PyTorch | raised | {(topic.HasPlainPath ? "Imago / unoptimised | " : "")}Imago / PyTorch | Imago / raised |");
        Console.WriteLine($"|---|---|---|{(topic.HasPlainPath ? "---|---|" : "")}---|---|---|---|");
        foreach (var network in options.TryGetValue("network", out var one) ? [one] : topic.Networks.Keys)
        {
            string[] Worker(string asked) => [topic.Name, "--worker", network, "--precision", asked, "--threads", threads];
            string[] peer = [.. topic.Peer(network), threads, precision, Get("peer-optimizer", "default")];
            var sides = new Sides(Worker(precision), topic.HasPlainPath ? Worker(PlainPath) : null, python, [Script(peer[0]), .. peer[1..]]);
            var (batch, steps) = topic.Networks[network];
            Measure($"| `{network}`, batch {batch} | {precision} |", sides, threads, steps, int.Parse(Get("rounds", "15"), CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Prints medians of the seconds of a step and of their ratios.</summary>
    /// <param name="head">The first cells of the row.</param>
    /// <param name="sides">Who is measured.</param>
    /// <param name="threads">Threads of each side.</param>
    /// <param name="steps">Steps in a measurement.</param>
    /// <param name="rounds">Measurements of each side.</param>
    private static void Measure(string head, Sides sides, string threads, int steps, int rounds)
    {
        var omp = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = threads };
        using var imago = new Worker(sides.Imago, omp);
        using var unoptimised = sides.Unoptimised is { } path ? new Worker(path, omp) : null;
        using var plain = new Worker(sides.Python, sides.Peer, omp);
        using var raised = new Worker(sides.Python, sides.Peer, RaisedThresholds.Concat(omp).ToDictionary());
        var question = steps.ToString(CultureInfo.InvariantCulture);
        var seconds = Enumerable.Range(0, rounds).Select(_ => (Imago: imago.Ask(question), Unoptimised: unoptimised?.Ask(question) ?? 0, Plain: plain.Ask(question), Raised: raised.Ask(question))).ToList();
        string Time(Func<(double Imago, double Unoptimised, double Plain, double Raised), double> of) => string.Create(CultureInfo.InvariantCulture, $" {Median(seconds.Select(of)) * 1e3:0.0} ms |");
        string Ratio(Func<(double Imago, double Unoptimised, double Plain, double Raised), double> of) => string.Create(CultureInfo.InvariantCulture, $" {Median(seconds.Select(s => s.Imago / of(s))):0.00} |");
        var (time, ratio) = unoptimised is null ? ("", "") : (Time(s => s.Unoptimised), Ratio(s => s.Unoptimised));
        Console.WriteLine($"{head}{Time(s => s.Imago)}{time}{Time(s => s.Plain)}{Time(s => s.Raised)}{ratio}{Ratio(s => s.Plain)}{Ratio(s => s.Raised)}");
    }

    /// <summary>The programs that are compared: arguments of this one, optimised and not, and a script for an interpreter.</summary>
    private sealed record Sides(string[] Imago, string[]? Unoptimised, string Python, string[] Peer);

    /// <summary>A script in <c>benchmarks/peers</c>.</summary>
    internal static string Script(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "benchmarks", "peers", name);
            if (File.Exists(script)) return script;
        }
        throw new FileNotFoundException($"benchmarks/peers/{name} was not found above the program; run the benchmark from the repository.");
    }

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
