using System.Text.Json.Nodes;
using Imago.Generation.SingleFiles;
using Imago.Golden;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>What single files are, by keys and shapes of full size, and that what is told from them is what was published.</summary>
public sealed class SingleFileTests
{
    public static TheoryData<OriginalFamily, string> Published => new()
    {
        { OriginalFamily.StableDiffusion1, "stable-diffusion-v1-5" },
        { OriginalFamily.StableDiffusion2, "stable-diffusion-2-1" },
        { OriginalFamily.StableDiffusionXL, "stable-diffusion-xl-base-1.0" },
        { OriginalFamily.StableDiffusionXLRefiner, "stable-diffusion-xl-refiner-1.0" },
        { OriginalFamily.StableDiffusion3, "stable-diffusion-3-medium-diffusers" },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void Configs_ToldFromNamesAndShapes_AreThePublishedOnes(OriginalFamily family, string hub)
    {
        var folder = Path.GetFullPath(Path.Combine(GoldenFolder.Repository() ?? ".", "..", "shared", "hub", hub));
        Assert.SkipUnless(Directory.Exists(folder), $"{folder} is not there");
        using var file = new NamedShapes("model.safetensors", WholeFiles.Of(family));
        var layout = OriginalLayout.Of(file.Tensors)!;
        Assert.Equal(family, layout.Family);
        Assert.Empty(layout.Unused);
        foreach (var part in layout.Parts)
        {
            var published = Path.Combine(folder, part.Name, "config.json");
            if (File.Exists(published)) Assert.Equal(PublishedForm.Of(part.Name, File.ReadAllText(published)), PublishedForm.Of(part.Name, OriginalParts.Infer(file, part, family, isVelocity: true)));
            else Assert.NotEqual("unet", part.Name);
        }
    }

    [Theory]
    [InlineData(9, OriginalFamily.StableDiffusion1)]
    [InlineData(9, OriginalFamily.StableDiffusionXL)]
    [InlineData(8, OriginalFamily.StableDiffusion1)]
    public void InputChannels_OfInpaintingAndEditing_AreSeen(long channels, OriginalFamily family)
    {
        var tensors = WholeFiles.Of(family).Select(entry => entry.Name == "model.diffusion_model.input_blocks.0.0.weight" ? (entry.Name, [entry.Shape[0], channels, 3, 3]) : entry);
        Assert.Equal((family, channels), OriginalLayout.Of(new NamedShapes("x", tensors).Tensors) is { } layout ? (layout.Family, layout.InputChannels) : default);
    }

    [Fact]
    public void TextEncoders_MayBeMissing_AndTheFamilyIsToldFromTheDenoiser()
    {
        foreach (var family in Enum.GetValues<OriginalFamily>())
        {
            var alone = WholeFiles.Of(family).Where(entry => entry.Name.StartsWith("model.diffusion_model.", StringComparison.Ordinal)).ToList();
            Assert.Equal(family, OriginalLayout.Of(new NamedShapes("x", alone).Tensors)!.Family);
            var bare = alone.Select(entry => (entry.Name["model.diffusion_model.".Length..], entry.Shape));
            Assert.Equal(family, OriginalLayout.Of(new NamedShapes("x", bare).Tensors)!.Family);
        }
    }

    [Fact]
    public void Unused_KeysOfNoPart_AreListed()
    {
        var tensors = WholeFiles.Of(OriginalFamily.StableDiffusion1).Concat([("betas", [1000]), ("model_ema.decay", []), ("something.else", [3])]);
        Assert.Equal(["something.else"], OriginalLayout.Of(new NamedShapes("x", tensors).Tensors)!.Unused);
    }

    [Theory]
    [InlineData("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", "LoRA", "--lora")]
    [InlineData("control_model.input_blocks.0.0.weight", "control_model.zero_convs.0.0.weight", "ControlNet", "steers a model")]
    [InlineData("encoder.down.0.block.0.conv1.weight", "decoder.up.0.block.0.conv1.weight", "AutoencoderKL", "--vae")]
    [InlineData("down_blocks.0.resnets.0.conv1.weight", "time_embedding.linear_1.weight", "U-Net of diffusers", "folder")]
    [InlineData("text_model.embeddings.token_embedding.weight", "text_model.final_layer_norm.weight", "CLIP text encoder", "--text-encoder")]
    [InlineData("image_proj.norm.weight", "ip_adapter.1.to_k_ip.weight", "IP-Adapter", "steers a model")]
    public void Open_OfSomethingElse_SaysWhatItIsAndWhatItIsFor(string first, string second, string what, string advice)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder.Path, "file.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { [first] = zeros(2, 2), [second] = zeros(2, 2) });
        var message = Assert.Throws<CheckpointException>(() => SingleFile.Open(path)).Message;
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(advice, message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }
}
