using System.Text;

namespace Imago.Tests;

/// <summary>Pickles made by hand, as torch.save writes them.</summary>
internal static class Pickles
{
    /// <summary>Six float32.</summary>
    internal static byte[] Numbers => [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))];

    /// <summary>Magic number, protocol and machine of the legacy container.</summary>
    internal static byte[] LegacyHead =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        0x80, 2, (byte)'M', 0xe9, 0x03, (byte)'.',
        0x80, 2, (byte)'}', (byte)'(', .. Text("protocol_version"), (byte)'M', 0xe9, 0x03, .. Text("little_endian"), 0x88, (byte)'u', (byte)'.',
    ];

    /// <summary>The list of the one storage.</summary>
    internal static byte[] StorageKeys => [0x80, 2, (byte)']', (byte)'(', .. Text("0"), (byte)'e', (byte)'.'];

    /// <summary><c>OrderedDict(weight=tensor of 2×3, transposed=the same storage as 3×2)</c>.</summary>
    internal static byte[] StateDictionary(bool isLegacy) =>
    [
        0x80, 2, .. Global("collections", "OrderedDict"), (byte)')', (byte)'R', (byte)'q', 0, (byte)'(',
        .. Text("weight"), .. Tensor(isLegacy, 2, 3, 3, 1),
        .. Text("transposed"), .. Tensor(isLegacy, 3, 2, 1, 3),
        (byte)'u', (byte)'.',
    ];

    /// <summary>A whole pickle that calls a function with one text.</summary>
    internal static byte[] Call(string module, string name, string argument) => [0x80, 2, .. Global(module, name), .. Text(argument), 0x85, (byte)'R', (byte)'.'];

    private static byte[] Tensor(bool isLegacy, byte rows, byte columns, byte rowStride, byte columnStride) =>
    [
        .. Global("torch._utils", "_rebuild_tensor_v2"), (byte)'(',
        (byte)'(', .. Text("storage"), .. Global("torch", "FloatStorage"), .. Text("0"), .. Text("cpu"), (byte)'K', 6, .. isLegacy ? "N"u8 : [], (byte)'t', (byte)'Q',
        (byte)'K', 0, (byte)'K', rows, (byte)'K', columns, 0x86, (byte)'K', rowStride, (byte)'K', columnStride, 0x86, 0x89,
        .. Global("collections", "OrderedDict"), (byte)')', (byte)'R', (byte)'t', (byte)'R',
    ];

    private static byte[] Text(string text) => [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Global(string module, string name) => [(byte)'c', .. Encoding.ASCII.GetBytes($"{module}\n{name}\n")];
}
