using System.Globalization;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>What a run stores of itself so that its moving average can be of any length afterwards (<see cref="PostHocEma"/>).</summary>
public sealed record EmaSnapshotOptions
{
    /// <summary>σ_rel of the averages that are kept (Karras et al. 2024, who take these two).</summary>
    public IReadOnlyList<double> Widths { get; init; } = [0.05, 0.1];

    /// <summary>Steps between two snapshots at first.</summary>
    public int EverySteps { get; init; } = 50;

    /// <summary>When there are more, every other one is removed and the distance doubles: so many, and those since the last checkpoint, are on disk at the most.</summary>
    public int MostSnapshots { get; init; } = 32;

    /// <summary>Steps between two snapshots of a run of so many steps.</summary>
    internal long Interval(long step)
    {
        long interval = EverySteps;
        while (step / interval > MostSnapshots) interval *= 2;
        return interval;
    }

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        if (Widths.Count == 0 || Widths.Distinct().Count() != Widths.Count || Widths.Any(width => width is not (> 0 and < PostHocEma.LargestWidth)))
            throw new ArgumentException($"The widths of stored averages are {string.Join(", ", Widths)}; they must be different ones in (0, {PostHocEma.LargestWidth:g3}).", nameof(Widths));
        if (EverySteps < 1) throw new ArgumentOutOfRangeException(nameof(EverySteps), EverySteps, "There is at least one step between two snapshots.");
        if (MostSnapshots < 2) throw new ArgumentOutOfRangeException(nameof(MostSnapshots), MostSnapshots, "At least two snapshots are kept.");
    }
}

/// <summary>The averages of a module with power-function profiles and their snapshots, fp16 safetensors named after their step, in a run's folder.</summary>
internal sealed class EmaSnapshots : IDisposable
{
    private const string Extension = ".safetensors";
    private readonly EmaSnapshotOptions _options;
    private readonly string _folder;

    internal EmaSnapshots(nn.Module module, EmaSnapshotOptions options, string folder)
    {
        (_options, _folder) = (options, folder);
        Averages = [.. options.Widths.Select(width => (Name(width), new Ema(module, new EmaOptions { Warmup = EmaWarmup.PowerProfile, RelativeWidth = width })))];
        Directory.CreateDirectory(folder);
    }

    /// <summary>The averages by their width.</summary>
    internal IReadOnlyList<(string Name, Ema Average)> Averages { get; }

    /// <summary>Takes the weights after a step into the averages, and stores them when it is time.</summary>
    /// <param name="step">Steps made.</param>
    internal void Update(long step)
    {
        foreach (var (_, average) in Averages) average.Update();
        if (step % _options.Interval(step) == 0) Store(step);
    }

    /// <summary>Writes the averages as they are after a step.</summary>
    internal void Store(long step)
    {
        using var scope = NewDisposeScope();
        var tensors = Averages.SelectMany(entry => entry.Average.State.Select(tensor => KeyValuePair.Create($"{entry.Name}/{tensor.Name}", Stored(tensor.Value))));
        Safetensors.Write(PathOf(step), tensors, new Dictionary<string, string> { ["step"] = step.ToString(CultureInfo.InvariantCulture) });
    }

    /// <summary>Removes the snapshots that a run of so many steps does not keep: those between, once a checkpoint will not need them again, and those of steps that were never saved.</summary>
    /// <param name="step">The step of the checkpoint that was just written or read.</param>
    internal void Thin(long step)
    {
        var interval = _options.Interval(step);
        foreach (var (path, at) in Files(_folder).Where(file => file.Step > step || (file.Step < step && file.Step % interval != 0))) File.Delete(path);
    }

    public void Dispose()
    {
        foreach (var (_, average) in Averages) average.Dispose();
    }

    /// <summary>Gives a module the average of a width, combined from the snapshots of a run; buffers are those of the last one.</summary>
    /// <param name="module">Of the run's network.</param>
    /// <param name="folder">Where the snapshots are.</param>
    /// <param name="width">σ_rel of the average, in (0, <see cref="PostHocEma.LargestWidth"/>].</param>
    /// <exception cref="CheckpointException">There are no snapshots, or they are not of this module.</exception>
    internal static void Load(nn.Module module, string folder, double width)
    {
        var wanted = PostHocEma.Exponent(width);
        var stored = Files(folder);
        if (stored.Count == 0) throw new CheckpointException($"{folder} holds no snapshots of averages; train with --post-hoc-ema to choose the length of the average afterwards.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var files = stored.Select(file => (file.Step, File: Safetensors.Open(file.Path))).ToList();
        try
        {
            string[] names = [.. files[^1].File.Tensors.Select(info => info.Name[..Math.Max(info.Name.IndexOf('/', StringComparison.Ordinal), 0)]).Distinct().Order(StringComparer.Ordinal)];
            EmaProfile[] profiles = [.. files.SelectMany(file => names.Select(name => new EmaProfile(file.Step, PostHocEma.Exponent(Width(name, folder)))))];
            var coefficients = PostHocEma.Coefficients(profiles, new EmaProfile(files[^1].Step, wanted));
            var parameters = module.named_parameters().Select(entry => entry.name).ToHashSet();
            foreach (var (key, target) in module.state_dict())
            {
                using var inner = NewDisposeScope();
                Tensor Read(TensorFile file, string name) => Optimizer.SameShape(key, file.Read($"{name}/{key}").to(target.dtype), target);
                target.copy_(parameters.Contains(key) ? PostHocEma.Combine([.. files.SelectMany(file => names.Select(name => Read(file.File, name)))], coefficients) : Read(files[^1].File, names[^1]));
            }
        }
        finally
        {
            foreach (var (_, file) in files) file.Dispose();
        }
    }

    private static Tensor Stored(Tensor value) => value.dtype == float32 ? value.to(float16) : value;

    private static string Name(double width) => width.ToString("r", CultureInfo.InvariantCulture);

    private static double Width(string name, string folder) => double.TryParse(name, CultureInfo.InvariantCulture, out var width) ? width
        : throw new CheckpointException($"{folder} holds files that are no snapshots of averages: a tensor's name begins with '{name}', which is no width.");

    private string PathOf(long step) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{step:00000000}{Extension}"));

    private static List<(string Path, long Step)> Files(string folder) => !Directory.Exists(folder) ? [] : [.. Directory.EnumerateFiles(folder, $"*{Extension}")
        .Select(path => (Path: path, Step: long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1))
        .Where(file => file.Step > 0).OrderBy(file => file.Step)];
}
