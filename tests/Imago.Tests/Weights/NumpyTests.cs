using System.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class NumpyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Npy(string header, byte[] data)
    {
        var path = _folder.File("a.npy");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. data]);
        return path;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WriteThenOpen_OfAnArchive_GivesTheSameTensors(bool compress)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = new() { ["mu"] = arange(4, float64), ["sigma"] = eye(4, dtype: float64).t(), ["scalar"] = tensor(2.5f), ["images"] = zeros(2, 3, 3, 3, dtype: ScalarType.Byte) };
        NumpyFile.WriteArchive(_folder.File("a.npz"), tensors, compress);
        using var file = NumpyFile.Open(_folder.File("a.npz"));
        Assert.Equal(tensors.Keys, file.Tensors.Select(tensor => tensor.Name));
        Assert.All(tensors, entry =>
        {
            var read = file.Read(entry.Key);
            Assert.Equal(entry.Value.dtype, read.dtype);
            Assert.Equal(entry.Value.shape, read.shape);
            Assert.True(read.eq(entry.Value).all().item<bool>());
        });
    }

    [Fact]
    public void Read_OfFortranOrderAndBigEndian_GivesTheSameNumbers()
    {
        using var scope = NewDisposeScope();
        byte[] columns = [.. new short[] { 1, 4, 2, 5, 3, 6 }.SelectMany(x => BitConverter.GetBytes(x).Reverse())];
        using var file = NumpyFile.Open(Npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", columns));
        Assert.True(file.Read("array").eq(tensor(new short[] { 1, 2, 3, 4, 5, 6 }).reshape(2, 3)).all().item<bool>());
    }

    [Theory]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "pickles")]
    [InlineData("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", "structured")]
    [InlineData("{'descr': '<M8[D]', 'fortran_order': False, 'shape': (1,), }", "<M8[D]")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "cut short")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "larger than any memory")]
    [InlineData("__import__('os').system('touch pwned')", "literal")]
    public void Open_OfWhatIsNoArrayOfNumbers_NamesIt(string header, string said) =>
        Assert.Contains(said, Assert.Throws<CheckpointException>(() => NumpyFile.Open(Npy(header, new byte[16]))).Message, StringComparison.Ordinal);

    [Fact]
    public void WriteArray_OfBFloat16_IsAnArgumentError() =>
        Assert.Throws<ArgumentException>(() => NumpyFile.WriteArray(_folder.File("a.npy"), ones(2, bfloat16)));
}
