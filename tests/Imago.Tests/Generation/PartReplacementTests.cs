using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Laws of putting another autoencoder or text encoder into a model that is loaded.</summary>
public sealed class PartReplacementTests
{
    [Fact]
    public void Autoencoder_TakesThePlaceOfTheOld_AndTheRestIsTheSameObjects()
    {
        using var model = StableDiffusion.Load(Shared("hub/sd15"));
        var (network, encoder, own) = (model.Network, model.Encoder, Drawn(model));
        model.ReplaceAutoencoder(Shared("single/sd21.safetensors"));
        Assert.Same(network, model.Network);
        Assert.Same(encoder, model.Encoder);
        using var fresh = StableDiffusion.Load(PipelineFiles.FromFolder(Shared("hub/sd15")).WithAutoencoder(Shared("single/sd21.safetensors")));
        Assert.Equal(Drawn(fresh), Drawn(model));
        Assert.NotEqual(own, Drawn(model));
        model.ReplaceAutoencoder(Shared("hub/sd15"));
        Assert.Equal(own, Drawn(model));
    }

    [Theory]
    [InlineData("text_encoder")]
    [InlineData("text_encoder_2")]
    [InlineData("text_encoder_3")]
    public void TextEncoder_ThatIsLacking_IsAdded_AndTheRestIsTheSameObjects(string name)
    {
        using var whole = StableDiffusion.Load(Shared("hub/sd3"));
        using var model = StableDiffusion.Load(PipelineFiles.FromFolder(Shared("hub/sd3"), without: [name]));
        var (network, codec, encoders) = (model.Network, model.Codec, ((PromptConditioner)model.Encoder).Encoders);
        Assert.Equal(2, encoders.Count);
        Assert.NotEqual(Drawn(whole), Drawn(model));
        model.ReplaceTextEncoder(Shared($"hub/sd3/{name}"), new SingleFileOptions().WithConfigs(Shared("hub/sd3")));
        Assert.Same(network, model.Network);
        Assert.Same(codec, model.Codec);
        Assert.All(encoders, entry => Assert.Same(entry.Value, ((PromptConditioner)model.Encoder).Encoders[entry.Key]));
        Assert.Equal(whole.Encoder.parameters().Count(), model.Encoder.parameters().Count());
        Assert.DoesNotContain(model.Encoder.parameters(), parameter => parameter.requires_grad);
        Assert.Equal(Drawn(whole), Drawn(model));
    }

    [Fact]
    public void TextEncoder_ThatIsReplaced_IsTheOneOfTheFile()
    {
        using var model = StableDiffusion.Load(Shared("hub/sd3"));
        var (first, own) = (((PromptConditioner)model.Encoder).Encoders, Drawn(model));
        using (no_grad()) first["text_encoder_2"].parameters().First(parameter => parameter.dim() == 2).zero_();
        Assert.NotEqual(own, Drawn(model));
        model.ReplaceTextEncoder(Shared("hub/sd3/text_encoder_2"));
        Assert.NotSame(first["text_encoder_2"], ((PromptConditioner)model.Encoder).Encoders["text_encoder_2"]);
        Assert.Same(first["text_encoder_3"], ((PromptConditioner)model.Encoder).Encoders["text_encoder_3"]);
        Assert.Equal(own, Drawn(model));
    }

    [Fact]
    public void PartOfAnotherFamily_IsRefused_AndTheModelIsAsItWas()
    {
        using var model = StableDiffusion.Load(Shared("hub/sd15"));
        var (codec, encoder, own) = (model.Codec, model.Encoder, Drawn(model));
        Assert.Contains("16", Assert.Throws<CheckpointException>(() => model.ReplaceAutoencoder(Shared("hub/sd3/vae"))).Message, StringComparison.Ordinal);
        Assert.Contains("T5", Assert.Throws<CheckpointException>(() => model.ReplaceTextEncoder(Shared("hub/sd3/text_encoder_3"))).Message, StringComparison.Ordinal);
        Assert.Same(codec, model.Codec);
        Assert.Same(encoder, model.Encoder);
        Assert.Equal(own, Drawn(model));
    }

    private static byte[] Drawn(DiffusionModel model) => ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "a red cube" }, 1, seed: 3), Steps = 2 })[0].Image.Pixels;

    private static string Shared(string path) => PipelineWriterTests.Shared(path);
}
