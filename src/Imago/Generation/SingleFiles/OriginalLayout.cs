using Imago.Generation.Pipelines;
using Imago.Models.Originals;
using Imago.Weights;

namespace Imago.Generation.SingleFiles;

/// <summary>How a text encoder lies in a file.</summary>
internal enum TextLayout
{
    /// <summary>CLIP under the names of transformers.</summary>
    Clip,

    /// <summary>CLIP under the names of OpenCLIP.</summary>
    OpenClip,

    /// <summary>T5 under the names of transformers.</summary>
    T5,
}

/// <summary>One part of a pipeline in a single file.</summary>
/// <param name="Name">Its name in a pipeline of the hub.</param>
/// <param name="Prefix">What stands before its keys.</param>
/// <param name="Text">How it lies there, for a text encoder.</param>
internal sealed record OriginalPart(string Name, string Prefix, TextLayout? Text = null);

/// <summary>What a single file holds, by its keys and shapes alone.</summary>
/// <param name="Family">The model that it is of.</param>
/// <param name="Parts">The parts that are there.</param>
/// <param name="InputChannels">Channels that the denoiser takes: 4 (16 for version 3) for noisy latents; 9 with a mask and masked latents; 8 with latents of a picture.</param>
/// <param name="Unused">Keys that belong to none of the parts.</param>
internal sealed record OriginalLayout(OriginalFamily Family, IReadOnlyList<OriginalPart> Parts, long InputChannels, IReadOnlyList<string> Unused)
{
    private const string Denoiser = "model.diffusion_model.", FirstConvolution = "input_blocks.0.0.weight", FirstBlock = "joint_blocks.0.x_block.attn.qkv.weight";

    /// <summary>The prefixes under which a text encoder may stand, and which one of a pipeline it is.</summary>
    private static readonly OriginalPart[] TextEncoders =
    [
        new("text_encoder", "cond_stage_model.transformer.", TextLayout.Clip),
        new("text_encoder", "cond_stage_model.model.", TextLayout.OpenClip),
        new("text_encoder", "conditioner.embedders.0.transformer.", TextLayout.Clip),
        new("text_encoder_2", "conditioner.embedders.1.model.", TextLayout.OpenClip),
        new("text_encoder_2", "conditioner.embedders.0.model.", TextLayout.OpenClip),
        new("text_encoder", "text_encoders.clip_l.transformer.", TextLayout.Clip),
        new("text_encoder_2", "text_encoders.clip_g.transformer.", TextLayout.Clip),
        new("text_encoder_3", "text_encoders.t5xxl.transformer.", TextLayout.T5),
    ];

    private static readonly OriginalPart[] Autoencoders = [new(ComponentNames.Vae, "first_stage_model."), new(ComponentNames.Vae, "vae.")];

    /// <summary>What stands beside a model in training: schedules that the family tells, averages, counters, losses.</summary>
    private static readonly string[] OfTraining =
    [
        "betas", "alphas_cumprod", "sqrt_", "log_one_minus_", "posterior_", "logvar", "lvlb_weights", "model_ema.", "scale_factor", "denoiser.", "global_step", "epoch", "first_stage_model.loss.",
        "cond_stage_model.logit_scale", "text_encoders.clip_l.logit_scale", "text_encoders.clip_g.logit_scale", "text_encoders.t5xxl.logit_scale", "model_sampling.",
    ];

    /// <summary>What a file holds; null if it is no checkpoint of Stable Diffusion in an original layout.</summary>
    internal static OriginalLayout? Of(IReadOnlyList<TensorInfo> tensors)
    {
        var shapes = new Dictionary<string, IReadOnlyList<long>>();
        foreach (var tensor in tensors) shapes[tensor.Name] = tensor.Shape;
        var prefix = new[] { Denoiser, "" }.FirstOrDefault(start => shapes.ContainsKey(start + FirstConvolution) || shapes.ContainsKey(start + FirstBlock));
        if (prefix is null) return null;
        if (shapes.ContainsKey(prefix + "input_hint_block.0.weight") || shapes.ContainsKey(prefix + "zero_convs.0.0.weight")) return null;
        var isTransformer = shapes.ContainsKey(prefix + FirstBlock);
        List<OriginalPart> parts = [new(isTransformer ? ComponentNames.Transformer : ComponentNames.UNet, prefix)];
        if (prefix.Length > 0) parts.AddRange(Autoencoders.Concat(TextEncoders).Where(part => shapes.Keys.Any(key => key.StartsWith(part.Prefix, StringComparison.Ordinal))).DistinctBy(part => part.Name));
        var family = isTransformer ? TransformerFamily(shapes, prefix) : UNetFamily(shapes, prefix, parts);
        var first = shapes.GetValueOrDefault(prefix + (isTransformer ? "x_embedder.proj.weight" : FirstConvolution));
        return new OriginalLayout(family, parts, first is { Count: 4 } ? first[1] : 0, [.. shapes.Keys.Where(key => !parts.Exists(part => Owns(part, key)) && !IsOfTraining(key))]);
    }

    /// <summary>Whether a key belongs to what stands beside a model in training.</summary>
    internal static bool IsOfTraining(string key) => OfTraining.Any(start => key.StartsWith(start, StringComparison.Ordinal));

    /// <summary>The keys of a part, without its prefix, and their shapes.</summary>
    internal static Dictionary<string, IReadOnlyList<long>> ShapesUnder(string prefix, IEnumerable<TensorInfo> tensors) =>
        tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)).GroupBy(tensor => tensor.Name[prefix.Length..]).ToDictionary(group => group.Key, group => group.First().Shape);

    private static bool Owns(OriginalPart part, string key) => part.Prefix.Length == 0
        ? (part.Name == ComponentNames.Transformer ? OriginalMMDiT.Table.Map(key) is not null : IsOfUNet(key))
        : key.StartsWith(part.Prefix, StringComparison.Ordinal);

    private static bool IsOfUNet(string key) => OriginalUNet.Ends.Map(key) is not null || new[] { "input_blocks.", "middle_block.", "output_blocks." }.Any(start => key.StartsWith(start, StringComparison.Ordinal));

    private static OriginalFamily TransformerFamily(Dictionary<string, IReadOnlyList<long>> shapes, string prefix) =>
        shapes.Keys.Any(key => key.StartsWith(prefix, StringComparison.Ordinal) && key.Contains(".x_block.attn2.", StringComparison.Ordinal)) ? OriginalFamily.StableDiffusion35Medium
        : shapes.ContainsKey(prefix + "joint_blocks.0.x_block.attn.ln_q.weight") ? OriginalFamily.StableDiffusion35Large
        : OriginalFamily.StableDiffusion3;

    /// <summary>
    /// XL has an embedding of sizes, and its refiner has no first text encoder and one resolution more. Versions 1 and 2 differ in their text encoder, and in what leads
    /// into the U-Net's transformers: a convolution, or a linear layer.
    /// </summary>
    private static OriginalFamily UNetFamily(Dictionary<string, IReadOnlyList<long>> shapes, string prefix, List<OriginalPart> parts)
    {
        var keys = shapes.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..]).ToList();
        if (keys.Contains("label_emb.0.0.weight"))
        {
            var isRefiner = parts.Exists(part => part.Text is not null)
                ? parts.Exists(part => part.Prefix == "conditioner.embedders.0.model.")
                : OriginalUNet.Depth(keys).Levels > 3;
            return isRefiner ? OriginalFamily.StableDiffusionXLRefiner : OriginalFamily.StableDiffusionXL;
        }
        if (parts.Find(part => part.Text is not null) is { } text) return text.Text == TextLayout.OpenClip ? OriginalFamily.StableDiffusion2 : OriginalFamily.StableDiffusion1;
        var into = keys.Find(key => key.EndsWith(".1.proj_in.weight", StringComparison.Ordinal));
        return into is not null && shapes[prefix + into].Count == 2 ? OriginalFamily.StableDiffusion2 : OriginalFamily.StableDiffusion1;
    }
}
