using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Imago.Weights;

/// <summary>
/// Reads one pickle as data. The opcodes are a closed list, those of protocols 2 to 5 that describe values; the names are the closed list of
/// <see cref="PickleGlobals"/>. Memory is bounded: a length is checked against the bytes that are left before anything is allocated,
/// and all objects together may take a fixed amount and a small multiple of the pickle.
/// </summary>
internal ref struct Unpickler
{
    private const long FreeBytes = 128 << 20;
    private const int MaxIntegerBytes = 256;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly PickleScalar[] SmallIntegers = [.. Enumerable.Range(0, 256).Select(i => new PickleScalar(new BigInteger(i)))];

    private static readonly Dictionary<byte, string> RefusedOpcodes = new()
    {
        [(byte)'P'] = "PERSID", [(byte)'i'] = "INST", [(byte)'o'] = "OBJ", [0x81] = "NEWOBJ", [0x92] = "NEWOBJ_EX", [0x82] = "EXT1", [0x83] = "EXT2", [0x84] = "EXT4",
        [0x97] = "NEXT_BUFFER", [0x98] = "READONLY_BUFFER", [(byte)'S'] = "STRING", [(byte)'V'] = "UNICODE", [(byte)'I'] = "INT", [(byte)'L'] = "LONG",
        [(byte)'F'] = "FLOAT", [(byte)'p'] = "PUT", [(byte)'g'] = "GET",
    };

    private readonly ReadOnlySpan<byte> _data;
    private readonly string _path;
    private readonly int _storageFields;
    private readonly List<PickleValue> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, PickleValue> _memo = [];
    private long _budget;
    private int _at;

    /// <param name="data">The bytes, from the pickle's first on; more may follow it.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="storageFields">Items of a persistent id: 5 in the zip container, 6 in the legacy one.</param>
    internal Unpickler(ReadOnlySpan<byte> data, string path, int storageFields)
    {
        _data = data;
        _path = path;
        _storageFields = storageFields;
        _budget = FreeBytes + 4L * data.Length;
    }

    /// <summary>Where the pickle ended.</summary>
    internal readonly int Position => _at;

    /// <summary>Every storage that the pickle names, in order.</summary>
    internal List<PickleStorage> Storages { get; } = [];

    /// <summary>Every tensor that the pickle builds.</summary>
    internal List<PickleTensor> Tensors { get; } = [];

    /// <exception cref="CheckpointException">The pickle is damaged, or refers to what is not on the closed lists.</exception>
    internal PickleValue Load()
    {
        int opcodeAt = 0;
        try
        {
            while (true)
            {
                opcodeAt = _at;
                var opcode = Take(1)[0];
                if (opcode == (byte)'.') return Pop();
                Execute(opcode);
                if (_budget < 0) throw new PickleRefusal("it describes far more objects than its size warrants");
            }
        }
        catch (PickleRefusal e)
        {
            throw new CheckpointException($"{_path} is refused: at byte {opcodeAt} of its pickle, {e.Message}.");
        }
    }

    private void Execute(byte opcode)
    {
        switch (opcode)
        {
            case 0x80:                                                          // PROTO
                var protocol = Take(1)[0];
                if (protocol > 5) throw new PickleRefusal($"it is of protocol {protocol}, the newest is 5");
                break;
            case 0x95:                                                          // FRAME
                Length(Take(8));
                break;
            case (byte)'(':
                Spend(8);
                _marks.Add(_stack.Count);
                break;
            case (byte)'0':
                Pop();
                break;
            case (byte)'1':
                PopToMark();
                break;
            case (byte)'2':
                Push(Top(), 8);
                break;
            case (byte)'R':
                Reduce();
                break;
            case (byte)'b':
                var state = Pop();
                PickleGlobals.Build(Top(), state);
                break;
            case (byte)'Q':
                Push(Persistent(Pop()), 128);
                break;
            case (byte)'c':
                Push(PickleGlobals.Find(Line(), Line()), 8);
                break;
            case 0x93:                                                          // STACK_GLOBAL
                var name = PickleGlobals.Text(Pop());
                Push(PickleGlobals.Find(PickleGlobals.Text(Pop()), name), 8);
                break;
            default:
                if (!TryScalar(opcode) && !TryCollection(opcode) && !TryMemo(opcode)) throw Refused(opcode);
                break;
        }
    }

    private static PickleRefusal Refused(byte opcode) => new(RefusedOpcodes.TryGetValue(opcode, out var name)
        ? $"the opcode {name} is not on the closed list that checkpoints use"
        : $"0x{opcode:x2} is no opcode; the file is damaged or not a pickle");

    private bool TryScalar(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'N':
                Push(PickleScalar.None, 8);
                return true;
            case 0x88:
                Push(PickleScalar.True, 8);
                return true;
            case 0x89:
                Push(PickleScalar.False, 8);
                return true;
            case (byte)'K':
                Push(SmallIntegers[Take(1)[0]], 8);
                return true;
            case (byte)'M':
                PushInteger(BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                return true;
            case (byte)'J':
                PushInteger(BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                return true;
            case 0x8a:                                                          // LONG1
                PushLong(Take(1)[0]);
                return true;
            case 0x8b:                                                          // LONG4
                PushLong(BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                return true;
            case (byte)'G':
                Push(new PickleScalar(BinaryPrimitives.ReadDoubleBigEndian(Take(8))), 56);
                return true;
            case (byte)'X':
                PushText(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                return true;
            case 0x8c:                                                          // SHORT_BINUNICODE
                PushText(Take(1)[0]);
                return true;
            case 0x8d:                                                          // BINUNICODE8
                PushText(Length(Take(8)));
                return true;
            case (byte)'T':                                                     // BINSTRING, the str of Python 2
                PushText(BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                return true;
            case (byte)'U':                                                     // SHORT_BINSTRING
                PushText(Take(1)[0]);
                return true;
            case (byte)'B':
                PushBytes(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                return true;
            case (byte)'C':
                PushBytes(Take(1)[0]);
                return true;
            case 0x8e or 0x96:                                                  // BINBYTES8, BYTEARRAY8
                PushBytes(Length(Take(8)));
                return true;
            default:
                return false;
        }
    }

    private bool TryCollection(byte opcode)
    {
        switch (opcode)
        {
            case (byte)']':
                Push(new PickleSequence(PickleSequenceKind.List), 48);
                return true;
            case (byte)')':
                Push(new PickleSequence(PickleSequenceKind.Tuple), 48);
                return true;
            case (byte)'}':
                Push(new PickleDictionary(isOrdered: false), 160);
                return true;
            case 0x8f:                                                          // EMPTY_SET
                Push(new PickleSequence(PickleSequenceKind.Set), 48);
                return true;
            case (byte)'l':
                PushSequence(PickleSequenceKind.List, PopToMark());
                return true;
            case (byte)'t':
                PushSequence(PickleSequenceKind.Tuple, PopToMark());
                return true;
            case 0x91:                                                          // FROZENSET
                PushSequence(PickleSequenceKind.FrozenSet, PopToMark());
                return true;
            case 0x85 or 0x86 or 0x87:                                          // TUPLE1, TUPLE2, TUPLE3
                PushSequence(PickleSequenceKind.Tuple, PopMany(opcode - 0x84));
                return true;
            case (byte)'a':
                Append(PopMany(1), PickleSequenceKind.List);
                return true;
            case (byte)'e':
                Append(PopToMark(), PickleSequenceKind.List);
                return true;
            case 0x90:                                                          // ADDITEMS
                Append(PopToMark(), PickleSequenceKind.Set);
                return true;
            case (byte)'s':
                SetItems(PopMany(2));
                return true;
            case (byte)'u':
                SetItems(PopToMark());
                return true;
            case (byte)'d':
                var items = PopToMark();
                Push(new PickleDictionary(isOrdered: false), 160);
                SetItems(items);
                return true;
            default:
                return false;
        }
    }

    private bool TryMemo(byte opcode)
    {
        switch (opcode)
        {
            case (byte)'q':
                Remember(Take(1)[0]);
                return true;
            case (byte)'r':
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                return true;
            case 0x94:                                                          // MEMOIZE
                Remember((uint)_memo.Count);
                return true;
            case (byte)'h':
                Recall(Take(1)[0]);
                return true;
            case (byte)'j':
                Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                return true;
            default:
                return false;
        }
    }

    private void Reduce()
    {
        var arguments = PickleGlobals.Sequence(Pop());
        var function = Pop();
        if (function is not PickleGlobal global) throw new PickleRefusal($"it calls a {function.TypeName}");
        Spend(64L * arguments.Count);
        var result = global.Call(arguments);
        if (result is PickleTensor tensor) Tensors.Add(tensor);
        Push(result, result is PickleScalar { Value: byte[] bytes } ? 64 + bytes.Length : 200);
    }

    /// <summary>('storage', class, key, location, count), and in the legacy container a view.</summary>
    private readonly PickleStorage Persistent(PickleValue id)
    {
        if (id is not PickleSequence { Kind: PickleSequenceKind.Tuple, Items: var items }) throw new PickleRefusal($"a persistent id is a {id.TypeName}");
        if (items.Count != _storageFields) throw new PickleRefusal($"a persistent id has {items.Count} items, expected {_storageFields}");
        if (items[0] is not PickleScalar { Value: "storage" }) throw new PickleRefusal("a persistent id stands for something other than a storage");
        if (items[1] is not PickleGlobal { IsStorage: true } type) throw new PickleRefusal($"a storage's class is a {items[1].TypeName}");
        if (items.Count == 6 && items[5] is not PickleScalar { Value: null }) throw new PickleRefusal("a storage is a view of another, as PyTorch before 0.4 wrote; save the file anew with a newer PyTorch");
        var count = PickleGlobals.Integer(items[4], "a storage's length");
        if (count < 0) throw new PickleRefusal($"a storage has {count} elements");
        var storage = new PickleStorage(PickleGlobals.Text(items[2]), type.StorageType, count, PickleGlobals.Text(items[3]));
        if (storage.ByteCount is null) throw new PickleRefusal($"a storage has {count} elements, more than any memory holds");
        Storages.Add(storage);
        return storage;
    }

    private readonly void Append(List<PickleValue> items, PickleSequenceKind kind)
    {
        if (Top() is not PickleSequence sequence || sequence.Kind != kind) throw new PickleRefusal($"it appends to a {Top().TypeName}");
        foreach (var item in items)
        {
            if (kind == PickleSequenceKind.Set && item.ToKey() is null) throw new PickleRefusal($"a set holds a {item.TypeName}");
            sequence.Add(item);
        }
    }

    private void SetItems(List<PickleValue> items)
    {
        if (Top() is not PickleDictionary dictionary) throw new PickleRefusal($"it sets an item of a {Top().TypeName}");
        if (items.Count % 2 != 0) throw new PickleRefusal("a key has no value");
        for (int i = 0; i < items.Count; i += 2)
        {
            Spend(120 + (items[i] is PickleScalar { Value: string text } ? 2 * text.Length : 0));
            if (!dictionary.TrySet(items[i], items[i + 1])) throw new PickleRefusal($"a {items[i].TypeName} is used as a key");
        }
    }

    private void Remember(uint key)
    {
        Spend(48);
        _memo[key] = Top();
    }

    private void Recall(uint key) => Push(_memo.TryGetValue(key, out var value) ? value : throw new PickleRefusal($"it refers to the remembered value {key}, which there is not"), 8);

    private void PushInteger(BigInteger number) => Push(new PickleScalar(number), 56);

    private void PushLong(int length)
    {
        if (length is < 0 or > MaxIntegerBytes) throw new PickleRefusal($"an integer of {length} bytes");
        Push(new PickleScalar(new BigInteger(Take(length))), 64 + length);
    }

    private void PushText(long length)
    {
        var bytes = Take(length);
        try
        {
            Push(new PickleScalar(Utf8.GetString(bytes)), 56 + 2L * bytes.Length);
        }
        catch (DecoderFallbackException)
        {
            throw new PickleRefusal("a text is not UTF-8");
        }
    }

    private void PushBytes(long length) => Push(new PickleScalar(Take(length).ToArray()), 56 + length);

    private void PushSequence(PickleSequenceKind kind, List<PickleValue> items) => Push(new PickleSequence(kind, items), 64 + 8L * items.Count);

    private void Push(PickleValue value, long cost)
    {
        Spend(cost);
        _stack.Add(value);
    }

    private void Spend(long cost)
    {
        _budget -= cost;
        if (_budget < 0) throw new PickleRefusal("it describes far more objects than its size warrants");
    }

    private readonly PickleValue Top() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private readonly PickleValue Pop()
    {
        var value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly List<PickleValue> PopMany(int count)
    {
        if (_stack.Count - Floor < count) throw Underflow();
        var values = _stack.GetRange(_stack.Count - count, count);
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private readonly List<PickleValue> PopToMark()
    {
        if (_marks.Count == 0) throw new PickleRefusal("a mark is missing");
        var values = PopMany(_stack.Count - Floor);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    /// <summary>What lies below the last mark is out of reach.</summary>
    private readonly int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private static PickleRefusal Underflow() => new("it takes a value from an empty stack");

    private ReadOnlySpan<byte> Take(long length)
    {
        if (length < 0 || length > _data.Length - _at) throw new PickleRefusal($"it wants {length} bytes, but {_data.Length - _at} are left");
        var bytes = _data.Slice(_at, (int)length);
        _at += (int)length;
        return bytes;
    }

    private readonly long Length(ReadOnlySpan<byte> eight)
    {
        var length = BinaryPrimitives.ReadUInt64LittleEndian(eight);
        return length <= (ulong)(_data.Length - _at) ? (long)length : throw new PickleRefusal($"it wants {length} bytes, but {_data.Length - _at} are left");
    }

    private string Line()
    {
        var end = _data[_at..].IndexOf((byte)'\n');
        if (end is < 0 or > 1000) throw new PickleRefusal("a name does not end");
        var line = Take(end + 1)[..^1];
        return System.Text.Unicode.Utf8.IsValid(line) ? Utf8.GetString(line) : throw new PickleRefusal("a name is not UTF-8");
    }
}
