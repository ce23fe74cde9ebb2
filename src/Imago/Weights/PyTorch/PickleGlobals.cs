using System.Numerics;

namespace Imago.Weights;

/// <summary>A name from the closed list that a pickle may refer to, with what calling it builds.</summary>
internal sealed class PickleGlobal(string name, Func<IReadOnlyList<PickleValue>, PickleValue>? build = null, ElementType? storage = null, bool isStorage = false) : PickleValue
{
    public override string TypeName => $"the name {name}";

    internal bool IsStorage => isStorage;

    /// <summary>The element type of a storage class; null for the untyped one.</summary>
    internal ElementType? StorageType => storage;

    internal PickleValue Call(IReadOnlyList<PickleValue> arguments) => build is null ? throw new PickleRefusal($"{name} is called, which is no function of the closed list") : build(arguments);
}

/// <summary>Why a pickle is refused; the reader adds file and position.</summary>
internal sealed class PickleRefusal(string message) : Exception(message);

/// <summary>A NumPy type under construction.</summary>
internal sealed class PickleNumpyType(string code) : PickleValue
{
    public override string TypeName => "numpy.dtype";

    internal string ByteOrder { get; set; } = "=";

    internal NumpyType Type => NumpyType.Parse(ByteOrder + code) ?? throw new PickleRefusal($"NumPy arrays of type {code} are not read");
}

/// <summary>The closed list of names. Whatever is not here is refused, whatever it is; nothing here runs code of the file.</summary>
internal static class PickleGlobals
{
    private static readonly Dictionary<string, ElementType> DataTypes = new()
    {
        ["float32"] = ElementType.Float32, ["float64"] = ElementType.Float64, ["float16"] = ElementType.Float16, ["bfloat16"] = ElementType.BFloat16,
        ["uint8"] = ElementType.UInt8, ["int8"] = ElementType.Int8, ["int16"] = ElementType.Int16, ["int32"] = ElementType.Int32, ["int64"] = ElementType.Int64,
        ["uint16"] = ElementType.UInt16, ["uint32"] = ElementType.UInt32, ["uint64"] = ElementType.UInt64, ["bool"] = ElementType.Bool,
        ["complex64"] = ElementType.Complex64, ["complex128"] = ElementType.Complex128,
        ["float8_e4m3fn"] = ElementType.Float8E4M3, ["float8_e5m2"] = ElementType.Float8E5M2,
        ["float8_e4m3fnuz"] = ElementType.Float8E4M3Fnuz, ["float8_e5m2fnuz"] = ElementType.Float8E5M2Fnuz, ["float8_e8m0fnu"] = ElementType.Float8E8M0,
    };

    private static readonly Dictionary<string, ElementType> Storages = new()
    {
        ["FloatStorage"] = ElementType.Float32, ["DoubleStorage"] = ElementType.Float64, ["HalfStorage"] = ElementType.Float16, ["BFloat16Storage"] = ElementType.BFloat16,
        ["ByteStorage"] = ElementType.UInt8, ["CharStorage"] = ElementType.Int8, ["ShortStorage"] = ElementType.Int16, ["IntStorage"] = ElementType.Int32,
        ["LongStorage"] = ElementType.Int64, ["BoolStorage"] = ElementType.Bool,
        ["ComplexFloatStorage"] = ElementType.Complex64, ["ComplexDoubleStorage"] = ElementType.Complex128,
    };

    /// <summary>Classes that training frameworks leave in checkpoints as the names of entries (Stable Diffusion 1.4 has one): they are kept as names, and calling them is refused.</summary>
    private static readonly (string Module, string Name)[] Inert =
        [("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"), ("pytorch_lightning.callbacks.early_stopping", "EarlyStopping")];

    private static readonly Dictionary<(string Module, string Name), PickleValue> List = MakeList();

    /// <summary>What a pickle may know by this name.</summary>
    internal static PickleValue Find(string module, string name) => List.TryGetValue((module, name), out var found)
        ? found
        : throw new PickleRefusal($"it refers to {Printable(module)}.{Printable(name)}, which is not on the closed list of names that a checkpoint may use; nothing was executed. If you trust the file, save its tensors as safetensors with the program that wrote it");

    /// <summary>PyTorch's name of an element type.</summary>
    internal static string DataTypeName(ElementType type) => DataTypes.Single(entry => entry.Value == type).Key;

    private static Dictionary<(string Module, string Name), PickleValue> MakeList()
    {
        var list = new Dictionary<(string, string), PickleValue>();
        void Function(string module, string name, Func<IReadOnlyList<PickleValue>, PickleValue> build) => list[(module, name)] = new PickleGlobal($"{module}.{name}", build);
        foreach (var (name, type) in Storages)
        {
            list[("torch", name)] = new PickleGlobal($"torch.{name}", storage: type, isStorage: true);
            list[("torch.cuda", name)] = new PickleGlobal($"torch.cuda.{name}", storage: type, isStorage: true);
        }
        list[("torch.storage", "UntypedStorage")] = new PickleGlobal("torch.storage.UntypedStorage", isStorage: true);
        foreach (var (module, name) in Inert) list[(module, name)] = new PickleSymbol("class", $"{module}.{name}");
        foreach (var name in DataTypes.Keys) list[("torch", name)] = new PickleSymbol("torch.dtype", $"torch.{name}");
        Function("torch._utils", "_rebuild_tensor", arguments => RebuildTensor(arguments, 4, 4));
        Function("torch._utils", "_rebuild_tensor_v2", arguments => RebuildTensor(arguments, 6, 7));
        Function("torch._utils", "_rebuild_tensor_v3", arguments => RebuildTensor(arguments, 7, 8));
        Function("torch._utils", "_rebuild_parameter", RebuildParameter);
        Function("torch", "Size", arguments => new PickleSequence(PickleSequenceKind.Size, [.. Sequence(Arguments(arguments, 1, 1)[0])]));
        Function("torch", "device", Device);
        Function("collections", "OrderedDict", OrderedDictionary);
        Function("_codecs", "encode", Encode);
        foreach (var module in (string[])["__builtin__", "builtins"])
        {
            Function(module, "set", arguments => Set(PickleSequenceKind.Set, arguments));
            Function(module, "frozenset", arguments => Set(PickleSequenceKind.FrozenSet, arguments));
            Function(module, "complex", arguments => new PickleScalar(new Complex(Float(Arguments(arguments, 2, 2)[0]), Float(arguments[1]))));
            Function(module, "bytes", arguments => Arguments(arguments, 0, 0).Count == 0 ? new PickleScalar(Array.Empty<byte>()) : PickleScalar.None);
        }
        foreach (var module in (string[])["numpy.core.multiarray", "numpy._core.multiarray"])
        {
            Function(module, "_reconstruct", arguments => Arguments(arguments, 3, 3)[0] == list[("numpy", "ndarray")] ? new PickleArray(isScalar: false) : throw Wrong("a numpy array", arguments[0]));
            Function(module, "scalar", NumpyScalar);
        }
        list[("numpy", "ndarray")] = new PickleGlobal("numpy.ndarray");
        Function("numpy", "dtype", arguments => new PickleNumpyType(Text(Arguments(arguments, 1, 3)[0])));
        return list;
    }

    /// <summary>(storage, offset, size, stride), then from v2 (requires_grad, backward_hooks), in v3 the dtype, and at the end metadata.</summary>
    private static PickleTensor RebuildTensor(IReadOnlyList<PickleValue> arguments, int least, int most)
    {
        Arguments(arguments, least, most);
        if (arguments[0] is not PickleStorage storage) throw Wrong("a tensor's storage", arguments[0]);
        var type = storage.Type;
        if (least == 7)
        {
            if (arguments[6] is not PickleSymbol { TypeName: "torch.dtype" } name) throw Wrong("a tensor's dtype", arguments[6]);
            type = DataTypes[name.Text["torch.".Length..]];
        }
        if (type is null) throw new PickleRefusal("a tensor lies on an untyped storage and names no dtype");
        if (least > 4 && arguments[5] is not PickleDictionary) throw Wrong("a tensor's hooks", arguments[5]);
        return new PickleTensor(storage, type, Integers(arguments[2], "a tensor's size"), Integers(arguments[3], "a tensor's stride"), Integer(arguments[1], "a tensor's offset"), least > 4 && Truth(arguments[4]));
    }

    private static PickleTensor RebuildParameter(IReadOnlyList<PickleValue> arguments)
    {
        Arguments(arguments, 3, 3);
        return arguments[0] is PickleTensor tensor ? tensor.AsParameter(Truth(arguments[1])) : throw Wrong("a parameter's data", arguments[0]);
    }

    private static PickleSymbol Device(IReadOnlyList<PickleValue> arguments)
    {
        var kind = Text(Arguments(arguments, 1, 2)[0]);
        return new PickleSymbol("torch.device", arguments.Count == 1 ? kind : $"{kind}:{Integer(arguments[1], "a device's index")}");
    }

    private static PickleDictionary OrderedDictionary(IReadOnlyList<PickleValue> arguments)
    {
        var dictionary = new PickleDictionary(isOrdered: true);
        if (Arguments(arguments, 0, 1).Count == 0) return dictionary;
        foreach (var item in Sequence(arguments[0]))
        {
            if (Sequence(item) is not [var key, var value] || !dictionary.TrySet(key, value)) throw Wrong("an entry of an OrderedDict", item);
        }
        return dictionary;
    }

    private static PickleSequence Set(PickleSequenceKind kind, IReadOnlyList<PickleValue> arguments)
    {
        var items = Arguments(arguments, 0, 1).Count == 0 ? [] : Sequence(arguments[0]);
        var distinct = items.DistinctBy(item => item.ToKey() ?? throw Wrong("a set's element", item));
        return new PickleSequence(kind, [.. distinct]);
    }

    /// <summary>Bytes as Python 3 writes them for protocol 2: a text whose characters are the bytes.</summary>
    private static PickleScalar Encode(IReadOnlyList<PickleValue> arguments)
    {
        Arguments(arguments, 2, 2);
        if (Text(arguments[1]) is not ("latin1" or "latin-1")) throw Wrong("an encoding", arguments[1]);
        var text = Text(arguments[0]);
        return text.Any(character => character > 0xFF) ? throw new PickleRefusal("a text that stands for bytes has a character beyond 255") : new PickleScalar(text.Select(character => (byte)character).ToArray());
    }

    private static PickleArray NumpyScalar(IReadOnlyList<PickleValue> arguments)
    {
        if (Arguments(arguments, 2, 2)[0] is not PickleNumpyType { Type: var type }) throw Wrong("a NumPy scalar's type", arguments[0]);
        if (arguments[1] is not PickleScalar { Value: byte[] data } || data.Length != type.ItemBytes) throw Wrong("a NumPy scalar's bytes", arguments[1]);
        return new PickleArray(isScalar: true) { Type = type, Data = data };
    }

    /// <summary>What BUILD does: attributes of an OrderedDict, the byte order of a NumPy type, the contents of a NumPy array; all else is refused.</summary>
    internal static void Build(PickleValue target, PickleValue state)
    {
        switch (target)
        {
            case PickleDictionary { IsOrdered: true } dictionary when state is PickleDictionary attributes:
                dictionary.Attributes = attributes;
                break;
            case PickleNumpyType type when Sequence(state) is [_, var order, PickleScalar { Value: null }, PickleScalar { Value: null }, PickleScalar { Value: null }, ..]:
                type.ByteOrder = Text(order) is "<" or ">" or "=" or "|" ? Text(order) : throw Wrong("a byte order", order);
                break;
            case PickleArray { IsScalar: false } array when Sequence(state) is [_, var shape, PickleNumpyType { Type: var type }, var isFortran, PickleScalar { Value: byte[] data }]:
                (array.Shape, array.Type, array.IsFortranOrder, array.Data) = (Integers(shape, "an array's shape"), type, Truth(isFortran), data);
                if (ElementType.Count([.. array.Shape, type.ItemBytes]) != data.Length) throw new PickleRefusal($"a NumPy array of shape [{string.Join(", ", array.Shape)}] comes with {data.Length} bytes");
                break;
            default:
                throw new PickleRefusal($"it sets the state of a {target.TypeName} to a {state.TypeName}, which no checkpoint needs");
        }
    }

    internal static long Integer(PickleValue value, string what) =>
        value is PickleScalar { Value: BigInteger number } && number >= long.MinValue && number <= long.MaxValue ? (long)number : throw Wrong(what, value);

    private static long[] Integers(PickleValue value, string what) => [.. Sequence(value).Select(item => Integer(item, what))];

    internal static string Text(PickleValue value) => value is PickleScalar { Value: string text } ? text : throw Wrong("a text", value);

    internal static IReadOnlyList<PickleValue> Sequence(PickleValue value) => value is PickleSequence sequence ? sequence.Items : throw Wrong("a sequence", value);

    private static bool Truth(PickleValue value) => value is PickleScalar { Value: bool truth } ? truth : throw Wrong("a bool", value);

    private static double Float(PickleValue value) => value is PickleScalar { Value: double x } ? x : throw Wrong("a float", value);

    private static IReadOnlyList<PickleValue> Arguments(IReadOnlyList<PickleValue> arguments, int least, int most) =>
        arguments.Count >= least && arguments.Count <= most ? arguments : throw new PickleRefusal($"{arguments.Count} arguments where {least} to {most} belong");

    private static PickleRefusal Wrong(string what, PickleValue got) => new($"{what} is a {got.TypeName}");

    /// <summary>A name with everything but plain letters escaped, so that no look-alike deceives.</summary>
    private static string Printable(string name) => name.Length == 0 ? "(nothing)" : string.Concat(name.Take(200).Select(c => c is > ' ' and < '\x7f' ? c.ToString() : $"\\u{(int)c:x4}"));
}
