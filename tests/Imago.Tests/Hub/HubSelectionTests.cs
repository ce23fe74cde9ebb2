using Imago.Hub;
using Imago.Weights;

namespace Imago.Tests;

/// <summary>Which of a repository's files are needed, on the lists of names that real repositories have.</summary>
public sealed class HubSelectionTests
{
    private const string Index = """
        { "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0", "requires_safety_checker": true,
          "feature_extractor": ["transformers", "CLIPImageProcessor"], "image_encoder": [null, null], "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
          "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
          "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"] }
        """;

    private static readonly string[] Settings =
    [
        "model_index.json", "feature_extractor/preprocessor_config.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
        "tokenizer/merges.txt", "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "unet/config.json", "vae/config.json",
    ];

    private static readonly string[] Safetensors = ["text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"];

    private static readonly string[] Pickles = ["text_encoder/pytorch_model.bin", "unet/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.bin"];

    private static readonly string[] Strangers =
    [
        ".gitattributes", "README.md", "v1-5-pruned.ckpt", "v1-5-pruned-emaonly.safetensors", "safety_checker/config.json", "safety_checker/model.safetensors",
        "unet/diffusion_flax_model.msgpack", "unet/model.onnx", "unet/model.onnx_data", "unet/openvino_model.bin", "unet/openvino_model.xml", "text_encoder/tf_model.h5",
        "text_encoder/flax_model.msgpack", "unet/diffusion_pytorch_model.non_ema.safetensors", "vae/code.py", "unet/nested/config.json",
    ];

    private static string[] Fp16(IEnumerable<string> names) => [.. names.Select(name => Path.ChangeExtension(name, $".fp16{Path.GetExtension(name)}"))];

    private static HubSelection Of(IEnumerable<string> names, string? variant = null, string? index = Index) => HubSelection.Of([.. names], index, new HubOptions { Variant = variant });

    private static void IsWhole(IEnumerable<string> expected, HubSelection selection)
    {
        Assert.Empty(selection.Missing);
        Assert.Equal(expected.Order(StringComparer.Ordinal), selection.Files.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Pipeline_IsItsSettings_AndOneFormOfItsWeights() =>
        IsWhole([.. Settings, .. Safetensors], Of([.. Strangers, .. Settings, .. Pickles, .. Fp16(Pickles), .. Safetensors, .. Fp16(Safetensors)]));

    [Fact]
    public void Variant_IsTaken_WhereItIsWanted() =>
        IsWhole([.. Settings, .. Fp16(Safetensors)], Of([.. Strangers, .. Settings, .. Pickles, .. Fp16(Pickles), .. Safetensors, .. Fp16(Safetensors)], "fp16"));

    [Fact]
    public void Pickles_AreTaken_WhereThereIsNothingElse() =>
        IsWhole([.. Settings, Safetensors[0], .. Pickles[1..]], Of([.. Strangers, .. Settings, .. Pickles, Safetensors[0]]));

    [Fact]
    public void Variant_ThatIsAllThereIs_IsTakenUnasked() => IsWhole([.. Settings, .. Fp16(Safetensors)], Of([.. Settings, .. Fp16(Safetensors)]));

    [Fact]
    public void Component_WithoutTheVariant_ComesInThePlainForm() =>
        IsWhole([.. Settings, Safetensors[0], .. Fp16(Safetensors)[1..]], Of([.. Settings, Safetensors[0], .. Fp16(Safetensors)[1..]], "fp16"));

    [Fact]
    public void Variant_ThatNoComponentHas_IsAnError_ThatListsThoseThereAre() =>
        Assert.Equal(["there are no weights of the variant bf16 (there are: fp16)"], Of([.. Settings, .. Safetensors, .. Fp16(Safetensors)], "bf16").Missing);

    [Theory]
    [InlineData("model.safetensors.index.json", "model-0000{0}-of-00002.safetensors", null)]
    [InlineData("model.safetensors.index.fp16.json", "model.fp16-0000{0}-of-00002.safetensors", "fp16")]
    [InlineData("model.fp16.safetensors.index.json", "model-0000{0}-of-00002.fp16.safetensors", "fp16")]
    public void Shards_ComeWithTheirIndex(string index, string shard, string? variant)
    {
        string[] sharded = [index, .. new[] { 1, 2 }.Select(i => string.Format(null, shard, i))];
        var set = Assert.Single(WeightSet.In([.. sharded, "config.json", "flax_model.msgpack"]));
        Assert.Equal(variant, set.Variant);
        Assert.Equal(sharded, set.Files);
        Assert.Empty(WeightSet.In(sharded[..^1]));
    }

    [Fact]
    public void SingleFile_IsTaken_BeforeItsShards()
    {
        var sets = WeightSet.In(["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors"]);
        Assert.Equal(["model.safetensors"], WeightSet.Best(sets, null)!.Files);
    }

    [Fact]
    public void Missing_NamesEveryComponentThatIsNotWhole()
    {
        var names = Settings.Where(name => name is not "vae/config.json").Append(Safetensors[1]);
        Assert.Equal(["text_encoder/ has no whole weights in safetensors or PyTorch's format", "vae/ has no files"], Of(names).Missing);
    }

    [Fact]
    public void Component_ThatIsNotWanted_IsLeftOut()
    {
        var selection = HubSelection.Of([.. Settings, .. Safetensors], Index, new HubOptions { Without = ["text_encoder", "tokenizer", "safety_checker"] });
        IsWhole(Settings.Concat(Safetensors).Where(name => !name.StartsWith('t')), selection);
    }

    [Fact]
    public void SingleComponent_AndSingleFile_AndExportedModel_AreWhole()
    {
        IsWhole(["config.json", "diffusion_pytorch_model.safetensors"], Of(["README.md", "config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors", "vae.ckpt"], index: null));
        IsWhole(["lora.safetensors"], Of(["README.md", "lora.safetensors", "image.png"], index: null));
        IsWhole(["imago.json", "network/config.json", "network/w.safetensors"], Of(["README.md", "imago.json", "network/config.json", "network/w.safetensors"], index: null));
        Assert.Contains("a.safetensors, b.safetensors", Assert.Single(Of(["a.safetensors", "b.safetensors"], index: null).Missing), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{")]
    [InlineData("""{ "../x": ["diffusers", "UNet2DModel"] }""")]
    [InlineData("""{ "a/b": ["diffusers", "UNet2DModel"] }""")]
    public void Index_ThatIsNone_IsRefused(string index) => Assert.Contains("model_index.json", Assert.Throws<HubException>(() => Of(Settings, index: index)).Message, StringComparison.Ordinal);
}
