using System.Text.Json;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>The part of a run's state that is numbers rather than tensors.</summary>
internal sealed record TrainingCounters
{
    public long Step { get; init; }

    public double Seconds { get; init; }

    public long EmaUpdates { get; init; }

    public long? BestStep { get; init; }

    public double? BestLoss { get; init; }

    public int EvaluationsSinceBest { get; init; }

    public IReadOnlyDictionary<string, double>? Validation { get; init; }

    /// <summary>Sums since the last line of the log.</summary>
    public Dictionary<string, double> Sums { get; init; } = [];

    public int Summed { get; init; }
}

/// <summary>Everything that the next step depends on, and its file: modules, optimisers, moving averages, generators, counters.</summary>
internal sealed class TrainingState(IReadOnlyList<(string Name, nn.Module Module, Optimizer Optimizer)> players, IReadOnlyList<(string Name, Ema Average)> averages, Generator noise)
{
    private const string CountersKey = "counters";

    internal TrainingCounters Counters { get; set; } = new();

    internal void Save(string path)
    {
        using var scope = NewDisposeScope();
        var counters = JsonSerializer.Serialize(Counters with { EmaUpdates = averages.Count > 0 ? averages[0].Average.Updates : 0 }, ConfigJson.Options);
        Safetensors.Write(path, Tensors().Select(entry => KeyValuePair.Create(entry.Name, entry.Value)), new Dictionary<string, string> { [CountersKey] = counters });
    }

    internal void Load(string path)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var file = Safetensors.Open(path);
        if (!file.Metadata.TryGetValue(CountersKey, out var counters)) throw new CheckpointException($"{path} is not the state of a training run: it has no entry {CountersKey}.");
        foreach (var (name, module, optimizer) in players)
        {
            foreach (var (key, value) in Module(module)) value.copy_(Optimizer.SameShape(key, file.Read($"weights/{name}/{key}"), value));
            optimizer.LoadState(key => file.Read($"optimizer/{name}/{key}"));
        }
        Counters = ConfigJson.Read<TrainingCounters>(counters, path);
        foreach (var (name, average) in averages) average.LoadState(key => file.Read($"{name}/{key}"), Counters.EmaUpdates);
        noise.set_state(file.Read("random/noise").clone());
        set_rng_state(file.Read("random/default").clone());
    }

    private IEnumerable<(string Name, Tensor Value)> Tensors() =>
    [
        .. players.SelectMany(player => Module(player.Module).Select(entry => ($"weights/{player.Name}/{entry.Name}", entry.Value))),
        .. players.SelectMany(player => player.Optimizer.State.Select(entry => ($"optimizer/{player.Name}/{entry.Name}", entry.Value))),
        .. averages.SelectMany(entry => entry.Average.State.Select(tensor => ($"{entry.Name}/{tensor.Name}", tensor.Value))),
        ("random/noise", noise.get_state()),
        ("random/default", get_rng_state()),
    ];

    internal static IEnumerable<(string Name, Tensor Value)> Module(nn.Module module) => module.state_dict().Select(entry => (entry.Key, entry.Value));
}
