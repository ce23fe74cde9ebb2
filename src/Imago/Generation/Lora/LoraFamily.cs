using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>What a file of low-rank changes was probably made for.</summary>
internal static class LoraFamily
{
    /// <summary>Part of a layer's name | the family. The first that occurs wins.</summary>
    private static readonly (string Part, string Family)[] ByName =
    [
        ("single_transformer_blocks", "Flux"), ("double_blocks", "Flux"), ("joint_blocks", "Stable Diffusion 3"), ("attn_add_k_proj", "Stable Diffusion 3"),
        ("prior_unet", "Stable Cascade"), ("adaln_single", "PixArt"), ("diffusion_model_blocks", "a video model"),
    ];

    /// <summary>Features of the text in cross-attention | the family.</summary>
    private static readonly (long Width, string Family)[] ByText = [(768, "Stable Diffusion 1"), (1024, "Stable Diffusion 2"), (2048, "Stable Diffusion XL"), (1280, "Stable Diffusion XL's refiner")];

    /// <summary>How kohya's scripts call it | the family.</summary>
    private static readonly (string Start, string Family)[] ByMetadata =
        [("sd_v1", "Stable Diffusion 1"), ("sd_v2", "Stable Diffusion 2"), ("sdxl", "Stable Diffusion XL"), ("sd3", "Stable Diffusion 3"), ("flux", "Flux")];

    /// <summary>Part of a key | what it belongs to.</summary>
    private static readonly (string Part, string What)[] Kinds =
        [(".oft_", "of OFT"), (".on_input", "of IA³"), (".a1.", "of GLoRA"), (".diff", "whole differences"), ("w_norm", "changes of norms"), ("b_norm", "changes of norms"), (".bias", "changes of biases")];

    private static readonly (LoraDialect Dialect, string Names)[] Dialects =
    [
        (LoraDialect.Lycoris, "LyCORIS' names"), (LoraDialect.Kohya, "kohya's names"), (LoraDialect.AttentionProcessors, "the names of diffusers' attention processors"),
        (LoraDialect.Diffusers, "diffusers' older names"), (LoraDialect.Peft, "PEFT's names"),
    ];

    internal static string Describe(LoraFile file)
    {
        var names = Dialects.First(entry => file.Dialects.Contains(entry.Dialect)).Names;
        return Of(file) is { } family ? $"a LoRA in {names}, for {family}" : $"a LoRA in {names}";
    }

    /// <summary>What tensors are that belong to no change that Imago knows.</summary>
    internal static string Strange(IEnumerable<string> keys) => Kinds.FirstOrDefault(kind => keys.Any(key => key.Contains(kind.Part, StringComparison.Ordinal))).What ?? "no low-rank change";

    /// <summary>What a network is, as far as changes of it are concerned.</summary>
    internal static string Of(nn.Module network) => network switch
    {
        DenoisingNetwork { Config: UNet2DConditionConfig config } => $"a U-Net that attends to texts of {string.Join(" and ", Enumerable.Range(0, config.DownBlockTypes.Count).Select(level => config.CrossAttentionDim[level]).Distinct())} features",
        DenoisingNetwork { Config: MMDiTConfig } => "a transformer of the kind of Stable Diffusion 3",
        _ => network.GetName(),
    };

    private static string? Of(LoraFile file) =>
        ByName.FirstOrDefault(entry => file.Entries.Any(change => change.Layer.Contains(entry.Part, StringComparison.Ordinal))).Family
        ?? (Said(file) is { } said ? ByMetadata.FirstOrDefault(entry => said.StartsWith(entry.Start, StringComparison.OrdinalIgnoreCase)).Family : null)
        ?? (TextWidth(file) is { } width ? ByText.FirstOrDefault(entry => entry.Width == width).Family : null)
        ?? (file.Entries.Any(change => change.Part == LoraPart.TextEncoder2) ? "Stable Diffusion XL" : null);

    private static string? Said(LoraFile file) => file.Metadata.GetValueOrDefault("ss_base_model_version");

    private static long? TextWidth(LoraFile file) =>
        file.Entries.FirstOrDefault(change => change.Layer.EndsWith("attn2_to_k", StringComparison.Ordinal) && change.Keys.ContainsKey(LoraRole.Down)) is { } change ? file.Info(change.Keys[LoraRole.Down]).Shape.ElementAtOrDefault(1) : null;
}
