using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Pipelines written as folders of the hub.</summary>
public sealed class PipelineWriterTests
{
    [Theory]
    [InlineData("sd15", "single/sd15.ckpt")]
    [InlineData("sd21", "single/sd21.safetensors")]
    [InlineData("sdxl-base", "single/sdxl-base.safetensors")]
    [InlineData("sdxl-refiner", "single/sdxl-refiner.safetensors")]
    [InlineData("sd3", "single/sd3-with-encoders.safetensors")]
    public void SingleFile_WrittenAsAFolder_IsTheSameModel(string hub, string file)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        PipelineWriter.Save(SingleFile.Open(Shared(file), new SingleFileOptions().WithConfigs(Shared($"hub/{hub}"))), folder.Path);
        Same(folder.Path, Shared($"hub/{hub}"));
    }

    [Fact]
    public void Folder_WrittenInAnotherPrecision_HalvesItsWeightsAndKeepsTheirValues()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        PipelineWriter.Save(PipelineFiles.FromFolder(Shared("hub/sd3")), folder.Path, ScalarType.Float32);
        Same(folder.Path, Shared("hub/sd3"));                                        // the numbers are of float16, which float32 holds
        PipelineWriter.Save(PipelineFiles.FromFolder(folder.Path), folder.Path, ScalarType.Float16);
        Same(folder.Path, Shared("hub/sd3"));
    }

    [Fact]
    public void Weights_ThatDoNotFitTheConfiguration_AreRefusedBeforeAnythingIsWritten()
    {
        using var folder = new TemporaryFolder();
        var (one, other) = (PipelineFiles.FromFolder(Shared("hub/sd15")), PipelineFiles.FromFolder(Shared("hub/sd21")));
        var mixed = one.With(ComponentNames.UNet, one.Components[ComponentNames.UNet] with { OpenWeights = other.Components[ComponentNames.UNet].OpenWeights });
        Assert.Throws<CheckpointException>(() => PipelineWriter.Save(mixed, folder.Path));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    private static void Same(string folder, string expected)
    {
        using var got = StableDiffusion.Load(folder);
        using var want = StableDiffusion.Load(expected);
        foreach (var (one, other) in Weights(got).Zip(Weights(want)))
        {
            Assert.Equal(other.Key, one.Key);
            Assert.True(one.Value.eq(other.Value).all().item<bool>(), one.Key);
        }
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Weights(DiffusionModel model) =>
        [.. model.Network.state_dict(), .. model.Encoder.state_dict(), .. ((LatentCodec)model.Codec).Autoencoder.state_dict()];

    internal static string Shared(string path)
    {
        var full = Path.GetFullPath(Path.Combine(GoldenFolder.Repository() ?? ".", "..", "shared", "golden", "pipelines", path));
        Assert.SkipUnless(Path.Exists(full), $"{full} is not there");
        return full;
    }
}
