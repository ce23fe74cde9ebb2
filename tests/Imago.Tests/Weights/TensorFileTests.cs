using System.Text.Json;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class TensorFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Two shards with one tensor each, and their index, changed by a test.</summary>
    private string Shards(Action<Dictionary<string, string>>? change = null)
    {
        using var scope = NewDisposeScope();
        Safetensors.Write(_folder.File("model-1.safetensors"), [KeyValuePair.Create("a", arange(3, float32))]);
        Safetensors.Write(_folder.File("model-2.safetensors"), [KeyValuePair.Create("b", ones(2))]);
        var map = new Dictionary<string, string> { ["a"] = "model-1.safetensors", ["b"] = "model-2.safetensors" };
        change?.Invoke(map);
        File.WriteAllText(_folder.File("model.safetensors.index.json"), JsonSerializer.Serialize(new { metadata = new { total_size = 20 }, weight_map = map }));
        return _folder.File("model.safetensors.index.json");
    }

    [Fact]
    public void Open_OfAFolderWithShards_ReadsEachKeyFromItsShard()
    {
        using var scope = NewDisposeScope();
        Shards();
        using var file = TensorFile.Open(_folder.Path);
        Assert.Equal(["a", "b"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("20", file.Metadata["total_size"]);
        Assert.Equal(3, file.Read("a").sum().item<float>());
        Assert.Equal(2, file.Read("b").sum().item<float>());
    }

    [Theory]
    [InlineData("a", "model-2.safetensors", "does not hold a")]
    [InlineData("b", "model-3.safetensors", "model-3.safetensors is missing")]
    [InlineData("b", "../b.safetensors", "not a file beside it")]
    [InlineData("c", "model-2.safetensors", "does not hold c")]
    public void OpenSharded_OfAWrongIndex_NamesKeyAndFile(string key, string file, string said)
    {
        var index = Shards(map => map[key] = file);
        Assert.Contains(said, Assert.Throws<CheckpointException>(() => Safetensors.OpenSharded(index)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenSharded_OfAShardWithAKeyThatTheIndexLacks_IsRefused()
    {
        var index = Shards(map => map["b"] = "model-1.safetensors");
        Assert.Throws<CheckpointException>(() => Safetensors.OpenSharded(index));
    }

    [Fact]
    public void Open_JudgesByContentAndNotByName()
    {
        using var x = ones(2);
        Safetensors.Write(_folder.File("a.ckpt"), [KeyValuePair.Create("x", x)]);
        NumpyFile.WriteArray(_folder.File("b.safetensors"), x);
        Assert.Equal("safetensors", FileInspection.Of(_folder.File("a.ckpt")).Format);
        Assert.Equal("numpy", FileInspection.Of(_folder.File("b.safetensors")).Format);
        Assert.Contains("not a PyTorch checkpoint but a safetensors file", Assert.Throws<CheckpointException>(() => TorchCheckpoint.Open(_folder.File("a.ckpt"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfAnythingAbsent_SaysSo()
    {
        Assert.Contains("no such file", Assert.Throws<CheckpointException>(() => TensorFile.Open(_folder.File("absent.pt"))).Message, StringComparison.Ordinal);
        Assert.Contains("holds no weights", Assert.Throws<CheckpointException>(() => TensorFile.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfAnUnknownKey_NamesKeyAndFile()
    {
        using var x = ones(2);
        var path = _folder.File("a.safetensors");
        Safetensors.Write(path, [KeyValuePair.Create("x", x)]);
        using var file = TensorFile.Open(path);
        Assert.Equal($"{path}: there is no tensor y.", Assert.Throws<CheckpointException>(() => file.Read("y")).Message);
    }
}
