using Imago.Generation.Lora;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public partial class LoraStackTests
{
    /// <summary>Opening or adding such a file fails with these words, and the networks are as before.</summary>
    private static void AssertRefused(string[] words, params (string Key, Tensor Tensor)[] tensors)
    {
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var before = SmallLoras.Copy(network);
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var path = SmallLoras.Write(folder, "other.safetensors", tensors);
        stack.Fuse();
        var message = Assert.Throws<CheckpointException>(() => stack.Add(path, new LoraStrength(1))).Message;
        Assert.All(words.Prepend("other.safetensors"), word => Assert.Contains(word, message));
        Assert.Empty(stack.Strengths);
        SmallLoras.AssertSame(before, network);
    }

    [Fact]
    public void ChangesOfAnotherFamily_AreRefusedByItsName()
    {
        using var scope = NewDisposeScope();
        AssertRefused(["Flux", "PEFT"], [.. SmallLoras.Peft("transformer.single_transformer_blocks.0.attn.to_q", (ones(8, 2), ones(2, 8)))]);
        AssertRefused(["Stable Diffusion 3", "U-Net that attends to texts of 12 features"], [.. SmallLoras.Peft("transformer.transformer_blocks.0.attn.add_k_proj", (ones(8, 2), ones(2, 8)))]);
        AssertRefused(["Stable Diffusion XL", "kohya"], ("lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_k.lora_down.weight", ones(2, 2048)), ("lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_k.lora_up.weight", ones(8, 2)));
    }

    [Fact]
    public void OneLayerTooMany_RefusesTheWholeFile() => InScope(() => AssertRefused(["1 of the 2 layers", "unet.nowhere.to_q"],
        [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 2), ones(2, 8))), .. SmallLoras.Peft("unet.nowhere.to_q", (ones(8, 2), ones(2, 8)))]));

    [Fact]
    public void WrongShapes_AreListedWithThoseOfTheLayer() => InScope(() => AssertRefused([SmallLoras.Query, "[9, 8]", "[8, 8]"], [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(9, 2), ones(2, 8)))]));

    [Fact]
    public void FactorsThatDoNotFitEachOther_AreListed() => InScope(() => AssertRefused([SmallLoras.Query, "Up [8, 3]", "Down [2, 8]"], [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 3), ones(2, 8)))]));

    [Fact]
    public void HalfAChange_IsRefused() => InScope(() => AssertRefused(["without the others", "lora_A"], ($"unet.{SmallLoras.Query}.lora_A.weight", ones(2, 8))));

    [Fact]
    public void Checkpoint_IsCalledWhatItIs() => InScope(() => AssertRefused(["no low-rank change", "AutoencoderKL"], ("encoder.down_blocks.0.x", ones(1)), ("decoder.up_blocks.0.x", ones(1))));

    [Fact]
    public void KindsThatAreNotApplied_AreNamed() => InScope(() => AssertRefused(["of OFT", "oft_blocks"], [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 2), ones(2, 8))), ("lora_unet_conv_in.oft_blocks", ones(2, 2, 2))]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void AlphaThatIsNoNumber_IsRefused(float alpha) => InScope(() => AssertRefused(["alpha"], [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 2), ones(2, 8))), ($"unet.{SmallLoras.Query}.alpha", tensor(alpha))]));

    [Fact]
    public void ChangesOfATextEncoderThatIsNotThere_AreLeftOut_AndSaidSo()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var words = SmallLoras.Peft($"text_encoder.{SmallLoras.TextQuery}", (ones(8, 2), ones(2, 8))).ToList();
        var absent = stack.Add(SmallLoras.Write(folder, "a.safetensors", [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 2), ones(2, 8))), .. words]), new LoraStrength(1));
        Assert.Equal([$"text_encoder.{SmallLoras.TextQuery}.lora_A.weight"], absent);
        Assert.Contains("not there", Assert.Throws<CheckpointException>(() => stack.Add(SmallLoras.Write(folder, "b.safetensors", words), new LoraStrength(1))).Message);
    }

    [Fact]
    public void StrengthsThatAreNoNumbers_AreRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var path = SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers);
        Assert.Throws<ArgumentException>(() => stack.Add(path, new LoraStrength(double.NaN)));
        stack.Add(path, new LoraStrength(1));
        Assert.Throws<ArgumentException>(() => stack.SetStrength(0, new LoraStrength(1, double.PositiveInfinity)));
        Assert.Throws<ArgumentOutOfRangeException>(() => stack.SetStrength(1, new LoraStrength(1)));
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("{")]
    [InlineData("""{"lora_alpha": "much"}""")]
    [InlineData("""{"alpha_pattern": {"(": 1}}""")]
    public void DamagedHeader_IsRefused(string json)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var path = SmallLoras.Write(folder, "a.safetensors", SmallLoras.Peft($"unet.{SmallLoras.Query}", (ones(8, 2), ones(2, 8))), ("lora_adapter_metadata", json));
        Assert.Throws<CheckpointException>(() => stack.Add(path, new LoraStrength(1)));
    }

    [Fact]
    public void TruncatedFile_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var path = SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^10]);
        Assert.Throws<CheckpointException>(() => stack.Add(path, new LoraStrength(1)));
    }

    private static void InScope(Action action)
    {
        using var scope = NewDisposeScope();
        action();
    }
}
