using Imago.Weights;

namespace Imago.Models.Originals;

/// <summary>The transformer's names in Stability's files of Stable Diffusion 3 and 3.5, under <c>model.diffusion_model.</c>.</summary>
internal static class OriginalMMDiT
{
    /// <summary>
    /// All names. Queries, keys and values are one matrix in the original. The last modulations have shift before scale there, and scale before shift in diffusers:
    /// that of the end of the network, and that of the text in the last block, which has no other way out than the attention.
    /// </summary>
    internal static readonly KeyTable Table = new(
    [
        new("pos_embed", "pos_embed.pos_embed"),
        new("x_embedder.proj.*", "pos_embed.proj.*"),
        new("t_embedder.mlp.0.*", "time_text_embed.timestep_embedder.linear_1.*"),
        new("t_embedder.mlp.2.*", "time_text_embed.timestep_embedder.linear_2.*"),
        new("y_embedder.mlp.0.*", "time_text_embed.text_embedder.linear_1.*"),
        new("y_embedder.mlp.2.*", "time_text_embed.text_embedder.linear_2.*"),
        new("context_embedder.*", "context_embedder.*"),
        new("joint_blocks.{i}.x_block.adaLN_modulation.1.*", "transformer_blocks.{i}.norm1.linear.*"),
        new("joint_blocks.{i}.x_block.attn.qkv.*", "transformer_blocks.{i}.attn.{to_q,to_k,to_v}.*"),
        new("joint_blocks.{i}.x_block.attn.ln_q.*", "transformer_blocks.{i}.attn.norm_q.*"),
        new("joint_blocks.{i}.x_block.attn.ln_k.*", "transformer_blocks.{i}.attn.norm_k.*"),
        new("joint_blocks.{i}.x_block.attn.proj.*", "transformer_blocks.{i}.attn.to_out.0.*"),
        new("joint_blocks.{i}.x_block.attn2.qkv.*", "transformer_blocks.{i}.attn2.{to_q,to_k,to_v}.*"),
        new("joint_blocks.{i}.x_block.attn2.ln_q.*", "transformer_blocks.{i}.attn2.norm_q.*"),
        new("joint_blocks.{i}.x_block.attn2.ln_k.*", "transformer_blocks.{i}.attn2.norm_k.*"),
        new("joint_blocks.{i}.x_block.attn2.proj.*", "transformer_blocks.{i}.attn2.to_out.0.*"),
        new("joint_blocks.{i}.x_block.mlp.fc1.*", "transformer_blocks.{i}.ff.net.0.proj.*"),
        new("joint_blocks.{i}.x_block.mlp.fc2.*", "transformer_blocks.{i}.ff.net.2.*"),
        new("joint_blocks.{i}.context_block.adaLN_modulation.1.*", "transformer_blocks.{i}.norm1_context.linear.*"),
        new("joint_blocks.{i}.context_block.attn.qkv.*", "transformer_blocks.{i}.attn.{add_q_proj,add_k_proj,add_v_proj}.*"),
        new("joint_blocks.{i}.context_block.attn.ln_q.*", "transformer_blocks.{i}.attn.norm_added_q.*"),
        new("joint_blocks.{i}.context_block.attn.ln_k.*", "transformer_blocks.{i}.attn.norm_added_k.*"),
        new("joint_blocks.{i}.context_block.attn.proj.*", "transformer_blocks.{i}.attn.to_add_out.*"),
        new("joint_blocks.{i}.context_block.mlp.fc1.*", "transformer_blocks.{i}.ff_context.net.0.proj.*"),
        new("joint_blocks.{i}.context_block.mlp.fc2.*", "transformer_blocks.{i}.ff_context.net.2.*"),
        new("final_layer.adaLN_modulation.1.*", "norm_out.linear.*", TensorForm.HalvesSwapped),
        new("final_layer.linear.*", "proj_out.*"),
    ]);

    /// <summary>The map of a transformer's keys, without their prefix.</summary>
    /// <param name="keys">All keys, which tell which block is the last.</param>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> Map(IReadOnlyCollection<string> keys)
    {
        var last = $"joint_blocks.{Blocks(keys) - 1}.context_block.adaLN_modulation.1.";
        return key => key.StartsWith(last, StringComparison.Ordinal) ? [.. Table.Map(key)!.Select(origin => origin with { Form = TensorForm.HalvesSwapped })] : Table.Map(key);
    }

    /// <summary>Blocks.</summary>
    internal static int Blocks(IEnumerable<string> keys) =>
        keys.Where(key => key.StartsWith("joint_blocks.", StringComparison.Ordinal)).Select(key => int.TryParse(key.Split('.')[1], out var block) ? block + 1 : 0).DefaultIfEmpty().Max();
}
