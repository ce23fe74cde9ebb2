using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    private const int LargestFile = 4 << 20;

    /// <summary>Classes that differ from another in how they are called only.</summary>
    private static readonly Dictionary<string, string> SameClasses = new() { ["DDPMParallelScheduler"] = "DDPMScheduler", ["DDIMParallelScheduler"] = "DDIMScheduler" };

    /// <summary>Keys that name a Python object: none can be told by a file, so anything but null is refused.</summary>
    private static readonly string[] Unreadable = ["tau_func", "solver_p", "scale_factors"];

    /// <summary>Reads a configuration.</summary>
    /// <param name="json">The text of a <c>scheduler_config.json</c>; Python's bare <c>Infinity</c>, <c>-Infinity</c> and <c>NaN</c> are understood.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not such a file, names a class that Imago does not know, or its values are impossible or contradict each other.</exception>
    public static SchedulerConfig Parse(string json, string source)
    {
        var file = ReadObject(json, source);
        var name = file["_class_name"] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        return Read(Kinds(name, source), Explicit(file), source);
    }

    /// <summary>Reads the file, or <c>scheduler_config.json</c> in a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <exception cref="CheckpointException">There is no such file, or it is not such a configuration.</exception>
    public static SchedulerConfig Load(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "scheduler_config.json") : path;
        if (!File.Exists(file)) throw new CheckpointException($"{file}: there is no such file; a scheduler's folder holds a scheduler_config.json.");
        if (LinkedFile.Length(file) is > LargestFile and var length) throw new CheckpointException($"{file}: {length} bytes are too many for a configuration (at most {LargestFile}).");
        return Parse(File.ReadAllText(file), file);
    }

    /// <summary>The configuration of another class made of this one: what was given stays, what was a default becomes the other's, and solver names follow.</summary>
    /// <param name="kind">The class.</param>
    /// <exception cref="CheckpointException">The other class refuses a value.</exception>
    public SchedulerConfig As(SchedulerKind kind) => Read(kind, GivenOrChanged(), $"the configuration of {Kind} for {kind}");

    /// <summary>The configuration with some keys of the file's own kind replaced.</summary>
    /// <param name="keys">A JSON object with keys as in the file.</param>
    /// <exception cref="CheckpointException">A value is impossible.</exception>
    public SchedulerConfig With(string keys)
    {
        var merged = GivenOrChanged();
        foreach (var (key, value) in Explicit(ReadObject(keys, "the changed keys"))) merged[key] = value?.DeepClone();
        return Read(Kind, merged, "the changed keys");
    }

    /// <summary>The file: the class, T, and whatever is not the class's default.</summary>
    public string ToJson()
    {
        var file = new JsonObject { ["_class_name"] = JsonSerializer.SerializeToNode(Kind, ConfigJson.Options), ["num_train_timesteps"] = NumTrainTimesteps };
        foreach (var (key, value) in GivenOrChanged()) file[key] = value?.DeepClone();
        return file.ToJsonString(ConfigJson.Options);
    }

    /// <summary>All keys that any class has, with their values here.</summary>
    internal JsonObject AllKeys() => (JsonObject)JsonSerializer.SerializeToNode(this, ConfigJson.Options)!;

    private static SchedulerKind Kinds(string? name, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<SchedulerKind>(JsonSerializer.Serialize(name is null ? null : SameClasses.GetValueOrDefault(name, name)), ConfigJson.Options);
        }
        catch (JsonException)
        {
            var known = Enum.GetValues<SchedulerKind>().Select(kind => JsonSerializer.Serialize(kind, ConfigJson.Options).Trim('"'));
            throw new CheckpointException($"{source}: _class_name is {name ?? "missing"}; Imago knows {string.Join(", ", known)}.");
        }
    }

    /// <summary>The keys that say something: no metadata, and none that the file lists as defaults of the class that wrote it.</summary>
    private static JsonObject Explicit(JsonObject file)
    {
        var defaults = file["_use_default_values"] is JsonArray list ? list.Select(key => key?.ToString()).ToHashSet() : [];
        return new(file.Where(entry => !entry.Key.StartsWith('_') && !defaults.Contains(entry.Key)).Select(entry => KeyValuePair.Create(entry.Key, entry.Value?.DeepClone())));
    }

    private static SchedulerConfig Read(SchedulerKind kind, JsonObject given, string source)
    {
        var keys = Default(kind).AllKeys();
        foreach (var (key, value) in given)
        {
            if (Unreadable.Contains(key) && value is not null) throw new CheckpointException($"{source}: {key} is {value.ToJsonString()}; Imago reads null there.");
            if (keys.ContainsKey(key)) keys[key] = value?.DeepClone();
        }
        var config = ConfigJson.Read<SchedulerConfig>(keys.ToJsonString(), source) with { Kind = kind, Given = given };
        return config.WithOwnSolvers().Validated(source);
    }

    private JsonObject GivenOrChanged()
    {
        var (keys, defaults) = (AllKeys(), Default(Kind).AllKeys());
        var given = (JsonObject)Given.DeepClone();
        foreach (var (key, value) in keys)
        {
            if (given.ContainsKey(key) || !JsonNode.DeepEquals(value, defaults[key])) given[key] = value?.DeepClone();
        }
        return given;
    }

    /// <summary>What a class makes of another's names of solvers.</summary>
    private SchedulerConfig WithOwnSolvers() => Kind switch
    {
        SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverMultistepInverse or SchedulerKind.DpmSolverSinglestep or SchedulerKind.EdmDpmSolverMultistep => this with
        {
            AlgorithmType = AlgorithmType == SolverAlgorithm.Deis ? SolverAlgorithm.DpmSolverPlusPlus : AlgorithmType,
            SolverType = SolverType is SolverType.Midpoint or SolverType.Heun ? SolverType : SolverType.Midpoint,
        },
        SchedulerKind.Deis => this with
        {
            AlgorithmType = AlgorithmType is SolverAlgorithm.DpmSolver or SolverAlgorithm.DpmSolverPlusPlus ? SolverAlgorithm.Deis : AlgorithmType,
            SolverType = SolverType.Logrho,
        },
        SchedulerKind.UniPc => this with { SolverType = SolverType is SolverType.Bh1 or SolverType.Bh2 ? SolverType : SolverType.Bh2 },
        _ => this,
    };

    private static JsonObject ReadObject(string json, string source)
    {
        try
        {
            return JsonNode.Parse(Constant().Replace(json, match => match.Groups["bare"].Success ? $"\"{match.Value}\"" : match.Value),
                documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>A string, or one of the numbers that Python writes bare.</summary>
    [GeneratedRegex("""("(?:[^"\\]|\\.)*")|(?<bare>-?Infinity|NaN)""", RegexOptions.NonBacktracking)]
    private static partial Regex Constant();
}
