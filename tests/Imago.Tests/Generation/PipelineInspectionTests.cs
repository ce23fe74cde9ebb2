using System.Text.Json;
using Imago.Diffusion;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>What is said of folders and single files without loading them.</summary>
public sealed class PipelineInspectionTests
{
    [Theory]
    [InlineData("sd15", "single/sd15.safetensors", "Stable Diffusion 1", Prediction.Epsilon)]
    [InlineData("sd21", "single/sd21.safetensors", "Stable Diffusion 2", Prediction.Velocity)]
    [InlineData("sdxl-base", "single/sdxl-base.safetensors", "Stable Diffusion XL (base)", Prediction.Epsilon)]
    [InlineData("sdxl-refiner", "single/sdxl-refiner.safetensors", "Stable Diffusion XL (refiner)", Prediction.Epsilon)]
    [InlineData("sd3", "single/sd3-with-encoders.safetensors", "Stable Diffusion 3", Prediction.Flow)]
    public void FolderAndFile_OfTheSameModel_AreSaidToBeTheSame(string hub, string file, string family, Prediction prediction)
    {
        var folder = PipelineInspection.Of(PipelineWriterTests.Shared($"hub/{hub}"));
        var single = PipelineInspection.Of(PipelineWriterTests.Shared(file), new SingleFileOptions().WithConfigs(PipelineWriterTests.Shared($"hub/{hub}")));
        foreach (var pipeline in new[] { folder, single }) Assert.Equal((family, prediction, true), (pipeline.Family, pipeline.Prediction, pipeline.IsComplete));
        Assert.Equal(folder.Parts.Where(part => part.Kind != "tokenizer" && part.Name != "text_encoder_3").Select(part => (part.Name, part.Kind, part.Parameters)).Order(), single.Parts.Where(part => part.Name != "text_encoder_3").Select(part => (part.Name, part.Kind, part.Parameters)).Order());
        Assert.Equal(folder.Parameters * 4, folder.WeightBytes);
    }

    [Fact]
    public void Folder_WithHalfOfItsParts_LacksTheOthers()
    {
        var inpainting = PipelineInspection.Of(PipelineWriterTests.Shared("hub/sd15-inpaint"));
        Assert.Equal("mask and masked picture", inpainting.ExtraInput);
        Assert.Equal([ComponentNames.Vae, "text encoders"], inpainting.Missing);
        Assert.False(inpainting.IsComplete);
    }

    [Fact]
    public void Folder_WithALoraForAUNet_NamesIt()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var from = PipelineWriterTests.Shared("hub/sd15");
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(folder.Path, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(path, to);
        }
        File.Delete(Path.Combine(folder.Path, "unet", "diffusion_pytorch_model.safetensors"));
        Safetensors.Write(Path.Combine(folder.Path, "unet", "diffusion_pytorch_model.safetensors"), new Dictionary<string, Tensor> { ["unet.conv_in.lora_A.weight"] = zeros(1, 4), ["unet.conv_in.lora_B.weight"] = zeros(4, 1) });
        var problem = PipelineInspection.Of(folder.Path).Parts.Single(part => part.Name == ComponentNames.UNet).Problem;
        Assert.Contains("LoRA", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Command_SaysWhatAModelIs_AsOneDocument()
    {
        var path = PipelineWriterTests.Shared("single/sd21.safetensors");
        var (code, output, error) = CommandLine.Run(["inspect", path, "--config", PipelineWriterTests.Shared("hub/sd21"), "--json"]);
        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(output);
        Assert.Equal("Stable Diffusion 2", json.RootElement.GetProperty("family").GetString());
        Assert.True(json.RootElement.GetProperty("is_complete").GetBoolean());
        Assert.Equal(0, CommandLine.Run(["inspect", path, "--keys"]).Code);
    }

    [Fact]
    public void Pages_GivenBack_AreReadAgain()
    {
        using var scope = NewDisposeScope();
        using var file = TensorFile.Open(PipelineWriterTests.Shared("single/sd15.safetensors"));
        var key = file.Tensors[^1].Name;
        var first = file.Read(key);
        var copy = first.clone();
        file.Forget();                                                              // a tensor is alive: nothing happens
        first.fill_(3);
        file.Forget();
        Assert.True(first.eq(3).all().item<bool>());
        first.Dispose();
        file.Forget();
        Assert.True(file.Read(key).eq(copy).all().item<bool>());
    }
}
