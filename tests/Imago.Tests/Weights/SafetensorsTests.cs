using System.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<ScalarType> Types => [.. new[]
    {
        ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int8, ScalarType.Int16,
        ScalarType.Int32, ScalarType.Int64, ScalarType.Byte, ScalarType.Bool, ScalarType.ComplexFloat32,
    }];

    [Theory]
    [MemberData(nameof(Types))]
    public void WriteThenOpen_AnyType_GivesTheSameTensor(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var tensor = (arange(24) % 5 - 2).to(type).reshape(2, 3, 4);
        var path = _folder.File("a.safetensors");
        Safetensors.Write(path, [KeyValuePair.Create("x", tensor)]);
        using var file = Safetensors.Open(path);
        var read = file.Read("x");
        Assert.Equal(type, read.dtype);
        Assert.Equal(tensor.shape, read.shape);
        Assert.True(read.eq(tensor).all().item<bool>());
    }

    [Fact]
    public void Write_OfMixedTypesAndStrides_AlignsEveryTensorAndKeepsMetadata()
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("a.safetensors");
        Dictionary<string, Tensor> tensors = new()
        {
            ["bytes"] = tensor(new byte[] { 1, 2, 3 }),
            ["transposed"] = arange(6, float64).reshape(2, 3).t(),
            ["scalar"] = tensor(2.5f),
            ["empty"] = zeros(0, 3),
            ["\"ключ\""] = ones(2, bfloat16),
        };
        Safetensors.Write(path, tensors, new Dictionary<string, string> { ["format"] = "pt", ["имя"] = "a\n\"b\"" });
        using var file = Safetensors.Open(path);
        Assert.Equal("a\n\"b\"", file.Metadata["имя"]);
        Assert.Equal(tensors.Count, file.Tensors.Count);
        foreach (var (name, tensor) in tensors)
        {
            var read = file.Read(name);
            Assert.True(read.eq(tensor).all().item<bool>(), name);
            Assert.True(read.numel() == 0 || NativeTensors.DataPointer(read) % read.element_size() == 0, name);
        }
    }

    [Fact]
    public void Read_IsNoCopy_AndWritingToItLeavesTheFileAlone()
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("a.safetensors");
        Safetensors.Write(path, [KeyValuePair.Create("x", zeros(1000))]);
        var before = File.ReadAllBytes(path);
        var file = Safetensors.Open(path);
        var (first, second) = (file.Read("x"), file.Read("x"));
        file.Dispose();
        first.fill_(1);
        Assert.True(second.eq(1).all().item<bool>());                // the same pages
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Read_AfterItsFileIsClosedAndDeleted_StaysValidAndIsReleasedOnce()
    {
        var path = _folder.File("a.safetensors");
        using (var x = arange(100, float32)) Safetensors.Write(path, [KeyValuePair.Create("x", x)]);
        var live = Tensor.TotalCount;
        Tensor read;
        using (var file = Safetensors.Open(path)) read = file.Read("x");
        File.Delete(path);
        using (read)
        using (var sum = read.sum()) Assert.Equal(4950, sum.item<float>());
        Assert.Equal(live, Tensor.TotalCount);
    }

    [Fact]
    public void Write_ThatFails_LeavesTheOlderFileAndNoTemporary()
    {
        var path = _folder.File("a.safetensors");
        using var x = ones(3);
        Safetensors.Write(path, [KeyValuePair.Create("x", x)]);
        var before = File.ReadAllBytes(path);
        var gone = ones(3);
        gone.Dispose();
        Assert.ThrowsAny<Exception>(() => Safetensors.Write(path, [KeyValuePair.Create("x", x), KeyValuePair.Create("y", gone)]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(_folder.Path));
        Assert.Throws<CheckpointException>(() => Safetensors.Write(_folder.File("absent/a.safetensors"), [KeyValuePair.Create("x", x)]));
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, null)]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "appended")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "cut short")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "hole")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "overlap")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", 8, "larger than any memory")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "whole numbers")]
    [InlineData("""{"x":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""", 8, "F31")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "twice")]
    public void Open_OfAHandMadeHeader_NamesWhatIsWrong(string header, int dataLength, string? complaint)
    {
        var path = _folder.File("a.safetensors");
        var text = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)text.Length), .. text, .. new byte[dataLength]]);
        if (complaint is null)
        {
            Safetensors.Open(path).Dispose();
            return;
        }
        var refusal = Assert.Throws<CheckpointException>(() => Safetensors.Open(path));
        Assert.Contains(complaint, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Float8_OfEveryCode_IsMonotoneAndSymmetric()
    {
        foreach (var format in new[] { Float8.E4M3, Float8.E5M2, Float8.E4M3Fnuz, Float8.E5M2Fnuz })
        {
            float[] positive = [.. Enumerable.Range(0, 128).Select(code => format.Decode((byte)code)).Where(float.IsFinite)];
            Assert.Equal(positive.Order(), positive);
            Assert.Equal(positive.Length, positive.Distinct().Count());
            Assert.All(Enumerable.Range(1, 127), code => Assert.Equal(-format.Decode((byte)code), format.Decode((byte)(code + 128))));
        }
        Assert.Equal(448, Float8.E4M3.Decode(0x7E));                  // the largest numbers, Micikevicius et al. 2022, Table 1
        Assert.Equal(57344, Float8.E5M2.Decode(0x7B));
    }
}
