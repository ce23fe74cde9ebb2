using System.Numerics;
using System.Text;

namespace Imago.Weights;

/// <summary>A value of a PyTorch checkpoint, as data: nothing of it was executed. Values may be shared and may contain themselves.</summary>
public abstract class PickleValue
{
    private const int MaxKeyLength = 1 << 16;
    private const int MaxKeyDepth = 16;

    /// <summary>What Python would call its type.</summary>
    public abstract string TypeName { get; }

    /// <summary>A text equal for values that Python takes for the same key (<c>True</c>, <c>1</c> and <c>1.0</c> are), or null where it cannot be a key.</summary>
    internal string? ToKey()
    {
        var key = new StringBuilder();
        return AppendKey(key, MaxKeyDepth) && key.Length <= MaxKeyLength ? key.ToString() : null;
    }

    private bool AppendKey(StringBuilder key, int depth)
    {
        if (depth == 0 || key.Length > MaxKeyLength) return false;
        switch (this)
        {
            case PickleScalar { Value: byte[] bytes }:
                key.Append('b').Append(Convert.ToHexString(bytes));
                return true;
            case PickleScalar { Value: string text }:
                key.Append('s').Append(text.Length).Append(':').Append(text);
                return true;
            case PickleScalar { Value: null }:
                key.Append('n');
                return true;
            case PickleScalar { Value: double x } when !double.IsInteger(x):
                key.Append('f').Append(double.IsNaN(x) ? Guid.NewGuid().ToString() : x.ToString("R", System.Globalization.CultureInfo.InvariantCulture)).Append(';');
                return true;
            case PickleScalar { Value: Complex z }:
                key.Append('c').Append(z.ToString(System.Globalization.CultureInfo.InvariantCulture)).Append(';');
                return true;
            case PickleScalar scalar:
                key.Append('i').Append(scalar.AsInteger()).Append(';');
                return true;
            case PickleSymbol symbol:
                key.Append('y').Append(symbol.Text).Append(';');
                return true;
            case PickleSequence { Kind: PickleSequenceKind.Tuple or PickleSequenceKind.Size } tuple:
                key.Append('t').Append(tuple.Items.Count).Append(':');
                foreach (var item in tuple.Items)
                {
                    if (!item.AppendKey(key, depth - 1)) return false;
                }
                return true;
            default:
                return false;
        }
    }
}

/// <summary>None, a bool, an integer of any size, a float, a complex number, a text or bytes.</summary>
public sealed class PickleScalar : PickleValue
{
    internal static readonly PickleScalar None = new(null);
    internal static readonly PickleScalar True = new(true);
    internal static readonly PickleScalar False = new(false);

    internal PickleScalar(object? value) => Value = value;

    /// <summary>Null, or a <see cref="bool"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="Complex"/>, <see cref="string"/> or an array of <see cref="byte"/>.</summary>
    public object? Value { get; }

    /// <inheritdoc/>
    public override string TypeName => Value switch
    {
        null => "None",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        Complex => "complex",
        string => "str",
        _ => "bytes",
    };

    internal BigInteger? AsInteger() => Value switch
    {
        bool truth => truth ? 1 : 0,
        BigInteger number => number,
        double x when double.IsInteger(x) => (BigInteger)x,
        _ => null,
    };
}

/// <summary>Which sequence of Python's.</summary>
public enum PickleSequenceKind
{
    /// <summary>A list.</summary>
    List,

    /// <summary>A tuple.</summary>
    Tuple,

    /// <summary>A set, in the order of the file.</summary>
    Set,

    /// <summary>A frozen set, in the order of the file.</summary>
    FrozenSet,

    /// <summary>A <c>torch.Size</c>.</summary>
    Size,
}

/// <summary>A list, tuple, set or <c>torch.Size</c>.</summary>
public sealed class PickleSequence : PickleValue
{
    private static readonly List<PickleValue> Nothing = [];

    private List<PickleValue>? _items;

    internal PickleSequence(PickleSequenceKind kind, List<PickleValue>? items = null) => (Kind, _items) = (kind, items);

    /// <summary>Which sequence it is.</summary>
    public PickleSequenceKind Kind { get; }

    /// <summary>The elements.</summary>
    public IReadOnlyList<PickleValue> Items => _items ?? Nothing;

    /// <inheritdoc/>
    public override string TypeName => Kind switch
    {
        PickleSequenceKind.Size => "torch.Size",
        var kind => kind.ToString().ToLowerInvariant(),
    };

    internal void Add(PickleValue item) => (_items ??= []).Add(item);
}

/// <summary>A dictionary, in its order.</summary>
public sealed class PickleDictionary : PickleValue
{
    private readonly List<KeyValuePair<PickleValue, PickleValue>> _entries = [];
    private readonly Dictionary<string, int> _index = [];

    internal PickleDictionary(bool isOrdered) => IsOrdered = isOrdered;

    /// <summary>Whether it is a <c>collections.OrderedDict</c>, as state dicts are.</summary>
    public bool IsOrdered { get; }

    /// <summary>Keys and values.</summary>
    public IReadOnlyList<KeyValuePair<PickleValue, PickleValue>> Entries => _entries;

    /// <summary>Attributes set on an OrderedDict: PyTorch stores module versions as <c>_metadata</c>.</summary>
    public PickleDictionary? Attributes { get; internal set; }

    /// <inheritdoc/>
    public override string TypeName => IsOrdered ? "OrderedDict" : "dict";

    /// <summary>The value of a text key, or null.</summary>
    public PickleValue? this[string key] => _index.TryGetValue($"s{key.Length}:{key}", out var at) ? _entries[at].Value : null;

    /// <summary>Adds or replaces, keeping a replaced key's place as Python does; false where the key cannot be one.</summary>
    internal bool TrySet(PickleValue key, PickleValue value)
    {
        if (key.ToKey() is not { } text) return false;
        if (_index.TryGetValue(text, out var at))
        {
            _entries[at] = new(_entries[at].Key, value);
            return true;
        }
        _index[text] = _entries.Count;
        _entries.Add(new(key, value));
        return true;
    }
}

/// <summary>A name that stands for itself: a <c>torch.dtype</c> or a <c>torch.device</c>.</summary>
public sealed class PickleSymbol : PickleValue
{
    internal PickleSymbol(string typeName, string text) => (TypeName, Text) = (typeName, text);

    /// <inheritdoc/>
    public override string TypeName { get; }

    /// <summary><c>torch.float16</c>, <c>cuda:0</c>, ….</summary>
    public string Text { get; }
}

/// <summary>A NumPy array or scalar stored inside the pickle.</summary>
public sealed class PickleArray : PickleValue
{
    internal PickleArray(bool isScalar) => IsScalar = isScalar;

    /// <summary>Whether it is a scalar such as <c>numpy.float64</c>.</summary>
    public bool IsScalar { get; }

    /// <summary>NumPy's name of the type.</summary>
    public string DataType => Type?.Name ?? "unknown";

    /// <summary>Sizes.</summary>
    public IReadOnlyList<long> Shape { get; internal set; } = [];

    /// <inheritdoc/>
    public override string TypeName => IsScalar ? $"numpy.{DataType}" : "numpy.ndarray";

    internal NumpyType? Type { get; set; }

    internal bool IsFortranOrder { get; set; }

    internal byte[] Data { get; set; } = [];

    /// <summary>A new tensor of its numbers.</summary>
    /// <exception cref="CheckpointException">It holds text, or numbers that no tensor can hold.</exception>
    public TorchSharp.torch.Tensor ToTensor() => NumpyArrays.ToTensor("the array in the checkpoint", Type, [.. Shape], IsFortranOrder, new MemoryStream(Data, writable: false));
}

/// <summary>A tensor: where its numbers are, and how they are laid out.</summary>
public sealed class PickleTensor : PickleValue
{
    internal PickleTensor(PickleStorage storage, ElementType type, long[] shape, long[] strides, long offset, bool requiresGradient)
    {
        (Storage, Type, Shape, Strides, Offset, RequiresGradient) = (storage, type, shape, strides, offset, requiresGradient);
    }

    /// <summary>The element type as the safetensors format spells it.</summary>
    public string DataType => Type.Name;

    /// <summary>Sizes.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Elements between neighbours along each dimension.</summary>
    public IReadOnlyList<long> Strides { get; }

    /// <summary>Elements before the first one in its storage.</summary>
    public long Offset { get; }

    /// <summary>Whether it was saved as a leaf that wants a gradient.</summary>
    public bool RequiresGradient { get; private init; }

    /// <summary>Whether it was saved as an <c>nn.Parameter</c>.</summary>
    public bool IsParameter { get; private init; }

    /// <inheritdoc/>
    public override string TypeName => IsParameter ? "Parameter" : "Tensor";

    internal PickleStorage Storage { get; }

    internal ElementType Type { get; }

    internal PickleTensor AsParameter(bool requiresGradient) =>
        new(Storage, Type, [.. Shape], [.. Strides], Offset, requiresGradient) { IsParameter = true };
}

/// <summary>Numbers outside the pickle, named by a key.</summary>
internal sealed class PickleStorage(string key, ElementType? type, long count, string location) : PickleValue
{
    public override string TypeName => "storage";

    internal string Key => key;

    /// <summary>Null for an untyped storage, whose count is bytes.</summary>
    internal ElementType? Type => type;

    internal long Count => count;

    internal string Location => location;

    /// <summary>Bytes, or null where the product overflows.</summary>
    internal long? ByteCount => ElementType.Count([count, type?.Bytes ?? 1]);
}
