using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Weights;

namespace Imago.Training;

/// <summary>
/// The folder of a run: <c>config.json</c>, <c>metrics.jsonl</c>, TensorBoard events, <c>samples/</c>, and in <c>checkpoints/</c> the model (<c>best.safetensors</c>, <c>last.safetensors</c>)
/// and <c>state.safetensors</c>, the one file from which the run goes on bit for bit.
/// </summary>
public sealed class RunFolder
{
    private RunFolder(string path) => Path = System.IO.Path.GetFullPath(path);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The configuration, everything needed to repeat the run.</summary>
    public string ConfigFile => In("config.json");

    /// <summary>The log, one JSON object a line.</summary>
    public string MetricsFile => In("metrics.jsonl");

    /// <summary>Pictures over time.</summary>
    public string Samples => In("samples");

    /// <summary>The model after the last step that was saved: the moving average where the run keeps one.</summary>
    public string LastWeights => In("checkpoints", "last.safetensors");

    /// <summary>The model at its lowest held-out loss.</summary>
    public string BestWeights => In("checkpoints", "best.safetensors");

    /// <summary>Everything that the next step depends on.</summary>
    public string StateFile => In("checkpoints", "state.safetensors");

    /// <summary>The best model, or the last one where nothing was held out.</summary>
    /// <exception cref="CheckpointException">No checkpoint has been written yet.</exception>
    public string Weights => File.Exists(BestWeights) ? BestWeights : File.Exists(LastWeights) ? LastWeights
        : throw new CheckpointException($"{Path} holds no checkpoint yet; train longer, or continue the run with --resume.");

    /// <summary>Averages of the weights over time, for an average of any length (<see cref="EmaSnapshotOptions"/>).</summary>
    internal string Averages => In("checkpoints", "averages");

    internal string EventsFile => In("events.out.tfevents.imago");

    /// <summary>Whether a path is the folder of a run.</summary>
    public static bool Exists(string path) => File.Exists(System.IO.Path.Combine(path, "config.json"));

    /// <summary>What the run in a folder trains, as its configuration names it (<c>autoencoder</c>, <c>diffusion</c>, …); <see langword="null"/> if there is no run.</summary>
    public static string? KindOf(string path)
    {
        try
        {
            return Exists(path) && JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(path, "config.json"))) is JsonObject config && config["kind"] is JsonValue kind && kind.TryGetValue<string>(out var name) ? name : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Makes the folder of a new run.</summary>
    /// <param name="path">A folder that does not exist, or is empty.</param>
    /// <param name="config">Written as <c>config.json</c>.</param>
    /// <exception cref="ImagoException">The folder holds something already, or cannot be made.</exception>
    public static RunFolder Create<TConfig>(string path, TConfig config)
    {
        var run = new RunFolder(path);
        if (Directory.Exists(run.Path) && Directory.EnumerateFileSystemEntries(run.Path).Any())
            throw new ImagoException($"{path} is not empty; {(Exists(path) ? "continue that run with --resume, or " : "")}choose another folder for the new run.");
        try
        {
            Directory.CreateDirectory(run.Path);
            Directory.CreateDirectory(run.Samples);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(run.StateFile)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImagoException($"The run's folder {path} cannot be made: {e.Message}", e);
        }
        run.WriteConfig(config);
        return run;
    }

    /// <summary>Opens the folder of an earlier run.</summary>
    /// <exception cref="ImagoException">There is no run in that folder.</exception>
    public static RunFolder Open(string path) => Exists(path)
        ? new RunFolder(path)
        : throw new ImagoException($"{path} holds no run: there is no config.json in it.");

    /// <summary>Reads <c>config.json</c>.</summary>
    /// <exception cref="CheckpointException">It is not such a configuration; unknown keys are refused.</exception>
    public TConfig ReadConfig<TConfig>() => ConfigJson.Read<TConfig>(File.ReadAllText(ConfigFile), ConfigFile);

    /// <summary>Replaces <c>config.json</c>: when a run is continued for longer than it was meant to last.</summary>
    public void WriteConfig<TConfig>(TConfig config) => AtomicFile.Write(ConfigFile, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(ConfigJson.Write(config) + "\n")));

    /// <summary>Keeps other processes from training in this folder until it is disposed.</summary>
    /// <exception cref="ImagoException">One does already.</exception>
    internal IDisposable Lock()
    {
        try
        {
            return new FileStream(In(".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImagoException($"{Path} cannot be written to ({e.Message}); perhaps another process is training in this folder.", e);
        }
    }

    /// <summary>The lines of the log.</summary>
    public IReadOnlyList<MetricsLine> ReadMetrics()
    {
        if (!File.Exists(MetricsFile)) return [];
        using var stream = new FileStream(MetricsFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return MetricsLog.Read(stream);
    }

    private string In(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);
}
