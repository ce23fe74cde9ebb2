using System.Globalization;
using System.Text.Json;
using Imago.Golden;
using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DenoiserConfigTests
{
    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Json_WrittenAndRead_IsTheSame(string name)
    {
        var json = SmallUNets.Configs[name].ToJson();
        Assert.Equal(json, DenoiserConfig.Parse(json).ToJson());
        Assert.Contains("\"_class_name\": \"UNet2D", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfAnUnknownKey_NamesIt() =>
        Assert.Contains("sparkle", Assert.Throws<CheckpointException>(() => DenoiserConfig.Parse("""{"_class_name": "UNet2DModel", "sparkle": 1}""", "file")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"_class_name": "UNetOfTomorrow"}""")]
    [InlineData("""{"_class_name": 3}""")]
    [InlineData("""{"_class_name": "UNet2DModel", "in_channels": "three"}""")]
    [InlineData("""{"_class_name": "UNet2DModel", "in_channels": 1, "in_channels": 2}""")]
    public void Parse_OfAnythingElse_IsRefused(string json) => Assert.StartsWith("file", Assert.Throws<CheckpointException>(() => DenoiserConfig.Parse(json, "file")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("UNet2DModel", "down_block_types", """["SkipDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"]""")]
    [InlineData("UNet2DModel", "resnet_time_scale_shift", "\"ada_group\"")]
    [InlineData("UNet2DModel", "norm_num_groups", "31")]
    [InlineData("UNet2DModel", "block_out_channels", "[32]")]
    [InlineData("UNet2DModel", "time_embedding_type", "\"learned\"")]
    [InlineData("UNet2DConditionModel", "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    [InlineData("UNet2DConditionModel", "dual_cross_attention", "true")]
    [InlineData("UNet2DConditionModel", "attention_type", "\"gated\"")]
    [InlineData("UNet2DConditionModel", "num_attention_heads", "4")]
    [InlineData("UNet2DConditionModel", "addition_embed_type", "\"image\"")]
    [InlineData("UNet2DConditionModel", "encoder_hid_dim_type", "\"image_proj\"")]
    [InlineData("UNet2DConditionModel", "attention_head_dim", "7")]
    [InlineData("UNet2DConditionModel", "layers_per_block", "[1, 2]")]
    public void Create_WithAValueThatTheNetworkDoesNotHave_NamesTheKey(string kind, string key, string value)
    {
        var config = DenoiserConfig.Parse($$"""{"_class_name": "{{kind}}", "{{key}}": {{value}}}""");
        var message = Assert.Throws<ArgumentException>(() => config.Create()).Message;
        Assert.True(message.Contains(key, StringComparison.Ordinal) || message.Contains(key == "block_out_channels" ? "down_block_types" : "num_train_timesteps", StringComparison.Ordinal), message);
    }

    [Fact]
    public void Null_ForATruthValue_IsFalse() =>
        Assert.False(((UNet2DConditionConfig)DenoiserConfig.Parse("""{"_class_name": "UNet2DConditionModel", "upcast_attention": null}""")).UpcastAttention);

    public static TheoryData<string> KeyLists() => [.. Published().Select(entry => entry.List)];

    [Theory]
    [MemberData(nameof(KeyLists))]
    public void Keys_OfAPublishedNetwork_AreItsFiles(string list)
    {
        Assert.SkipWhen(list.Length == 0, "no folder of reference numbers: set IMAGO_GOLDEN");
        var (_, path, config) = Published().Single(entry => entry.List == list);
        using var scope = NewDisposeScope();
        using var network = DenoiserConfig.Parse(File.ReadAllText(config), config).CreateEmpty(META);
        var expected = File.ReadLines(path).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t')).ToDictionary(columns => columns[0], columns => columns[2]);
        var actual = network.state_dict().ToDictionary(entry => entry.Key, entry => string.Join('x', entry.Value.shape.Select(size => size.ToString(CultureInfo.InvariantCulture))));
        Assert.Equal(expected.OrderBy(entry => entry.Key, StringComparer.Ordinal), actual.OrderBy(entry => entry.Key, StringComparer.Ordinal));
    }

    /// <summary>Lists of keys and shapes of published networks that Imago has, each with its configuration.</summary>
    private static IEnumerable<(string List, string Path, string Config)> Published()
    {
        if (GoldenFolder.Find() is not { } golden || !File.Exists(Path.Combine(golden, "models", "manifest.json"))) return [("", "", "")];
        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "models", "manifest.json")));
        return [..
            from entry in manifest.RootElement.GetProperty("keys").EnumerateArray()
            where entry.GetProperty("class").GetString() is "UNet2DModel" or "UNet2DConditionModel"
            let file = entry.GetProperty("file").GetString()!
            from hub in entry.GetProperty("hub_folders").EnumerateArray().Take(1)
            let config = Path.Combine(golden, "..", "hub", hub.GetString()!, "config.json")
            where File.Exists(config)
            select (file, Path.Combine(golden, "models", file), config)];
    }
}
