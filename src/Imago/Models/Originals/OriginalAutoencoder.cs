using Imago.Weights;

namespace Imago.Models.Originals;

/// <summary>The autoencoder's names in the files of CompVis' latent-diffusion, under <c>first_stage_model.</c>, or alone in files of a VAE.</summary>
internal static class OriginalAutoencoder
{
    /// <summary>All names. The way up is numbered from the pixels inwards in the original, and from the latents outwards in diffusers.</summary>
    internal static readonly KeyTable Table = new(
    [
        .. Half("encoder"),
        new("encoder.down.{i}.block.{j}.nin_shortcut.*", "encoder.down_blocks.{i}.resnets.{j}.conv_shortcut.*"),
        new("encoder.down.{i}.block.{j}.*", "encoder.down_blocks.{i}.resnets.{j}.*"),
        new("encoder.down.{i}.downsample.conv.*", "encoder.down_blocks.{i}.downsamplers.0.conv.*"),
        .. Half("decoder"),
        new("decoder.up.{i}.block.{j}.nin_shortcut.*", "decoder.up_blocks.{-i}.resnets.{j}.conv_shortcut.*"),
        new("decoder.up.{i}.block.{j}.*", "decoder.up_blocks.{-i}.resnets.{j}.*"),
        new("decoder.up.{i}.upsample.conv.*", "decoder.up_blocks.{-i}.upsamplers.0.conv.*"),
        new("quant_conv.*", "quant_conv.*"),
        new("post_quant_conv.*", "post_quant_conv.*"),
        new("loss.*", null),                                                        // what it was trained against
        new("model_ema.*", null),
    ]);

    /// <summary>The map of an autoencoder's keys, without their prefix.</summary>
    /// <param name="keys">All keys, which tell how many resolutions there are.</param>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> Map(IReadOnlyCollection<string> keys)
    {
        var levels = Levels(keys);
        return key => Table.Map(key, levels);
    }

    /// <summary>Resolutions.</summary>
    internal static int Levels(IReadOnlyCollection<string> keys) =>
        keys.Where(key => key.StartsWith("decoder.up.", StringComparison.Ordinal)).Select(key => int.TryParse(key.Split('.')[2], out var level) ? level + 1 : 0).DefaultIfEmpty().Max();

    /// <summary>What encoder and decoder have in common. The attention's layers are 1×1 convolutions in the original.</summary>
    private static IEnumerable<KeyRow> Half(string half) =>
    [
        new($"{half}.conv_in.*", $"{half}.conv_in.*"),
        new($"{half}.mid.block_1.*", $"{half}.mid_block.resnets.0.*"),
        new($"{half}.mid.attn_1.norm.*", $"{half}.mid_block.attentions.0.group_norm.*"),
        new($"{half}.mid.attn_1.q.*", $"{half}.mid_block.attentions.0.to_q.*", TensorForm.Flattened),
        new($"{half}.mid.attn_1.k.*", $"{half}.mid_block.attentions.0.to_k.*", TensorForm.Flattened),
        new($"{half}.mid.attn_1.v.*", $"{half}.mid_block.attentions.0.to_v.*", TensorForm.Flattened),
        new($"{half}.mid.attn_1.proj_out.*", $"{half}.mid_block.attentions.0.to_out.0.*", TensorForm.Flattened),
        new($"{half}.mid.block_2.*", $"{half}.mid_block.resnets.1.*"),
        new($"{half}.norm_out.*", $"{half}.conv_norm_out.*"),
        new($"{half}.conv_out.*", $"{half}.conv_out.*"),
    ];
}
