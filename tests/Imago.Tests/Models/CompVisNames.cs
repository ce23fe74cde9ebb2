namespace Imago.Tests;

/// <summary>
/// Names and shapes as the original implementations build their networks: the constructors of CompVis' and Stability's code written as lists. A reference for the tables,
/// which go the other way.
/// </summary>
internal static class CompVisNames
{
    /// <summary>The U-Net, with two residual blocks at each resolution.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> UNet(int[] widths, int[] depths, int context, bool isLinear, bool hasLabels)
    {
        var embedding = 4 * widths[0];
        List<(string, long[])> all = [.. Linear("time_embed.0", widths[0], embedding), .. Linear("time_embed.2", embedding, embedding)];
        if (hasLabels) all.AddRange([.. Linear("label_emb.0.0", 1, embedding), .. Linear("label_emb.0.2", embedding, embedding)]);
        all.AddRange(Conv("input_blocks.0.0", 4, widths[0], 3));
        var (number, channels) = (1, widths[0]);
        var skips = new Stack<int>([widths[0]]);
        for (var level = 0; level < widths.Length; level++)
        {
            for (var layer = 0; layer < 2; layer++)
            {
                all.AddRange([.. Residual($"input_blocks.{number}.0", channels, widths[level], embedding), .. Transformer($"input_blocks.{number}.1", widths[level], depths[level], context, isLinear)]);
                skips.Push(channels = widths[level]);
                number++;
            }
            if (level == widths.Length - 1) continue;
            all.AddRange(Conv($"input_blocks.{number}.0.op", channels, channels, 3));
            skips.Push(channels);
            number++;
        }
        var middle = depths[^1] > 0 ? depths[^1] : depths[^2];
        all.AddRange([.. Residual("middle_block.0", channels, channels, embedding), .. Transformer("middle_block.1", channels, middle, context, isLinear), .. Residual("middle_block.2", channels, channels, embedding)]);
        number = 0;
        for (var level = widths.Length - 1; level >= 0; level--)
        {
            for (var layer = 0; layer < 3; layer++)
            {
                all.AddRange([.. Residual($"output_blocks.{number}.0", channels + skips.Pop(), widths[level], embedding), .. Transformer($"output_blocks.{number}.1", widths[level], depths[level], context, isLinear)]);
                channels = widths[level];
                if (layer == 2 && level > 0) all.AddRange(Conv($"output_blocks.{number}.{(depths[level] > 0 ? 2 : 1)}.conv", channels, channels, 3));
                number++;
            }
        }
        return [.. all, .. Norm("out.0", channels), .. Conv("out.2", channels, 4, 3)];
    }

    /// <summary>The autoencoder, with two residual blocks at each resolution of the encoder.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Autoencoder(int[] widths, int latents, bool hasQuantisation)
    {
        List<(string, long[])> all = [.. Conv("encoder.conv_in", 3, widths[0], 3)];
        var channels = widths[0];
        for (var level = 0; level < widths.Length; level++)
        {
            for (var layer = 0; layer < 2; layer++)
            {
                all.AddRange(Block($"encoder.down.{level}.block.{layer}", channels, widths[level]));
                channels = widths[level];
            }
            if (level < widths.Length - 1) all.AddRange(Conv($"encoder.down.{level}.downsample.conv", channels, channels, 3));
        }
        all.AddRange([.. Middle("encoder", channels), .. Norm("encoder.norm_out", channels), .. Conv("encoder.conv_out", channels, 2 * latents, 3)]);
        all.AddRange([.. Conv("decoder.conv_in", latents, channels, 3), .. Middle("decoder", channels)]);
        for (var level = widths.Length - 1; level >= 0; level--)
        {
            for (var layer = 0; layer < 3; layer++)
            {
                all.AddRange(Block($"decoder.up.{level}.block.{layer}", channels, widths[level]));
                channels = widths[level];
            }
            if (level > 0) all.AddRange(Conv($"decoder.up.{level}.upsample.conv", channels, channels, 3));
        }
        all.AddRange([.. Norm("decoder.norm_out", channels), .. Conv("decoder.conv_out", channels, 3, 3)]);
        if (hasQuantisation) all.AddRange([.. Conv("quant_conv", 2 * latents, 2 * latents, 1), .. Conv("post_quant_conv", latents, latents, 1)]);
        return all;
    }

    /// <summary>OpenCLIP's text tower.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> OpenClip(int width, int layers) =>
    [
        ("positional_embedding", [77, width]), ("text_projection", [width, width]), ("logit_scale", []), ("token_embedding.weight", [49408, width]),
        .. Enumerable.Range(0, layers).Select(layer => $"transformer.resblocks.{layer}").SelectMany(block => (IEnumerable<(string, long[])>)
        [
            .. Norm($"{block}.ln_1", width), ($"{block}.attn.in_proj_weight", [3 * width, width]), ($"{block}.attn.in_proj_bias", [3 * width]), .. Linear($"{block}.attn.out_proj", width, width),
            .. Norm($"{block}.ln_2", width), .. Linear($"{block}.mlp.c_fc", width, 4 * width), .. Linear($"{block}.mlp.c_proj", 4 * width, width),
        ]),
        .. Norm("ln_final", width),
    ];

    /// <summary>Version 3's transformer: as wide as 64 times its depth. The text goes no further than the last block's attention.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> MMDiT(int depth, int places, bool hasNorms, int dual)
    {
        var width = 64 * depth;
        List<(string, long[])> all =
        [
            ("pos_embed", [1, places * places, width]), .. Conv("x_embedder.proj", 16, width, 2), .. Linear("t_embedder.mlp.0", 256, width), .. Linear("t_embedder.mlp.2", width, width),
            .. Linear("y_embedder.mlp.0", 2048, width), .. Linear("y_embedder.mlp.2", width, width), .. Linear("context_embedder", 4096, width),
        ];
        for (var i = 0; i < depth; i++)
        {
            var isLast = i == depth - 1;
            all.AddRange([.. Stream($"joint_blocks.{i}.context_block", width, hasNorms, isLast ? 2 : 6, goesOn: !isLast), .. Stream($"joint_blocks.{i}.x_block", width, hasNorms, i < dual ? 9 : 6, goesOn: true)]);
            if (i < dual) all.AddRange(JointAttention($"joint_blocks.{i}.x_block.attn2", width, hasNorms, goesOn: true));
        }
        return [.. all, .. Linear("final_layer.linear", width, 64), .. Linear("final_layer.adaLN_modulation.1", width, 2 * width)];
    }

    private static IEnumerable<(string, long[])> Stream(string name, long width, bool hasNorms, int modulations, bool goesOn) =>
    [
        .. JointAttention($"{name}.attn", width, hasNorms, goesOn), .. Linear($"{name}.adaLN_modulation.1", width, modulations * width),
        .. goesOn ? Linear($"{name}.mlp.fc1", width, 4 * width).Concat(Linear($"{name}.mlp.fc2", 4 * width, width)) : [],
    ];

    private static IEnumerable<(string, long[])> JointAttention(string name, long width, bool hasNorms, bool goesOn) =>
    [
        .. Linear($"{name}.qkv", width, 3 * width), .. goesOn ? Linear($"{name}.proj", width, width) : [],
        .. hasNorms ? (IEnumerable<(string, long[])>)[($"{name}.ln_q.weight", [64]), ($"{name}.ln_k.weight", [64])] : [],
    ];

    private static IEnumerable<(string, long[])> Residual(string name, long from, long to, long embedding) =>
    [
        .. Norm($"{name}.in_layers.0", from), .. Conv($"{name}.in_layers.2", from, to, 3), .. Linear($"{name}.emb_layers.1", embedding, to),
        .. Norm($"{name}.out_layers.0", to), .. Conv($"{name}.out_layers.3", to, to, 3), .. from == to ? [] : Conv($"{name}.skip_connection", from, to, 1),
    ];

    private static IEnumerable<(string, long[])> Transformer(string name, long width, int depth, long context, bool isLinear)
    {
        if (depth == 0) return [];
        var (into, outOf) = isLinear ? (Linear($"{name}.proj_in", width, width), Linear($"{name}.proj_out", width, width)) : (Conv($"{name}.proj_in", width, width, 1), Conv($"{name}.proj_out", width, width, 1));
        return [.. Norm($"{name}.norm", width), .. into, .. Enumerable.Range(0, depth).SelectMany(i => Attentions($"{name}.transformer_blocks.{i}", width, context)), .. outOf];
    }

    private static IEnumerable<(string, long[])> Attentions(string name, long width, long context) =>
    [
        .. Attention($"{name}.attn1", width, width), .. Linear($"{name}.ff.net.0.proj", width, 8 * width), .. Linear($"{name}.ff.net.2", 4 * width, width),
        .. Attention($"{name}.attn2", width, context), .. Norm($"{name}.norm1", width), .. Norm($"{name}.norm2", width), .. Norm($"{name}.norm3", width),
    ];

    private static IEnumerable<(string, long[])> Attention(string name, long width, long context) =>
        [($"{name}.to_q.weight", [width, width]), ($"{name}.to_k.weight", [width, context]), ($"{name}.to_v.weight", [width, context]), .. Linear($"{name}.to_out.0", width, width)];

    private static IEnumerable<(string, long[])> Block(string name, long from, long to) =>
        [.. Norm($"{name}.norm1", from), .. Conv($"{name}.conv1", from, to, 3), .. Norm($"{name}.norm2", to), .. Conv($"{name}.conv2", to, to, 3), .. from == to ? [] : Conv($"{name}.nin_shortcut", from, to, 1)];

    private static IEnumerable<(string, long[])> Middle(string half, long width) =>
    [
        .. Block($"{half}.mid.block_1", width, width), .. Norm($"{half}.mid.attn_1.norm", width),
        .. ((string[])["q", "k", "v", "proj_out"]).SelectMany(layer => Conv($"{half}.mid.attn_1.{layer}", width, width, 1)), .. Block($"{half}.mid.block_2", width, width),
    ];

    private static IEnumerable<(string, long[])> Conv(string name, long from, long to, long kernel) => [($"{name}.weight", [to, from, kernel, kernel]), ($"{name}.bias", [to])];

    private static IEnumerable<(string, long[])> Linear(string name, long from, long to) => [($"{name}.weight", [to, from]), ($"{name}.bias", [to])];

    private static IEnumerable<(string, long[])> Norm(string name, long width) => [($"{name}.weight", [width]), ($"{name}.bias", [width])];
}
