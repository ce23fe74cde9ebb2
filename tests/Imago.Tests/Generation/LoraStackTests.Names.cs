using Imago.Generation.Lora;
using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Tests;

public partial class LoraStackTests
{
    /// <summary>One layer of the U-Net and one of the text encoder, as different programs write them.</summary>
    public static TheoryData<string, string, string> Spellings() => new()
    {
        { $"unet.{SmallLoras.Query}", ".lora_A.weight", ".lora_B.weight" },
        { SmallLoras.Query, ".lora_A.weight", ".lora_B.weight" },
        { $"base_model.model.{SmallLoras.Query}", ".lora_A.default.weight", ".lora_B.default.weight" },
        { $"unet.{SmallLoras.Query}", ".lora.down.weight", ".lora.up.weight" },
        { "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_q", "_lora.down.weight", "_lora.up.weight" },
        { "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_q", "_lora.down.weight", "_lora.up.weight" },
        { "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q", ".lora_down.weight", ".lora_up.weight" },
        { "lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_q", ".lora_down.weight", ".lora_up.weight" },
        { "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_q", ".lora_down.weight", ".lora_up.weight" },
        { "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_q", ".lora_A.weight", ".lora_B.weight" },
    };

    [Theory]
    [MemberData(nameof(Spellings))]
    public void LayerOfTheUNet_IsFoundUnderEveryName(string layer, string down, string up)
    {
        using var scope = NewDisposeScope();
        using var network = SmallLoras.UNet();
        AssertChanges(network, null, SmallLoras.Query, layer + down, layer + up);
    }

    [Theory]
    [InlineData("text_encoder.text_model.encoder.layers.1.self_attn.q_proj", ".lora_A.weight", ".lora_B.weight")]
    [InlineData("text_encoder.encoder.layers.1.self_attn.q_proj", ".lora_A.weight", ".lora_B.weight")]
    [InlineData("text_encoder.text_model.encoder.layers.1.self_attn.q_proj", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight")]
    [InlineData("text_encoder.text_model.encoder.layers.1.self_attn.to_q", "_lora.down.weight", "_lora.up.weight")]
    [InlineData("lora_te_text_model_encoder_layers_1_self_attn_q_proj", ".lora_down.weight", ".lora_up.weight")]
    [InlineData("lora_te1_text_model_encoder_layers_1_self_attn_q_proj", ".lora_down.weight", ".lora_up.weight")]
    [InlineData("text_model.encoder.layers.1.self_attn.q_proj", ".lora_A.weight", ".lora_B.weight")]
    public void LayerOfTheTextEncoder_IsFoundUnderEveryName(string layer, string down, string up)
    {
        using var scope = NewDisposeScope();
        using var network = SmallLoras.UNet();
        using var text = SmallLoras.Text();
        AssertChanges(network, text, SmallLoras.TextQuery, layer + down, layer + up);
    }

    private static void AssertChanges(DenoisingNetwork network, Encoders.TextEncoder? text, string path, string down, string up)
    {
        using var folder = new TemporaryFolder();
        nn.Module changed = text is null ? network : text;
        var before = SmallLoras.Copy(changed);
        var pair = SmallLoras.Pair(SmallLoras.Weight(changed, path));
        using var stack = new LoraStack(SmallLoras.Parts(network, text));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", [(down, pair.Down), (up, pair.Up)]), new LoraStrength(1));
        stack.Fuse();
        foreach (var (key, tensor) in changed.state_dict())
            Assert.True(tensor.allclose(key == $"{path}.weight" ? before[key] + pair.Up.mm(pair.Down) : before[key], rtol: 1e-6, atol: 1e-6), key);
    }

    [Fact]
    public void OriginalNamesOfTheUNet_AreThePublishedOnes()
    {
        using var scope = NewDisposeScope();
        using var network = new UNet2DConditionConfig().CreateEmpty(META);
        var names = LoraNames.Of(network);
        string PathOf(string original) => Assert.Single(names[original.Replace('.', '_')]).Path;
        Assert.Equal("down_blocks.0.downsamplers.0.conv", PathOf("input_blocks.3.0.op"));
        Assert.Equal("down_blocks.3.resnets.1.conv2", PathOf("input_blocks.11.0.out_layers.3"));
        Assert.Equal("down_blocks.1.attentions.1.proj_in", PathOf("input_blocks.5.1.proj_in"));
        Assert.Equal("mid_block.resnets.1.time_emb_proj", PathOf("middle_block.2.emb_layers.1"));
        Assert.Equal("up_blocks.0.upsamplers.0.conv", PathOf("output_blocks.2.1.conv"));
        Assert.Equal("up_blocks.1.upsamplers.0.conv", PathOf("output_blocks.5.2.conv"));
        Assert.Equal("up_blocks.3.resnets.2.conv_shortcut", PathOf("output_blocks.11.0.skip_connection"));
        Assert.Equal("conv_out", PathOf("out.2"));
        Assert.Equal("time_embedding.linear_2", PathOf("time_embed.2"));
    }

    [Fact]
    public void EveryName_MeansOneLayer_AndEveryLayerOfTheUNetHasAnOriginalName()
    {
        using var scope = NewDisposeScope();
        using var network = new UNet2DConditionConfig { LayersPerBlock = 3 }.CreateEmpty(META);
        var names = LoraNames.Of(network);
        Assert.All(names, name => Assert.Single(name.Value));
        string[] starts = ["input_blocks_", "middle_block_", "output_blocks_", "time_embed_", "out_2"];
        var original = names.Where(name => starts.Any(start => name.Key.StartsWith(start, StringComparison.Ordinal))).Select(name => name.Value[0].Path).ToHashSet();
        Assert.Equal(names.Values.Select(layers => layers[0].Path).Distinct().Order(), original.Order());
    }

    [Fact]
    public void NameOfTheOriginalTransformer_MeansEachLayerOnce_AndEveryLayerHasOne()
    {
        using var scope = NewDisposeScope();
        using var network = SmallLoras.Transformer();
        var names = LoraNames.Of(network);
        Assert.All(names, name => Assert.Equal(name.Value.Count, name.Value.Select(layer => layer.Path).Distinct().Count()));
        var original = names.Where(name => !name.Key.StartsWith("transformer_blocks_", StringComparison.Ordinal)).SelectMany(name => name.Value).Select(layer => layer.Path).ToHashSet();
        Assert.Equal(names.Values.SelectMany(layers => layers).Select(layer => layer.Path).Distinct().Order(), original.Order());
    }

    [Fact]
    public void OriginalTransformer_SplitsItsMatrixIntoQueryKeyAndValue()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.Transformer();
        var before = SmallLoras.Copy(network);
        foreach (var (original, hub) in ((string, string[])[])[("x_block_attn", ["attn.to_q", "attn.to_k", "attn.to_v"]), ("context_block_attn", ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]), ("x_block_attn2", ["attn2.to_q", "attn2.to_k", "attn2.to_v"])])
        {
            var (up, down) = (SmallLoras.Draw(1, 24, 2), SmallLoras.Draw(2, 2, 8));
            using var stack = new LoraStack(SmallLoras.Parts(network));
            stack.Add(SmallLoras.Write(folder, $"{original}.safetensors", [($"lora_unet_joint_blocks_0_{original}_qkv.lora_down.weight", down), ($"lora_unet_joint_blocks_0_{original}_qkv.lora_up.weight", up)]), new LoraStrength(1));
            stack.Fuse();
            for (var i = 0; i < 3; i++)
            {
                var path = $"transformer_blocks.0.{hub[i]}";
                Assert.True(SmallLoras.Weight(network, path).allclose(before[$"{path}.weight"] + up.narrow(0, 8 * i, 8).mm(down), rtol: 1e-6, atol: 1e-6), path);
            }
            stack.Remove();
        }
    }

    [Theory]
    [InlineData("final_layer_adaLN_modulation_1", "norm_out.linear", 2, true)]
    [InlineData("joint_blocks_1_context_block_adaLN_modulation_1", "transformer_blocks.1.norm1_context.linear", 2, true)]
    [InlineData("joint_blocks_0_context_block_adaLN_modulation_1", "transformer_blocks.0.norm1_context.linear", 6, false)]
    public void OriginalTransformer_HasTheHalvesOfItsLastModulationsTheOtherWayRound(string original, string path, int pieces, bool isSwapped)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.Transformer();
        var before = SmallLoras.Copy(network);
        var (up, down) = (SmallLoras.Draw(1, 8 * pieces, 2), SmallLoras.Draw(2, 2, 8));
        using var stack = new LoraStack(SmallLoras.Parts(network));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", [($"lora_unet_{original}.lora_down.weight", down), ($"lora_unet_{original}.lora_up.weight", up)]), new LoraStrength(1));
        stack.Fuse();
        var halves = up.chunk(2, 0);
        var expected = before[$"{path}.weight"] + (isSwapped ? cat([halves[1], halves[0]], 0) : up).mm(down);
        Assert.True(SmallLoras.Weight(network, path).allclose(expected, rtol: 1e-6, atol: 1e-6));
    }

    public static TheoryData<string, double> Factors() => new()
    {
        { """{"unet.lora_alpha": 3}""", 1.5 },
        { """{"lora_alpha": 3}""", 1.5 },
        { """{"lora_alpha": 3, "use_rslora": true}""", 3 / Math.Sqrt(2) },
        { """{"unet.lora_alpha": 3, "unet.alpha_pattern": {"attn2.to_q": 8}}""", 4 },
        { """{"unet.lora_alpha": 3, "unet.alpha_pattern": {"^.*attn2\\.to_(q|k)": 8}}""", 4 },
        { """{"unet.lora_alpha": 3, "unet.alpha_pattern": {"attn2.to": 8}}""", 1.5 },
        { """{"r": 2}""", 1 },
    };

    [Theory]
    [MemberData(nameof(Factors))]
    public void Header_GivesTheFactor(string json, double factor) => AssertFactor(json, factor, (folder, tensors) => SmallLoras.Write(folder, "a.safetensors", tensors, ("lora_adapter_metadata", json)));

    [Theory]
    [MemberData(nameof(Factors))]
    public void ConfigurationBesidePeftsFile_GivesTheFactor(string json, double factor) => AssertFactor(json, factor, (folder, tensors) =>
    {
        File.WriteAllText(folder.File("adapter_config.json"), json);
        SmallLoras.Write(folder, "adapter_model.safetensors", tensors);
        return folder.Path;
    });

    [Fact]
    public void AlphaBesideTheTensors_GivesTheFactor() => AssertFactor("", 2.5, (folder, tensors) => SmallLoras.Write(folder, "a.safetensors", [.. tensors, ($"unet.{SmallLoras.Query}.alpha", tensor(5f))]));

    private static void AssertFactor(string json, double factor, Func<TemporaryFolder, IEnumerable<(string, Tensor)>, string> write)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var own = SmallLoras.Weight(network, SmallLoras.Query).clone();
        var pair = SmallLoras.Pair(own);
        using var stack = new LoraStack(SmallLoras.Parts(network));
        stack.Add(write(folder, SmallLoras.Peft($"unet.{SmallLoras.Query}", pair)), new LoraStrength(1));
        stack.Fuse();
        Assert.True(SmallLoras.Weight(network, SmallLoras.Query).allclose(own + factor * pair.Up.mm(pair.Down), rtol: 1e-5, atol: 1e-6), json);
    }
}
