using Imago.Autoencoders;
using Imago.Generation;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class HubDiffusionTests
{
    private const string Ddpm = """{"_class_name": "DDPMScheduler", "num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}""";

    private static void Write(string folder, string name, string text)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), text);
    }

    [Fact]
    public void PipelineOfPixels_DrawsWithItsProcessAndPrediction()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = DiffusionPresets.UNet(new NetworkTask(1, 8, new ConditionerConfig()), 16).Create(1);
        Write(folder.File("unet"), "config.json", network.Config.ToJson());
        ModuleWeights.Save(network, Path.Combine(folder.File("unet"), "diffusion_pytorch_model.safetensors"));
        Write(folder.File("scheduler"), "scheduler_config.json", Ddpm);
        using var model = DiffusionFiles.Load(folder.Path);
        Assert.Equal(Diffusion.Prediction.Velocity, model.Config.Prediction);
        Assert.Equal(999, model.Process.NoisiestTime);
        Assert.Equal(8, ImageGenerator.Generate(model, new GenerationRequest { Steps = 2 })[0].Image.Width);
        DiffusionFiles.Save(model, folder.File("saved"));
        using var again = DiffusionFiles.Load(folder.File("saved"));
        Assert.Equal(model.Process.At(500), again.Process.At(500));
    }

    [Fact]
    public void PipelineOfLatents_ByClass_TakesNamesAndScaleFromItsFiles()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = new DiTConfig { NumAttentionHeads = 2, AttentionHeadDim = 8, InChannels = 2, NumLayers = 1, SampleSize = 4, PatchSize = 2, NumEmbedsAdaNorm = 3 }.Create(1);
        Write(folder.File("transformer"), "config.json", network.Config.ToJson());
        ModuleWeights.Save(network, Path.Combine(folder.File("transformer"), "diffusion_pytorch_model.safetensors"));
        Write(folder.File("scheduler"), "scheduler_config.json", Ddpm.Replace("v_prediction", "epsilon"));
        Write(folder.Path, "model_index.json", """{"id2label": {"0": "tench", "2": "shark"}}""");
        var vae = new KlConfig { InChannels = 1, OutChannels = 1, BlockOutChannels = [16, 16], LayersPerBlock = 1, NormNumGroups = 2, LatentChannels = 2, SampleSize = 8, ScalingFactor = 0.5 };
        using var autoencoder = vae.Create(2);
        Write(folder.File("vae"), "config.json", """{"_class_name": "AutoencoderKL", "in_channels": 1, "out_channels": 1, "block_out_channels": [16, 16], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"], "layers_per_block": 1, "norm_num_groups": 2, "latent_channels": 2, "sample_size": 8, "scaling_factor": 0.5}""");
        ModuleWeights.Save(autoencoder, Path.Combine(folder.File("vae"), "diffusion_pytorch_model.safetensors"));
        using var model = DiffusionFiles.Load(folder.Path);
        Assert.Equal([2.0, 2.0], model.Config.Latents!.Deviation);
        var pictures = ImageGenerator.Generate(model, new GenerationRequest { Steps = 2, Pictures = [new(1, new Condition { ClassName = "Shark" }), new(1, new Condition { ClassNumber = 1 })] });
        Assert.Equal((8, 8), (pictures[0].Image.Width, pictures[0].Image.Height));
    }

    [Fact]
    public void PipelineWithoutAutoencoder_IsRefusedByName()
    {
        using var folder = new TemporaryFolder();
        Write(folder.File("unet"), "config.json", new UNet2DConditionConfig().ToJson());
        Write(folder.File("scheduler"), "scheduler_config.json", Ddpm);
        Assert.Contains("vae is missing", Assert.Throws<CheckpointException>(() => DiffusionFiles.Load(folder.Path)).Message);
    }
}
