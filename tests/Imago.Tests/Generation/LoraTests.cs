using Imago.Generation;
using Imago.Generation.Lora;
using Imago.Models;
using Imago.Tests.Training;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LoraTests
{
    private static readonly LoraConfig Everywhere = new() { Rank = 3, Alpha = 6, Targets = ["to_q", "*.conv1", "conv_in", "linear_2"] };

    private static Tensor Output(DiffusionModel model)
    {
        using var noGrad = no_grad();
        var x = randn([2, .. model.Shape], generator: new Generator(1));
        return model.Network.forward(x, tensor(new[] { 100f, 700f }), new Conditioning { Classes = tensor(new[] { 0L, 1L }) });
    }

    /// <summary>Numbers in B, so that the change is one.</summary>
    private static void Disturb(LoraAdapter adapter)
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in adapter.named_parameters().Where(entry => entry.name.Contains("lora_B"))) parameter.normal_(0, 0.3, new Generator((ulong)name.Length));
    }

    [Fact]
    public void FreshAdapter_ChangesNothing_AndLeavesNothingBehind()
    {
        using var scope = NewDisposeScope();
        using var model = TinyDiffusion.Model();
        var before = Output(model);
        using var adapter = new LoraAdapter(model.Network, Everywhere, 1);
        Assert.True(Output(model).Equals(before));
        Disturb(adapter);
        Assert.False(Output(model).allclose(before, rtol: 1e-3, atol: 1e-3));
        adapter.Detach();
        Assert.True(Output(model).Equals(before));
    }

    [Fact]
    public void FusedFile_EqualsTheAttachedAdapter_AndItsNegativeTakesItAway()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyDiffusion.Model();
        var before = Output(model);
        using var adapter = new LoraAdapter(model.Network, Everywhere, 1);
        Disturb(adapter);
        var attached = Output(model);
        adapter.Detach();
        LoraFiles.Save(adapter, Everywhere, "unet", folder.File("lora.safetensors"));
        LoraFiles.Fuse(model.Network, folder.File("lora.safetensors"));
        Assert.True(Output(model).allclose(attached, rtol: 1e-4, atol: 1e-4));
        LoraFiles.Fuse(model.Network, folder.File("lora.safetensors"), strength: -1);
        Assert.True(Output(model).allclose(before, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void File_HasTheKeysAndShapesOfPeft()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyDiffusion.Model();
        using var adapter = new LoraAdapter(model.Network, Everywhere, 1);
        LoraFiles.Save(adapter, Everywhere, "unet", folder.File("lora.safetensors"));
        using var file = Safetensors.Open(folder.File("lora.safetensors"));
        var shapes = file.Tensors.ToDictionary(info => info.Name, info => info.Shape);
        Assert.Equal([3L, 1, 3, 3], shapes["unet.conv_in.lora_A.weight"]);
        Assert.Equal([16L, 3, 1, 1], shapes["unet.conv_in.lora_B.weight"]);
        Assert.Equal([3L, 16], shapes["unet.down_blocks.0.attentions.0.to_q.lora_A.weight"]);
        Assert.Equal([16L, 3], shapes["unet.down_blocks.0.attentions.0.to_q.lora_B.weight"]);
        Assert.Contains("unet.lora_alpha", file.Metadata["lora_adapter_metadata"]);
    }

    [Fact]
    public void Targets_AreMatchedAtTheEndOfAPath()
    {
        var config = new LoraConfig { Targets = ["to_q", "mid_block.*", "*.resnets.0.conv1"] };
        Assert.True(config.Matches("down_blocks.0.attentions.0.to_q"));
        Assert.False(config.Matches("down_blocks.0.attentions.0.into_q"));
        Assert.False(config.Matches("down_blocks.0.to_q.inner"));
        Assert.True(config.Matches("mid_block.resnets.0.conv2"));
        Assert.True(config.Matches("up_blocks.1.resnets.0.conv1"));
    }

    [Fact]
    public void WrongTargetsAndFiles_AreRefusedByName()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyDiffusion.Model();
        Assert.Contains("to_q", Assert.Throws<ArgumentException>(() => new LoraAdapter(model.Network, new LoraConfig { Targets = ["nowhere"] }, 1)).Message);
        var before = Output(model);
        Safetensors.Write(folder.File("other.safetensors"), new Dictionary<string, Tensor>
        {
            ["unet.conv_in.lora_A.weight"] = ones(3, 1, 3, 3), ["unet.conv_in.lora_B.weight"] = ones(16, 3, 1, 1), ["unet.nowhere.lora_A.weight"] = ones(3, 4), ["unet.nowhere.lora_B.weight"] = ones(4, 3),
        });
        Assert.Contains("unet.nowhere", Assert.Throws<CheckpointException>(() => LoraFiles.Fuse(model.Network, folder.File("other.safetensors"))).Message);
        Assert.True(Output(model).Equals(before));
    }

    [Fact]
    public void Run_TrainsChangesAlone_IsContinuedToTheBit_AndLoads()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using (var first = TinyDiffusion.Model()) DiffusionFiles.Save(first, folder.File("base"));
        var config = TinyDiffusion.Config(steps: 6) with { From = folder.File("base"), Lora = new LoraConfig { Rank = 2, Alpha = 4 } };
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), config), RunFolder.Create(folder.File("cut"), config));
        using (var training = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, whole)) training.Run(whole);
        using (var training = DiffusionTraining.Prepare(config with { Training = config.Training with { Steps = 3 } }, TinyDiffusion.Splits, cut)) training.Run(cut);
        Directory.Delete(folder.File("base"), recursive: true);
        using var continued = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, cut);
        continued.Run(cut);
        ResumeTests.AssertSame(whole, cut);
        using var loaded = DiffusionFiles.Load(cut.Path);
        using var fused = DiffusionFiles.Load(Path.Combine(cut.Path, "model"));
        Assert.False(Output(fused).Equals(Output(loaded)));
        LoraFiles.Fuse(fused.Network, Path.Combine(cut.Path, DiffusionTraining.LoraName));
        Assert.True(Output(fused).allclose(Output(loaded), rtol: 1e-5, atol: 1e-5));
        Assert.True(Output(continued.Model).allclose(Output(loaded), rtol: 1e-4, atol: 1e-4));
    }
}
