using Imago.Generation;
using Imago.Images;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Export(DiffusionModel model, string name, ExportOptions options)
    {
        var folder = _folder.File(name);
        Directory.CreateDirectory(folder);
        DiffusionFiles.Save(model, folder, options);
        return folder;
    }

    [Fact]
    public void Bf16_MovesEachWeightByAtMostHalfAnUlp()
    {
        using var model = TinyDiffusion.Model("text");
        using var read = DiffusionFiles.Load(Export(model, "small", new ExportOptions { Precision = Precision.Bf16 }));
        using var scope = NewDisposeScope();
        var (before, after) = (model.Trained.state_dict(), read.Trained.state_dict());
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        foreach (var (key, weight) in before)
        {
            Assert.True((after[key] - weight).abs().le(weight.abs() / 256 + 1e-30).all().item<bool>(), key);                    // 8 significant bits
            Assert.True(after[key].allclose(weight.to(bfloat16).to(float32), 0, 0), key);
        }
    }

    [Fact]
    public void Bf16_TakesHalfTheRoomAndIsStable()
    {
        using var model = TinyDiffusion.Model("text");
        var (whole, small) = (Export(model, "whole", new ExportOptions()), Export(model, "small", new ExportOptions { Precision = Precision.Bf16 }));
        const string Weights = "network/diffusion_pytorch_model.safetensors";
        using (var file = TensorFile.Open(Path.Combine(small, Weights))) Assert.All(file.Tensors, tensor => Assert.Equal("BF16", tensor.DataType));
        using (var file = TensorFile.Open(Path.Combine(whole, Weights))) Assert.All(file.Tensors, tensor => Assert.Equal("F32", tensor.DataType));
        using var read = DiffusionFiles.Load(small);
        var again = Export(read, "again", new ExportOptions { Precision = Precision.Bf16 });
        Assert.Equal(File.ReadAllBytes(Path.Combine(small, Weights)), File.ReadAllBytes(Path.Combine(again, Weights)));
    }

    [Fact]
    public void Export_LeavesTheModelAsItIs()
    {
        using var model = TinyDiffusion.Model();
        using var before = model.Network.parameters().First().clone();
        Export(model, "small", new ExportOptions { Precision = Precision.Bf16, Description = "other", Defaults = new DrawingDefaults { Steps = 3 } });
        Assert.True(before.allclose(model.Network.parameters().First(), 0, 0));
        Assert.Equal(float32, model.Network.parameters().First().dtype);
        Assert.Null(model.Config.Description);
    }

    [Fact]
    public void Export_KeepsWhatIsSaidOfTheModel()
    {
        using var model = TinyDiffusion.Model();
        var first = Export(model, "first", new ExportOptions { Description = "dark and bright", Defaults = new DrawingDefaults { Steps = 3, Guidance = 4 } });
        using var read = DiffusionFiles.Load(first);
        using var again = DiffusionFiles.Load(Export(read, "again", new ExportOptions()));
        Assert.Equal("dark and bright", again.Config.Description);
        Assert.Equal((3, 4.0), (again.Config.Defaults.Steps, again.Config.Defaults.Guidance));
    }

    [Fact]
    public void Load_OfADamagedExport_NamesTheFile()
    {
        using var model = TinyDiffusion.Model();
        var folder = Export(model, "small", new ExportOptions { Precision = Precision.Bf16 });
        var weights = Path.Combine(folder, "network", "diffusion_pytorch_model.safetensors");
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^10]);
        Assert.Contains("network", Assert.Throws<CheckpointException>(() => DiffusionFiles.Load(folder)).Message, StringComparison.Ordinal);
        File.Delete(weights);
        Assert.Contains("network", Assert.Throws<CheckpointException>(() => DiffusionFiles.Load(folder)).Message, StringComparison.Ordinal);
    }
}
