using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Golden;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Laws of reading prompts, on the tiny published models of the folder of reference numbers, where it is there.</summary>
public class PromptConditionerTests
{
    private static DiffusionModel Model(string name, Func<PipelineParts, PipelineParts>? change = null)
    {
        var folder = GoldenFolder.Find() is { } golden ? Path.Combine(golden, "pipelines", "hub", name) : "";
        Assert.SkipUnless(Directory.Exists(folder), "needs the tiny models of the reference numbers");
        var parts = PipelineFiles.FromFolder(folder);
        return StableDiffusion.Load(change?.Invoke(parts) ?? parts);
    }

    private static Condition Said(string text, PromptReading? reading = null) => new() { Caption = text, Reading = reading ?? PromptReading.Usual };

    private static Tensor Tokens(DiffusionModel model, params Condition[] conditions) => model.Encoder.Encode(conditions).Tokens!;

    [Fact]
    public void ShortPrompt_WithoutSigns_IsTheSameInBothGrammars()
    {
        using var model = Model("sd15");
        using var scope = NewDisposeScope();
        Assert.True(Tokens(model, Said("a red house")).allclose(Tokens(model, Said("a red house", new() { Grammar = PromptGrammar.Plain })), 1e-5, 1e-6));
    }

    [Fact]
    public void Weights_ChangeTheirTokens_AndAWeightOfOneNothing()
    {
        using var model = Model("sd15");
        using var scope = NewDisposeScope();
        var plain = Tokens(model, Said("a red house"));
        Assert.True(plain.allclose(Tokens(model, Said("a (red:1.0) house")), 1e-5, 1e-6));
        var stressed = Tokens(model, Said("a (red:1.5) house"));
        Assert.False(plain.allclose(stressed, 1e-3, 1e-3));
        Assert.Equal(plain.mean().item<float>(), stressed.mean().item<float>(), 1e-5);
    }

    [Fact]
    public void LongPrompts_BecomeChunks_AndShorterOnesBesideThemAreFilled()
    {
        using var model = Model("sd15");
        using var scope = NewDisposeScope();
        var both = Tokens(model, Said("a red house"), Said("a red house BREAK on a hill"));
        Assert.Equal([2L, 154, 24], both.shape);
        var empty = Tokens(model, Said(""));
        Assert.True(both[0].narrow(0, 77, 77).allclose(empty[0], 1e-5, 1e-6));
        Assert.True(both[1].narrow(0, 77, 77).allclose(Tokens(model, Said("on a hill"))[0], 1e-5, 1e-6));
    }

    [Fact]
    public void EqualPrompts_AreReadOnce_AndNothingSaidIsZerosForXl()
    {
        using var model = Model("sdxl-base");
        using var scope = NewDisposeScope();
        Condition Sized(Condition condition) => model.Encoder.Complete(condition, 64, 32, isNegative: false);
        var told = model.Encoder.Encode([Sized(Said("a cat")), Sized(Said("a cat")), Sized(Condition.None), Sized(Said(""))]);
        Assert.True(told.Tokens![0].Equals(told.Tokens[1]));
        Assert.Equal(0, told.Tokens[2].abs().max().item<float>());
        Assert.NotEqual(0, told.Tokens[3].abs().max().item<float>());
        Assert.Equal([64f, 32, 0, 0, 64, 32], told.Sizes![0].data<float>().ToArray());
    }

    [Theory]
    [InlineData("text_encoder_3")]
    [InlineData("text_encoder")]
    [InlineData("text_encoder_2")]
    [InlineData("text_encoder", "text_encoder_2")]
    [InlineData("text_encoder", "text_encoder_2", "text_encoder_3")]
    public void StableDiffusion3_DrawsWithAnyOfItsEncoders(params string[] without)
    {
        using var model = Model("sd3", parts => without.Aggregate(parts, (left, name) => left.Without(name)));
        var picture = ImageGenerator.Generate(model, new GenerationRequest { Pictures = [new PictureWish(1, Said("a cat"))], Steps = 2, Height = 32, Width = 48 })[0].Image;
        Assert.Equal((48, 32), (picture.Width, picture.Height));
    }

    [Fact]
    public void PartsOfDifferentFamilies_AreRefused()
    {
        var error = Assert.Throws<CheckpointException>(() => Model("sd15", parts => parts.With(ComponentNames.Vae, Other("sd3", ComponentNames.Vae))));
        Assert.Contains("different families", error.Message);
        error = Assert.Throws<CheckpointException>(() => Model("sd15", parts => parts.With(ComponentNames.TextEncoder, Other("sd21", ComponentNames.TextEncoder))));
        Assert.Contains("text_encoder", error.Message);

        static PipelineComponent Other(string model, string name) => PipelineComponent.FromFolder(name, Path.Combine(GoldenFolder.Find()!, "pipelines", "hub", model, name));
    }

    [Fact]
    public void ClipSkip_BeyondTheLayers_IsRefused()
    {
        using var model = Model("sd15");
        Assert.Contains("CLIP skip", Assert.Throws<ArgumentException>(() => Tokens(model, Said("a cat", new() { ClipSkip = 99 }))).Message);
    }
}
