using System.IO.Compression;
using System.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Valid files of every kind with bytes changed: they are read or refused in Imago's own words, and never take memory that their size does not warrant.</summary>
public sealed class FileMutationTests : IDisposable
{
    private const int Mutations = 400;
    private const long FreeBytes = 8 << 20;                          // buffers, messages, stack traces

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Kinds => [.. new[] { "safetensors", "npy", "npz", "npz deflated", "gguf", "torch zip", "torch zip deflated", "torch legacy" }];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Open_OfTheFileItself_ReadsEveryTensor(string kind)
    {
        using var file = TensorFile.Open(Write(Valid(kind)));
        Assert.NotEmpty(file.Tensors);
        foreach (var tensor in file.Tensors)
        {
            using var read = file.Read(tensor.Name);
            Assert.Equal(tensor.Shape, read.shape);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Open_OfAMutatedFile_ReadsOrRefusesWithinBoundedMemory(string kind)
    {
        var valid = Valid(kind);
        var random = new Random(20261124);
        for (int i = 0; i < Mutations; i++)
        {
            var mutated = Mutate(valid, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            long tensorBytes = 0;
            try
            {
                using var file = TensorFile.Open(Write(mutated));
                foreach (var tensor in file.Tensors)
                {
                    using var read = file.Read(tensor.Name);
                    tensorBytes += tensor.ByteCount;
                }
            }
            catch (CheckpointException refusal)
            {
                Assert.Contains(_folder.Path, refusal.Message, StringComparison.Ordinal);
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, FreeBytes + 64L * mutated.Length);
            Assert.InRange(tensorBytes, 0, FreeBytes + 64L * mutated.Length);
        }
    }

    /// <summary>Flips bits, sets bytes, cuts the end off, removes or repeats a stretch, or puts an extreme number somewhere.</summary>
    private static byte[] Mutate(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (int changes = random.Next(1, 4); changes > 0 && bytes.Count > 0; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 16), bytes.Count - at));
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 64), bytes.Count - at)));
                    break;
                default:
                    long[] extremes = [-1, long.MaxValue, long.MinValue, uint.MaxValue, int.MaxValue, 1L << 40];
                    var number = BitConverter.GetBytes(extremes[random.Next(extremes.Length)]);
                    for (int i = 0; i < number.Length && at + i < bytes.Count; i++) bytes[at + i] = number[i];
                    break;
            }
        }
        return [.. bytes];
    }

    private string Write(byte[] bytes)
    {
        var path = _folder.File("file.bin");
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private byte[] Valid(string kind)
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("valid.bin");
        Dictionary<string, Tensor> tensors = new() { ["a.weight"] = arange(24, float32).reshape(2, 3, 4), ["b"] = tensor(7L), ["c"] = ones(5, dtype: ScalarType.Byte) };
        switch (kind)
        {
            case "safetensors":
                Safetensors.Write(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });
                break;
            case "npy":
                NumpyFile.WriteArray(path, tensors["a.weight"]);
                break;
            case "npz" or "npz deflated":
                NumpyFile.WriteArchive(path, tensors, compress: kind != "npz");
                break;
            case "gguf":
                return Gguf();
            case "torch legacy":
                return [.. Pickles.LegacyHead, .. Pickles.StateDictionary(isLegacy: true), .. Pickles.StorageKeys, .. BitConverter.GetBytes(6L), .. Pickles.Numbers];
            default:
                return TorchZip(kind == "torch zip" ? CompressionLevel.NoCompression : CompressionLevel.Optimal);
        }
        return File.ReadAllBytes(path);
    }

    private static byte[] TorchZip(CompressionLevel compression)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in new[] { ("m/data.pkl", Pickles.StateDictionary(isLegacy: false)), ("m/data/0", Pickles.Numbers), ("m/version", "3\n"u8.ToArray()) })
            {
                using var member = zip.CreateEntry(name, compression).Open();
                member.Write(bytes);
            }
        }
        return stream.ToArray();
    }

    /// <summary>Two keys, an F32 tensor of 8 and a Q8_0 tensor of 32.</summary>
    private static byte[] Gguf()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        void Text(string text)
        {
            writer.Write((ulong)Encoding.UTF8.GetByteCount(text));
            writer.Write(Encoding.UTF8.GetBytes(text));
        }

        void Info(string name, ulong size, uint type, ulong offset)
        {
            Text(name);
            writer.Write(1u);
            writer.Write(size);
            writer.Write(type);
            writer.Write(offset);
        }

        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write(2UL);
        writer.Write(2UL);
        Text("general.architecture");
        writer.Write(8u);
        Text("sd1");
        Text("numbers");
        writer.Write(9u);
        writer.Write(4u);
        writer.Write(3UL);
        foreach (var number in new uint[] { 1, 2, 3 }) writer.Write(number);
        Info("x", 8, 0, 0);
        Info("y", 32, 8, 32);
        while (stream.Length % 32 != 0) writer.Write((byte)0);
        writer.Write(new byte[32]);
        writer.Write(BitConverter.HalfToInt16Bits((Half)0.5));
        writer.Write(new byte[62]);
        return stream.ToArray();
    }
}
