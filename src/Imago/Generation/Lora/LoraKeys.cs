namespace Imago.Generation.Lora;

/// <summary>What a tensor of a file is in the change of a layer.</summary>
internal enum LoraRole
{
    /// <summary>[r, I(, k, k)], first in use.</summary>
    Down,

    /// <summary>[O, r(, 1, 1)], last in use.</summary>
    Up,

    /// <summary>[r, r, k, k] between the two.</summary>
    Mid,

    /// <summary>The number over the rank.</summary>
    Alpha,

    /// <summary>PEFT's lengths of the changed weight's rows, [O] or [1, O, 1, 1].</summary>
    Magnitude,

    /// <summary>LyCORIS' lengths of the changed weight's rows [O, 1, …] or columns [1, I, …].</summary>
    DoraScale,

    /// <summary>LoHa's four matrices and two kernels.</summary>
    HadaW1A, HadaW1B, HadaW2A, HadaW2B, HadaT1, HadaT2,

    /// <summary>LoKr's two factors, whole or as products, and the kernel in the second.</summary>
    LokrW1, LokrW1A, LokrW1B, LokrW2, LokrW2A, LokrW2B, LokrT2,
}

/// <summary>How a file names things.</summary>
internal enum LoraDialect
{
    /// <summary>Any.</summary>
    Common,

    /// <summary>PEFT, and diffusers since it uses PEFT.</summary>
    Peft,

    /// <summary>diffusers before that.</summary>
    Diffusers,

    /// <summary>diffusers' attention processors, the oldest.</summary>
    AttentionProcessors,

    /// <summary>kohya's scripts.</summary>
    Kohya,

    /// <summary>LyCORIS.</summary>
    Lycoris,
}

/// <summary>A key of a file, taken apart.</summary>
/// <param name="Part">The network that it says; null where it says none.</param>
/// <param name="Layer">The layer's path with underscores for its dots, as kohya writes it: the form in which all dialects agree.</param>
/// <param name="Role">What the tensor is.</param>
/// <param name="Dialect">Who writes so.</param>
internal sealed record LoraKey(LoraPart? Part, string Layer, LoraRole Role, LoraDialect Dialect)
{
    /// <summary>Ends of keys.</summary>
    private static readonly (string End, LoraRole Role, LoraDialect Dialect)[] Ends =
    [
        (".lora_A.weight", LoraRole.Down, LoraDialect.Peft), (".lora_B.weight", LoraRole.Up, LoraDialect.Peft),
        (".lora_A.default.weight", LoraRole.Down, LoraDialect.Peft), (".lora_B.default.weight", LoraRole.Up, LoraDialect.Peft),
        (".lora_magnitude_vector", LoraRole.Magnitude, LoraDialect.Peft), (".lora_magnitude_vector.weight", LoraRole.Magnitude, LoraDialect.Peft),
        (".lora_magnitude_vector.default.weight", LoraRole.Magnitude, LoraDialect.Peft),
        (".lora.down.weight", LoraRole.Down, LoraDialect.Diffusers), (".lora.up.weight", LoraRole.Up, LoraDialect.Diffusers),
        (".lora_linear_layer.down.weight", LoraRole.Down, LoraDialect.Diffusers), (".lora_linear_layer.up.weight", LoraRole.Up, LoraDialect.Diffusers),
        ("_lora.down.weight", LoraRole.Down, LoraDialect.AttentionProcessors), ("_lora.up.weight", LoraRole.Up, LoraDialect.AttentionProcessors),
        (".lora_down.weight", LoraRole.Down, LoraDialect.Kohya), (".lora_up.weight", LoraRole.Up, LoraDialect.Kohya), (".lora_mid.weight", LoraRole.Mid, LoraDialect.Lycoris),
        (".alpha", LoraRole.Alpha, LoraDialect.Common), (".dora_scale", LoraRole.DoraScale, LoraDialect.Common),
        (".hada_w1_a", LoraRole.HadaW1A, LoraDialect.Lycoris), (".hada_w1_b", LoraRole.HadaW1B, LoraDialect.Lycoris),
        (".hada_w2_a", LoraRole.HadaW2A, LoraDialect.Lycoris), (".hada_w2_b", LoraRole.HadaW2B, LoraDialect.Lycoris),
        (".hada_t1", LoraRole.HadaT1, LoraDialect.Lycoris), (".hada_t2", LoraRole.HadaT2, LoraDialect.Lycoris),
        (".lokr_w1", LoraRole.LokrW1, LoraDialect.Lycoris), (".lokr_w1_a", LoraRole.LokrW1A, LoraDialect.Lycoris), (".lokr_w1_b", LoraRole.LokrW1B, LoraDialect.Lycoris),
        (".lokr_w2", LoraRole.LokrW2, LoraDialect.Lycoris), (".lokr_w2_a", LoraRole.LokrW2A, LoraDialect.Lycoris), (".lokr_w2_b", LoraRole.LokrW2B, LoraDialect.Lycoris),
        (".lokr_t2", LoraRole.LokrT2, LoraDialect.Lycoris),
    ];

    /// <summary>Beginnings of keys. What stands before them all, if anything, is PEFT's.</summary>
    private static readonly (string Start, LoraPart Part)[] Starts =
    [
        ("unet.", LoraPart.Denoiser), ("transformer.", LoraPart.Denoiser), ("model.diffusion_model.", LoraPart.Denoiser), ("diffusion_model.", LoraPart.Denoiser),
        ("text_encoder.", LoraPart.TextEncoder), ("text_encoder_2.", LoraPart.TextEncoder2), ("text_encoder_3.", LoraPart.TextEncoder3),
        ("lora_unet_", LoraPart.Denoiser), ("lora_transformer_", LoraPart.Denoiser), ("lycoris_", LoraPart.Denoiser),
        ("lora_te_", LoraPart.TextEncoder), ("lora_te1_", LoraPart.TextEncoder), ("lora_te2_", LoraPart.TextEncoder2), ("lora_te3_", LoraPart.TextEncoder3),
    ];

    private const string PeftRoot = "base_model.model.";

    /// <summary>Reads a key; null for one that is no part of a low-rank change.</summary>
    internal static LoraKey? Parse(string key)
    {
        foreach (var (end, role, dialect) in Ends)
        {
            if (!key.EndsWith(end, StringComparison.Ordinal)) continue;
            var name = key[..^end.Length];
            if (name.StartsWith(PeftRoot, StringComparison.Ordinal)) name = name[PeftRoot.Length..];
            var (start, part) = Starts.FirstOrDefault(entry => name.StartsWith(entry.Start, StringComparison.Ordinal));
            return new LoraKey(start is null ? null : part, Flat(name[(start?.Length ?? 0)..]), role, dialect);
        }
        return null;
    }

    /// <summary>A path with underscores for its dots.</summary>
    internal static string Flat(string path) => path.Replace('.', '_');
}
