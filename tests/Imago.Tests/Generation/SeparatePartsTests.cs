using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Autoencoders and text encoders from files of their own, and files that are not what they should be.</summary>
public sealed class SeparatePartsTests
{
    [Fact]
    public void Autoencoder_OfEitherLayout_TakesThePlaceOfThePipelinesOwn()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var parts = PipelineFiles.FromFolder(Shared("hub/sd15"));
        var alone = Path.Combine(folder.Path, "vae.safetensors");
        using (var whole = TensorFile.Open(Shared("single/sd15.safetensors")))
            Safetensors.Write(alone, whole.Tensors.Where(tensor => tensor.Name.StartsWith("first_stage_model.", StringComparison.Ordinal)).Select(tensor => KeyValuePair.Create(tensor.Name["first_stage_model.".Length..], whole.Read(tensor.Name) * 0.5)));
        foreach (var path in new[] { alone, Shared("hub/sd21/vae/diffusion_pytorch_model.safetensors"), Shared("single/sd21.safetensors"), Shared("hub/sd21/vae") })
        {
            using var model = StableDiffusion.Load(parts.WithAutoencoder(path));
            using var own = StableDiffusion.Load(parts);
            Assert.False(Weight(model).eq(Weight(own)).all().item<bool>(), path);
            if (path == alone) Assert.True(Weight(model).eq(Weight(own) * 0.5).all().item<bool>());
        }
    }

    [Fact]
    public void TextEncoders_OfAModelWithoutAny_AreAddedByTheirKindAndWidth()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = new SingleFileOptions().WithConfigs(Shared("hub/sd3"));
        var bare = PipelineFiles.FromFolder(Shared("hub/sd3"));
        foreach (var number in Enumerable.Range(1, 3)) bare = bare.Without(ComponentNames.TextEncoderOf(number)).Without(ComponentNames.TokenizerOf(number));
        var with = bare;
        foreach (var path in new[] { Part("clip_l"), Part("clip_g"), Part("t5xxl") }) with = with.WithTextEncoder(path, options with { Folders = options.Folders });
        using var got = StableDiffusion.Load(with);
        using var want = StableDiffusion.Load(Shared("hub/sd3"));
        foreach (var (key, tensor) in want.Encoder.state_dict()) Assert.True(tensor.eq(got.Encoder.state_dict()[key]).all().item<bool>(), key);

        string Part(string name)
        {
            var path = Path.Combine(folder.Path, $"{name}.safetensors");
            var prefix = $"text_encoders.{name}.transformer.";
            using var whole = TensorFile.Open(Shared("single/sd3-with-encoders.safetensors"));
            Safetensors.Write(path, whole.Tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(tensor => KeyValuePair.Create(tensor.Name[prefix.Length..], whole.Read(tensor.Name))));
            return path;
        }
    }

    [Fact]
    public void Parts_ThatAreSomethingElse_AreRefusedByName()
    {
        var parts = PipelineFiles.FromFolder(Shared("hub/sd15"));
        var lora = Directory.GetFiles(Shared("lora"), "*.safetensors").Order(StringComparer.Ordinal).First();
        Assert.Contains("LoRA", Assert.Throws<CheckpointException>(() => parts.WithAutoencoder(lora)).Message, StringComparison.Ordinal);
        Assert.Contains("LoRA", Assert.Throws<CheckpointException>(() => parts.WithTextEncoder(lora)).Message, StringComparison.Ordinal);
        Assert.Contains("T5", Assert.Throws<CheckpointException>(() => parts.WithTextEncoder(Shared("hub/sd3/text_encoder_3/model-00001-of-00002.safetensors"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Configuration_OfAnotherFamily_IsNamed()
    {
        var message = Assert.Throws<CheckpointException>(() => SingleFile.Open(Shared("single/sdxl-base.safetensors"), new SingleFileOptions().WithConfigs(Shared("hub/sd15")))).Message;
        Assert.Contains("Stable Diffusion XL (base)", message, StringComparison.Ordinal);
        Assert.Contains("Stable Diffusion 1 or 2", message, StringComparison.Ordinal);
        Assert.Contains("not Stable Diffusion 3", Assert.Throws<CheckpointException>(() => SingleFile.Open(Shared("single/sd15.ckpt"), new SingleFileOptions { Family = OriginalFamily.StableDiffusion3 })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_WithoutATokenizerAtHand_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var options = new SingleFileOptions().WithConfigs(Shared("hub/sd15"));
        options = options with { Folders = options.Folders.Where(entry => entry.Key != ComponentNames.Tokenizer).ToDictionary(), TokenizerFolder = folder.Path };
        Assert.Contains("--tokenizer", Assert.Throws<CheckpointException>(() => SingleFile.Open(Shared("single/sd15.safetensors"), options)).Message, StringComparison.Ordinal);
        var found = SingleFile.Open(Shared("single/sd15.safetensors"), options with { TokenizerFolder = Shared("hub/sd15") });
        Assert.Equal("<|endoftext|>", found.Components[ComponentNames.Tokenizer].Padding);
    }

    [Fact]
    public void File_CutOffOrMixed_IsRefusedBeforeAnyLongWork()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = new SingleFileOptions().WithConfigs(Shared("hub/sd15"));
        var (cut, mixed) = (Path.Combine(folder.Path, "cut.safetensors"), Path.Combine(folder.Path, "mixed.safetensors"));
        var bytes = File.ReadAllBytes(Shared("single/sd15.safetensors"));
        File.WriteAllBytes(cut, bytes[..^1000]);
        Assert.Throws<CheckpointException>(() => SingleFile.Open(cut, options));
        using (var one = TensorFile.Open(Shared("single/sd15.safetensors")))
        using (var other = TensorFile.Open(Shared("single/sd21.safetensors")))
        {
            bool IsTaken(string name) => name.StartsWith("model.diffusion_model.middle_block.", StringComparison.Ordinal);
            Safetensors.Write(mixed, one.Tensors.Where(tensor => !IsTaken(tensor.Name)).Select(tensor => KeyValuePair.Create(tensor.Name, one.Read(tensor.Name)))
                .Concat(other.Tensors.Where(tensor => IsTaken(tensor.Name)).Select(tensor => KeyValuePair.Create(tensor.Name, other.Read(tensor.Name)))));
        }
        var message = Assert.Throws<CheckpointException>(() => StableDiffusion.Load(SingleFile.Open(mixed, options))).Message;
        Assert.Contains("mid_block.attentions.0", message, StringComparison.Ordinal);
        Assert.Contains(mixed, message, StringComparison.Ordinal);
    }

    private static Tensor Weight(DiffusionModel model) => ((LatentCodec)model.Codec).Autoencoder.state_dict()["decoder.conv_in.weight"];

    private static string Shared(string path) => PipelineWriterTests.Shared(path);
}
