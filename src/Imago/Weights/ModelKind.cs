namespace Imago.Weights;

/// <summary>Recognises a model by its keys.</summary>
internal static class ModelKind
{
    /// <summary>The first row of whose patterns all occur wins. A star stands for anything at the beginning or the end of a key.</summary>
    private static readonly (string Name, string[] Patterns)[] Kinds =
    [
        ("LoRA in kohya's layout", ["*.lora_down.weight", "*.lora_up.weight"]),
        ("LoRA in the layout of PEFT", ["*.lora_A.weight", "*.lora_B.weight"]),
        ("LoRA in the older layout of diffusers", ["*.lora.down.weight", "*.lora.up.weight"]),
        ("Stable Diffusion checkpoint in CompVis' layout (U-Net, autoencoder, text encoder)", ["model.diffusion_model.*", "first_stage_model.*"]),
        ("diffusion U-Net in CompVis' layout", ["model.diffusion_model.input_blocks.*"]),
        ("diffusion U-Net in CompVis' layout", ["input_blocks.0.0.weight"]),
        ("ControlNet of diffusers", ["controlnet_cond_embedding.conv_in.weight"]),
        ("diffusion U-Net of diffusers", ["down_blocks.*", "time_embedding.linear_1.weight"]),
        ("diffusion transformer (DiT) of diffusers", ["transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight"]),
        ("Stable Diffusion 3 transformer of diffusers", ["transformer_blocks.*", "pos_embed.proj.weight"]),
        ("Stable Diffusion 3 transformer", ["*joint_blocks.0.x_block.attn.qkv.weight"]),
        ("Flux transformer", ["*double_blocks.0.img_attn.qkv.weight"]),
        ("AutoencoderKL of diffusers", ["encoder.down_blocks.*", "decoder.up_blocks.*"]),
        ("AutoencoderKL in CompVis' layout", ["encoder.down.0.block.*", "decoder.up.0.block.*"]),
        ("AutoencoderTiny of diffusers (TAESD family)", ["encoder.layers.*", "decoder.layers.*"]),
        ("disentangling VAE (convolutional, Burgess et al. 2018)", ["encoder.conv1.weight", "encoder.mu_logvar_gen.weight", "decoder.convT1.weight"]),
        ("encoder of the TAESD family", ["0.weight", "*.conv.0.weight"]),
        ("decoder of the TAESD family", ["1.weight", "*.conv.0.weight"]),
        ("CLIP text and image encoders", ["*text_model.embeddings.token_embedding.weight", "*vision_model.embeddings.patch_embedding.weight"]),
        ("CLIP text encoder", ["*text_model.embeddings.token_embedding.weight"]),
        ("CLIP image encoder", ["vision_model.embeddings.patch_embedding.weight"]),
        ("DINOv2 image encoder", ["embeddings.patch_embeddings.projection.weight", "encoder.layer.0.layer_scale1.lambda1"]),
        ("T5 text encoder", ["encoder.block.0.layer.0.SelfAttention.q.weight"]),
        ("Inception network for the Fréchet distance", ["Conv2d_1a_3x3.conv.weight", "Mixed_5b.*"]),
        ("textual inversion", ["string_to_param.*"]),
        ("statistics for the Fréchet distance", ["mu", "sigma"]),
        ("batch of samples as ADM's evaluation takes it", ["arr_0"]),
    ];

    internal static string? Of(IReadOnlyList<TensorInfo> tensors) =>
        Kinds.FirstOrDefault(kind => kind.Patterns.All(pattern => tensors.Any(tensor => Matches(tensor.Name, pattern)))).Name;

    private static bool Matches(string key, string pattern) => pattern switch
    {
        ['*', .. var end] => key.EndsWith(end, StringComparison.Ordinal),
        [.. var start, '*'] => key.StartsWith(start, StringComparison.Ordinal),
        _ => key == pattern,
    };
}
