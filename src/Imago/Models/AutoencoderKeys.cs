using System.Globalization;

namespace Imago.Models;

/// <summary>Keys of published files → keys of Imago's modules. Pure functions of the name.</summary>
public static class AutoencoderKeys
{
    private static readonly (string Old, string New)[] OldAttention =
        [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")];

    /// <summary>AutoencoderKL: files of 2022 name the attention's layers query, key, value and proj_attn.</summary>
    public static string Kl(string key)
    {
        foreach (var (old, @new) in OldAttention)
        {
            if (key.EndsWith($".{old}.weight", StringComparison.Ordinal) || key.EndsWith($".{old}.bias", StringComparison.Ordinal))
                return key.Replace($".{old}.", $".{@new}.", StringComparison.Ordinal);
        }
        return key;
    }

    /// <summary>The encoder's file of madebyollin/taesd: its layers are numbered like those of the encoder of diffusers' AutoencoderTiny.</summary>
    public static string TaesdEncoder(string key) => $"layers.{key}";

    /// <summary>The decoder's file of madebyollin/taesd: its layer 0 is the clamp, which has no weights and no number there.</summary>
    public static string TaesdDecoder(string key)
    {
        var parts = key.Split('.', 2);
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var layer)
            ? $"layers.{layer - 1}.{parts[1]}"
            : key;
    }
}
