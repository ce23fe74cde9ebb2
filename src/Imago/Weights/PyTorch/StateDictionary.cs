using System.Globalization;
using System.Numerics;

namespace Imago.Weights;

/// <summary>The tensors of a checkpoint's tree by name, and the texts and numbers beside them.</summary>
internal sealed class StateDictionary
{
    private const int MaxDepth = 32;
    private const int MaxVisits = 1_000_000;

    private static readonly string[] Wrappers = ["state_dict", "model_state_dict", "model", "module", "params_ema", "params"];

    private readonly string _path;
    private int _visits;

    internal StateDictionary(string path, PickleValue root)
    {
        _path = path;
        AddMetadata(root);
        Add("", Unwrap(root), 0);
    }

    internal Dictionary<string, PickleTensor> Tensors { get; } = [];

    internal Dictionary<string, string> Metadata { get; } = [];

    private static PickleValue Unwrap(PickleValue root)
    {
        for (int depth = 0; depth < MaxDepth && root is PickleDictionary outer; depth++)
        {
            if (Wrappers.Select(key => outer[key]).FirstOrDefault(HasTensors) is not { } inner) break;
            root = inner;
        }
        return root;
    }

    private static bool HasTensors(PickleValue? value) =>
        value is PickleDictionary dictionary && (dictionary.Entries.Any(entry => entry.Value is PickleTensor) || Wrappers.Any(key => dictionary[key] is PickleDictionary inner && inner != dictionary && inner.Entries.Any(entry => entry.Value is PickleTensor)));

    private void AddMetadata(PickleValue root)
    {
        if (root is not PickleDictionary dictionary) return;
        foreach (var (key, value) in dictionary.Entries)
        {
            if (key is PickleScalar { Value: string name } && value is PickleScalar { Value: string or BigInteger or double or bool } scalar)
                Metadata[name] = Convert.ToString(scalar.Value, CultureInfo.InvariantCulture)!;
        }
    }

    private void Add(string name, PickleValue value, int depth)
    {
        if (++_visits > MaxVisits) throw new CheckpointException($"{_path} is refused: its tree branches into more than {MaxVisits} values.");
        if (depth > MaxDepth) return;                                           // no state dict is so deep; and a value may contain itself
        switch (value)
        {
            case PickleTensor tensor:
                var key = name.Length == 0 && depth == 0 ? "tensor" : name;
                if (!Tensors.TryAdd(key, tensor)) throw new CheckpointException($"{_path} is refused: two tensors of its tree have the name {key}.");
                break;
            case PickleDictionary dictionary:
                foreach (var (entryKey, entry) in dictionary.Entries) Add(Join(name, Text(entryKey), depth), entry, depth + 1);
                break;
            case PickleSequence sequence:
                for (int i = 0; i < sequence.Items.Count; i++) Add(Join(name, i.ToString(CultureInfo.InvariantCulture), depth), sequence.Items[i], depth + 1);
                break;
        }
    }

    private static string Join(string name, string segment, int depth) => depth == 0 ? segment : $"{name}.{segment}";

    private static string Text(PickleValue key) => key switch
    {
        PickleScalar { Value: null } => "None",
        PickleScalar { Value: byte[] bytes } => Convert.ToHexString(bytes),
        PickleScalar scalar => Convert.ToString(scalar.Value, CultureInfo.InvariantCulture)!,
        PickleSequence sequence => $"({string.Join(", ", sequence.Items.Take(MaxDepth).Select(item => item is PickleSequence ? "(…)" : Text(item)))})",
        PickleSymbol symbol => symbol.Text,
        _ => key.TypeName,
    };
}
