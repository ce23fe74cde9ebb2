using Imago.Weights;

namespace Imago.Models.Originals;

/// <summary>The names of OpenCLIP's text tower (Stable Diffusion 2 and XL), which are not those of transformers.</summary>
internal static class OriginalOpenClip
{
    /// <summary>All names. The tower computes queries, keys and values by one matrix, and multiplies by its projection from the other side.</summary>
    internal static readonly KeyTable Table = new(
    [
        new("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
        new("positional_embedding", "text_model.embeddings.position_embedding.weight"),
        new("transformer.resblocks.{i}.ln_1.*", "text_model.encoder.layers.{i}.layer_norm1.*"),
        new("transformer.resblocks.{i}.attn.in_proj_weight", "text_model.encoder.layers.{i}.self_attn.{q_proj,k_proj,v_proj}.weight"),
        new("transformer.resblocks.{i}.attn.in_proj_bias", "text_model.encoder.layers.{i}.self_attn.{q_proj,k_proj,v_proj}.bias"),
        new("transformer.resblocks.{i}.attn.out_proj.*", "text_model.encoder.layers.{i}.self_attn.out_proj.*"),
        new("transformer.resblocks.{i}.ln_2.*", "text_model.encoder.layers.{i}.layer_norm2.*"),
        new("transformer.resblocks.{i}.mlp.c_fc.*", "text_model.encoder.layers.{i}.mlp.fc1.*"),
        new("transformer.resblocks.{i}.mlp.c_proj.*", "text_model.encoder.layers.{i}.mlp.fc2.*"),
        new("ln_final.*", "text_model.final_layer_norm.*"),
        new("text_projection", "text_projection.weight", TensorForm.Transposed),
        new("logit_scale", null),
        new("attn_mask", null),
    ]);

    /// <summary>The map of a tower's keys, without their prefix.</summary>
    /// <param name="layers">Layers that are wanted: Stable Diffusion 2 leaves out the last one.</param>
    /// <param name="hasProjection">Whether the projection is wanted.</param>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> Map(int layers, bool hasProjection) => key =>
        key.StartsWith("transformer.resblocks.", StringComparison.Ordinal) && int.TryParse(key.Split('.')[2], out var layer) && layer >= layers ? []
        : key == "text_projection" && !hasProjection ? []
        : Table.Map(key);

    /// <summary>Layers of the tower.</summary>
    internal static int Layers(IEnumerable<string> keys) =>
        keys.Where(key => key.StartsWith("transformer.resblocks.", StringComparison.Ordinal)).Select(key => int.TryParse(key.Split('.')[2], out var layer) ? layer + 1 : 0).DefaultIfEmpty().Max();
}

/// <summary>The text encoders of transformers as other files hold them.</summary>
internal static class OriginalTransformersText
{
    /// <summary>CLIP, by <see cref="EncoderKeys.ClipText"/>; without projection where none is wanted.</summary>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> Clip(bool hasProjection) => key =>
        key == "logit_scale" || (key == "text_projection.weight" && !hasProjection) ? [] : Renamed(key, EncoderKeys.ClipText(key));

    /// <summary>T5, by <see cref="EncoderKeys.T5(TensorFile)"/>.</summary>
    /// <param name="keys">All keys, for which of the names of its table there are.</param>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> T5(IReadOnlyCollection<string> keys)
    {
        var map = EncoderKeys.T5(keys);
        return key => Renamed(key, map(key));
    }

    private static IReadOnlyList<KeyOrigin> Renamed(string key, string? name) => name is null ? [] : [new KeyOrigin(name, key, TensorForm.Same, (0, 1))];
}
