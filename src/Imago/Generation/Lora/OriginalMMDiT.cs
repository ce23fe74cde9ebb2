namespace Imago.Generation.Lora;

/// <summary>
/// Names of layers in Stable Diffusion 3's transformer as it was first published. It keeps queries, keys and values in one matrix, and the two halves of the last
/// modulations the other way round.
/// </summary>
internal static class OriginalMMDiT
{
    private static readonly RowChoice Query = new(3, 0), Key = new(3, 1), Value = new(3, 2), Swapped = new(2, 1, 0);

    /// <summary>diffusers | the original.</summary>
    private static readonly (string Hub, OtherName Original)[] Outside =
    [
        ("pos_embed.proj", new("x_embedder.proj")),
        ("time_text_embed.timestep_embedder.linear_1", new("t_embedder.mlp.0")), ("time_text_embed.timestep_embedder.linear_2", new("t_embedder.mlp.2")),
        ("time_text_embed.text_embedder.linear_1", new("y_embedder.mlp.0")), ("time_text_embed.text_embedder.linear_2", new("y_embedder.mlp.2")),
        ("norm_out.linear", new("final_layer.adaLN_modulation.1", Swapped)), ("proj_out", new("final_layer.linear")),
    ];

    /// <summary>The same inside a block.</summary>
    private static readonly (string Hub, OtherName Original)[] Inside =
    [
        ("norm1.linear", new("x_block.adaLN_modulation.1")), ("norm1_context.linear", new("context_block.adaLN_modulation.1")),
        ("attn.to_q", new("x_block.attn.qkv", Query)), ("attn.to_k", new("x_block.attn.qkv", Key)), ("attn.to_v", new("x_block.attn.qkv", Value)), ("attn.to_out.0", new("x_block.attn.proj")),
        ("attn.add_q_proj", new("context_block.attn.qkv", Query)), ("attn.add_k_proj", new("context_block.attn.qkv", Key)), ("attn.add_v_proj", new("context_block.attn.qkv", Value)),
        ("attn.to_add_out", new("context_block.attn.proj")),
        ("attn2.to_q", new("x_block.attn2.qkv", Query)), ("attn2.to_k", new("x_block.attn2.qkv", Key)), ("attn2.to_v", new("x_block.attn2.qkv", Value)), ("attn2.to_out.0", new("x_block.attn2.proj")),
        ("ff.net.0.proj", new("x_block.mlp.fc1")), ("ff.net.2", new("x_block.mlp.fc2")),
        ("ff_context.net.0.proj", new("context_block.mlp.fc1")), ("ff_context.net.2", new("context_block.mlp.fc2")),
    ];

    /// <summary>The original name of a layer, or none.</summary>
    /// <param name="path">In diffusers' names.</param>
    /// <param name="layers">Number of blocks.</param>
    internal static IEnumerable<OtherName> NameOf(string path, int layers)
    {
        if (path.Split('.', 3) is not ["transformer_blocks", var block, var layer]) return Outside.Where(entry => entry.Hub == path).Select(entry => entry.Original);
        var isLastText = layer == "norm1_context.linear" && block == $"{layers - 1}";
        return Inside.Where(entry => entry.Hub == layer).Select(entry => new OtherName($"joint_blocks.{block}.{entry.Original.Name}", isLastText ? Swapped : entry.Original.Rows));
    }
}
