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

    /// <summary>The peer's script and its arguments for a network, before threads, precision and optimiser.</summary>
    internal required Func<string, string[]> Peer { get; init; }
}

/// <summary>The same work by Imago and by a Python script, as people run it and with the allocator's thresholds raised: the three in turn.</summary>
internal static class PeerComparison
{
    private static readonly Dictionary<string, string> RaisedThresholds = new()
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
        PrintHeader($"{topic.Title}, {precision}, {threads} threads");
        foreach (var network in options.TryGetValue("network", out var one) ? [one] : topic.Networks.Keys)
        {
            var (batch, steps) = topic.Networks[network];
            Run(
                $"{network}, batch {batch}", [topic.Name, "--worker", network, "--precision", precision, "--threads", threads],
                python, [.. topic.Peer(network), threads, precision, Get("peer-optimizer", "default")], threads, steps, int.Parse(Get("rounds", "15"), CultureInfo.InvariantCulture));
        }
    }

    private static void PrintHeader(string what) => Console.WriteLine($"{what,-34}    Imago   PyTorch    raised   Imago/PyTorch   Imago/raised");

    /// <summary>Prints medians of the seconds of a step and of their ratios.</summary>
    /// <param name="name">What is compared.</param>
    /// <param name="topic">The topic and its arguments that make this program answer.</param>
    /// <param name="python">The interpreter.</param>
    /// <param name="peer">The script in <c>benchmarks/peers</c> and its arguments.</param>
    /// <param name="threads">Threads of each side.</param>
    /// <param name="steps">Steps in a measurement.</param>
    /// <param name="rounds">Measurements of each side.</param>
    private static void Run(string name, string[] topic, string python, string[] peer, string threads, int steps, int rounds)
    {
        var omp = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = threads };
        string[] call = [Script(peer[0]), .. peer[1..]];
        using var imago = new Worker(topic, omp);
        using var plain = new Worker(python, call, omp);
        using var raised = new Worker(python, call, RaisedThresholds.Concat(omp).ToDictionary());
        var question = steps.ToString(CultureInfo.InvariantCulture);
        var seconds = Enumerable.Range(0, rounds).Select(_ => (Imago: imago.Ask(question), Plain: plain.Ask(question), Raised: raised.Ask(question))).ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-34} {Median(seconds.Select(s => s.Imago)) * 1e3,6:0.0} ms {Median(seconds.Select(s => s.Plain)) * 1e3,6:0.0} ms {Median(seconds.Select(s => s.Raised)) * 1e3,6:0.0} ms {Median(seconds.Select(s => s.Imago / s.Plain)),12:0.000} {Median(seconds.Select(s => s.Imago / s.Raised)),14:0.000}"));
    }

    private static string Script(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "benchmarks", "peers", name);
            if (File.Exists(script)) return script;
        }
        throw new FileNotFoundException($"benchmarks/peers/{name} was not found above the program; run the benchmark from the repository.");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
