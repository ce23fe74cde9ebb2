using System.IO.Compression;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class TorchCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Zip(byte[] pickle, byte[]? storage = null)
    {
        var path = _folder.File("a.pt");
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var (name, bytes) in new[] { ("a/data.pkl", pickle), ("a/data/0", storage ?? Pickles.Numbers) })
        {
            using var member = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            member.Write(bytes);
        }
        return path;
    }

    private string Legacy()
    {
        var path = _folder.File("a.pth");
        File.WriteAllBytes(path, [.. Pickles.LegacyHead, .. Pickles.StateDictionary(isLegacy: true), .. Pickles.StorageKeys, .. BitConverter.GetBytes(6L), .. Pickles.Numbers]);
        return path;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Read_OfTwoViewsOfOneStorage_GivesATensorAndItsTranspose(bool isLegacy)
    {
        using var scope = NewDisposeScope();
        using var file = TorchCheckpoint.Open(isLegacy ? Legacy() : Zip(Pickles.StateDictionary(isLegacy: false)));
        Assert.Equal(["weight", "transposed"], file.Tensors.Select(tensor => tensor.Name));
        var weight = file.Read("weight");
        Assert.True(weight.eq(arange(6).reshape(2, 3)).all().item<bool>());
        Assert.True(file.Read("transposed").eq(weight.t()).all().item<bool>());
    }

    [Theory]
    [InlineData("os", "system", "os.system")]
    [InlineData("torch", "load", "torch.load")]
    [InlineData("collections", "ordereddict", "collections.ordereddict")]
    [InlineData("builtins", "eval", "builtins.eval")]
    public void Open_OfAPickleThatCallsAnything_NamesTheGlobal(string module, string name, string named)
    {
        var refusal = Assert.Throws<CheckpointException>(() => TorchCheckpoint.Open(Zip(Pickles.Call(module, name, "touch pwned"))));
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was executed", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfAStorageOfAnotherLength_IsRefused() =>
        Assert.Contains("20 bytes", Assert.Throws<CheckpointException>(() => TorchCheckpoint.Open(Zip(Pickles.StateDictionary(isLegacy: false), Pickles.Numbers[..20]))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("<!DOCTYPE html><html>404</html>", "web page")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer")]
    [InlineData("", "empty")]
    public void Open_OfWhatUsersMistakeForACheckpoint_SaysWhatItIs(string content, string said)
    {
        var path = _folder.File("a.ckpt");
        File.WriteAllText(path, content);
        Assert.Contains(said, Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AfterClosing_StaysValidAndLeavesNothing()
    {
        var live = Tensor.TotalCount;
        Tensor weight;
        using (var file = TorchCheckpoint.Open(Zip(Pickles.StateDictionary(isLegacy: false)))) weight = file.Read("weight");
        using (weight)
        using (var sum = weight.sum()) Assert.Equal(15, sum.item<float>());
        Assert.Equal(live, Tensor.TotalCount);
    }
}
