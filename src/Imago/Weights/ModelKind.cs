namespace Imago.Weights;

/// <summary>Recognises a model by its keys.</summary>
internal static class ModelKind
{
    private const string AddLora = "It changes a model and is none: add it to one with --lora FILE.";
    private const string NotYet = "It steers a model and is none; Imago does not load such files yet.";
    private const string IsPart = "It is one part of a model; give the model's folder, or the whole checkpoint.";
    private const string AddVae = "It is an autoencoder alone: give it to a model with --vae FILE.";
    private const string AddText = "It is a text encoder alone: give it to a model with --text-encoder FILE.";

    /// <summary>The first row of whose patterns all occur wins. A star stands for anything at the beginning or the end of a key. The last column says what such a file is for.</summary>
    private static readonly (string Name, string[] Patterns, string? Use)[] Kinds =
    [
        ("LoRA in kohya's layout", ["*.lora_down.weight", "*.lora_up.weight"], AddLora),
        ("LoRA in the layout of PEFT", ["*.lora_A.weight", "*.lora_B.weight"], AddLora),
        ("LoRA in the older layout of diffusers", ["*.lora.down.weight", "*.lora.up.weight"], AddLora),
        ("LoRA in the oldest layout of diffusers (attention processors)", ["*_lora.down.weight", "*_lora.up.weight"], AddLora),
        ("LoHa of LyCORIS", ["*.hada_w1_a", "*.hada_w2_a"], AddLora),
        ("LoKr of LyCORIS", ["*.lokr_w1"], AddLora),
        ("LoKr of LyCORIS", ["*.lokr_w1_a"], AddLora),
        ("ControlNet in CompVis' layout", ["control_model.*"], NotYet),
        ("ControlNet in CompVis' layout", ["input_hint_block.*", "zero_convs.*"], NotYet),
        ("ControlNet of diffusers", ["controlnet_cond_embedding.conv_in.weight"], NotYet),
        ("ControlNet of Stable Diffusion 3", ["controlnet_blocks.*"], NotYet),
        ("IP-Adapter", ["image_proj.*", "ip_adapter.*"], NotYet),
        ("Stable Diffusion checkpoint in CompVis' layout (U-Net, autoencoder, text encoder)", ["model.diffusion_model.input_blocks.*", "first_stage_model.*"], null),
        ("Stable Diffusion 3 checkpoint (transformer, autoencoder)", ["model.diffusion_model.joint_blocks.*", "first_stage_model.*"], null),
        ("diffusion U-Net in CompVis' layout", ["model.diffusion_model.input_blocks.*"], null),
        ("diffusion U-Net in CompVis' layout", ["input_blocks.0.0.weight"], null),
        ("diffusion U-Net of diffusers", ["down_blocks.*", "time_embedding.linear_1.weight"], IsPart),
        ("diffusion transformer (DiT) of diffusers", ["transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight"], IsPart),
        ("Stable Diffusion 3 transformer of diffusers", ["transformer_blocks.*", "pos_embed.proj.weight"], IsPart),
        ("Stable Diffusion 3 transformer", ["*joint_blocks.0.x_block.attn.qkv.weight"], null),
        ("Flux transformer", ["*double_blocks.0.img_attn.qkv.weight"], "Imago has no network of Flux."),
        ("AutoencoderKL of diffusers", ["encoder.down_blocks.*", "decoder.up_blocks.*"], AddVae),
        ("AutoencoderKL in CompVis' layout", ["encoder.down.0.block.*", "decoder.up.0.block.*"], AddVae),
        ("AutoencoderKL in CompVis' layout", ["first_stage_model.encoder.down.0.block.*", "first_stage_model.decoder.up.0.block.*"], AddVae),
        ("AutoencoderTiny of diffusers (TAESD family)", ["encoder.layers.*", "decoder.layers.*"], AddVae),
        ("disentangling VAE (convolutional, Burgess et al. 2018)", ["encoder.conv1.weight", "encoder.mu_logvar_gen.weight", "decoder.convT1.weight"], null),
        ("encoder of the TAESD family", ["0.weight", "*.conv.0.weight"], null),
        ("decoder of the TAESD family", ["1.weight", "*.conv.0.weight"], null),
        ("CLIP text and image encoders", ["*text_model.embeddings.token_embedding.weight", "*vision_model.embeddings.patch_embedding.weight"], AddText),
        ("CLIP text encoder", ["*text_model.embeddings.token_embedding.weight"], AddText),
        ("CLIP text encoder", ["embeddings.token_embedding.weight", "final_layer_norm.weight"], AddText),
        ("CLIP text encoder of OpenCLIP", ["*positional_embedding", "*transformer.resblocks.0.attn.in_proj_weight"], AddText),
        ("CLIP image encoder", ["vision_model.embeddings.patch_embedding.weight"], null),
        ("DINOv2 image encoder", ["embeddings.patch_embeddings.projection.weight", "encoder.layer.0.layer_scale1.lambda1"], null),
        ("T5 text encoder", ["encoder.block.0.layer.0.SelfAttention.q.weight"], AddText),
        ("ESRGAN upscaler", ["conv_first.weight", "body.0.rdb1.conv1.weight"], "It enlarges pictures and draws none."),
        ("ESRGAN upscaler", ["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"], "It enlarges pictures and draws none."),
        ("Inception network for the Fréchet distance", ["Conv2d_1a_3x3.conv.weight", "Mixed_5b.*"], null),
        ("textual inversion", ["string_to_param.*"], "It is a word for a model's prompts."),
        ("textual inversion", ["emb_params"], "It is a word for a model's prompts."),
        ("textual inversion of Stable Diffusion XL", ["clip_l", "clip_g"], "It is a word for a model's prompts."),
        ("statistics for the Fréchet distance", ["mu", "sigma"], null),
        ("batch of samples as ADM's evaluation takes it", ["arr_0"], null),
    ];

    internal static string? Of(IReadOnlyList<TensorInfo> tensors) => Find(tensors).Name;

    /// <summary>What a file is and what it is for, in sentences for an error: "It looks like a …".</summary>
    internal static string Explain(IReadOnlyList<TensorInfo> tensors)
    {
        var (name, _, use) = Find(tensors);
        if (name is null) return tensors.Count == 0 ? "It holds no tensors." : $"Its keys are of nothing that Imago knows; the first is {tensors[0].Name}.";
        return use is null ? $"By its keys it is this: {name}." : $"By its keys it is this: {name}. {use}";
    }

    private static (string? Name, string[] Patterns, string? Use) Find(IReadOnlyList<TensorInfo> tensors) =>
        Kinds.FirstOrDefault(kind => kind.Patterns.All(pattern => tensors.Any(tensor => Matches(tensor.Name, pattern))));

    private static bool Matches(string key, string pattern) => pattern switch
    {
        ['*', .. var end] => key.EndsWith(end, StringComparison.Ordinal),
        [.. var start, '*'] => key.StartsWith(start, StringComparison.Ordinal),
        _ => key == pattern,
    };
}
