using Imago.Autoencoders;
using Imago.Golden;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class AutoencoderFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("imago-autoencoders-").FullName;

    private static string Shared(string path)
    {
        var full = Path.GetFullPath(Path.Combine(GoldenFolder.Repository()!, "..", "shared", path));
        Assert.SkipWhen(!Path.Exists(full), $"there is no {full}");
        return full;
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static void AssertEqualWeights(nn.Module one, nn.Module other) =>
        Assert.All(one.state_dict(), entry => Assert.True(entry.Value.eq(other.state_dict()[entry.Key]).all().item<bool>(), entry.Key));

    [Fact]
    public void Load_OfADiffusersFolder_ReadsConfigurationAndWeights()
    {
        using var model = new KlConfig { BlockOutChannels = [8, 16], NormNumGroups = 4, LatentChannels = 2 }.Create(3);
        Directory.CreateDirectory(Path.Combine(_folder, "vae"));
        File.WriteAllText(Path.Combine(_folder, "vae", "config.json"),
            """{"_class_name": "AutoencoderKL", "_diffusers_version": "0.6.0", "act_fn": "silu", "block_out_channels": [8, 16], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "norm_num_groups": 4, "latent_channels": 2}""");
        ModuleWeights.Save(model, Path.Combine(_folder, "vae", "diffusion_pytorch_model.safetensors"));
        using var whole = AutoencoderFiles.Load(_folder);
        using var part = AutoencoderFiles.Load(Path.Combine(_folder, "vae", "diffusion_pytorch_model.safetensors"));
        AssertEqualWeights(model, whole);
        AssertEqualWeights(model, part);
        Assert.Equal(0.18215, ((KlConfig)whole.Config).ScalingFactor);
    }

    [Theory]
    [InlineData("""{"_class_name": "AutoencoderKL", "feature": true}""", "feature")]
    [InlineData("""{"_class_name": "AutoencoderDC"}""", "AutoencoderDC")]
    [InlineData("""{"_class_name": "AutoencoderTiny", "act_fn": "gelu"}""", "act_fn")]
    [InlineData("""{"layers": 3}""", "_class_name")]
    [InlineData("""{"_class_name": """, "JSON")]
    public void Load_OfAConfigurationThatImagoDoesNotHave_NamesIt(string config, string named)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), config);
        Assert.Contains(named, Assert.Throws<CheckpointException>(() => AutoencoderFiles.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OfAFileOfAnotherKind_SaysWhatIsMissing()
    {
        var path = Path.Combine(_folder, "weights.safetensors");
        using var tensor = zeros(2);
        Safetensors.Write(path, [KeyValuePair.Create("classifier.weight", tensor)]);
        Assert.Contains("config.json", Assert.Throws<CheckpointException>(() => AutoencoderFiles.Load(path)).Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => AutoencoderFiles.Load(Path.Combine(_folder, "nothing")));
        Assert.Throws<CheckpointException>(() => AutoencoderFiles.Load(_folder));
    }

    [Fact]
    public void Load_OfTaesdFiles_TellsTheNetworkFromItsShapes()
    {
        var config = new TinyConfig
        {
            LatentChannels = 5, EncoderBlockOutChannels = [8, 8, 8], NumEncoderBlocks = [1, 2, 1], DecoderBlockOutChannels = [12, 8, 8], NumDecoderBlocks = [2, 1, 1], LatentStagePool = true,
        };
        using var model = (TinyAutoencoder)config.Create(3);
        Write("taesd_encoder.safetensors", model.Encoder, 0);
        Write("taesd_decoder.safetensors", model.Decoder!, 1);
        using var loaded = AutoencoderFiles.Load(_folder);
        using var fromDecoder = AutoencoderFiles.Load(Path.Combine(_folder, "taesd_decoder.safetensors"));
        AssertEqualWeights(model, loaded);
        Assert.Equal(config.ToJson(), loaded.Config.ToJson());
        AssertEqualWeights(model, fromDecoder);

        void Write(string name, nn.Module half, int offset) => Safetensors.Write(Path.Combine(_folder, name), half.state_dict().ToDictionary(entry =>
        {
            var parts = entry.Key["layers.".Length..].Split('.', 2);
            return $"{int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture) + offset}.{parts[1]}";
        }, entry => entry.Value));
    }

    [Theory]
    [InlineData("VAE_celeba.pt", 3, 64)]
    [InlineData("VAE_mnist.pt", 1, 32)]
    [InlineData("betaH_dsprites.pt", 1, 64)]
    public void Load_OfDisentanglingVae_TellsChannelsAndSize(string file, int channels, int side)
    {
        using var model = AutoencoderFiles.Load(Shared(Path.Combine("weights", "disentangling-vae", file)));
        Assert.Equal((channels, (side, side)), (model.Channels, model.ImageSize));
        Assert.Equal([10L], model.LatentShape(side, side));
        Assert.True(model.IsVariational);
    }

    [Theory]
    [InlineData("vae_4ch.txt", "stable-diffusion-v1-5")]
    [InlineData("vae_4ch.txt", "stable-diffusion-xl-base-1.0")]
    [InlineData("vae_sd3.txt", "stable-diffusion-3-medium-diffusers")]
    public void KlKeys_OfAnOfficialConfiguration_AreThoseOfTheOfficialFile(string keys, string hub)
    {
        var text = File.ReadAllText(Path.Combine(Shared(Path.Combine("hub", hub)), "vae", "config.json"));
        var config = (KlConfig)DiffusersConfig.Parse(text, hub);
        using var model = (config with { BlockOutChannels = [4, 8, 16, 16], NormNumGroups = 4 }).Create();       // the keys do not depend on the width
        var official = File.ReadLines(Path.Combine(Shared("golden/models/keys"), keys)).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split([' ', '\t'], 2)[0]);
        Assert.Equal(official.Order(StringComparer.Ordinal), model.state_dict().Keys.Order(StringComparer.Ordinal));
    }
}
