using Imago.Weights;

namespace Imago.Models;

/// <summary>Keys of published encoders → keys of Imago's modules.</summary>
public static class EncoderKeys
{
    private static readonly string[] WithoutPrefix = ["embeddings.", "encoder.", "final_layer_norm."];

    /// <summary>CLIP text encoders. Newer versions of transformers write them without the prefix <c>text_model.</c>; older files hold a list of positions, which has no use.</summary>
    public static string? ClipText(string key) =>
        key.EndsWith("embeddings.position_ids", StringComparison.Ordinal) ? null
        : WithoutPrefix.Any(start => key.StartsWith(start, StringComparison.Ordinal)) ? $"text_model.{key}"
        : key;

    /// <summary>Image encoders and whole CLIP models, without their lists of positions.</summary>
    public static string? Clip(string key) => key.EndsWith("embeddings.position_ids", StringComparison.Ordinal) ? null : key;

    /// <summary>T5 encoders. The table of tokens may stand under either of two names, or under both; a file of a whole T5 has a decoder, which has no use.</summary>
    /// <param name="file">The file, for which of the names it has.</param>
    public static KeyMap T5(TensorFile file) => T5(file.Tensors.Select(tensor => tensor.Name));

    /// <summary>T5 encoders, from the keys alone.</summary>
    internal static KeyMap T5(IEnumerable<string> keys)
    {
        const string Table = "shared.weight", Second = "encoder.embed_tokens.weight";
        var hasTable = keys.Contains(Table);
        return key => key == Second ? (hasTable ? null : Table)
            : key.StartsWith("decoder.", StringComparison.Ordinal) || key.StartsWith("lm_head.", StringComparison.Ordinal) ? null
            : key;
    }
}
