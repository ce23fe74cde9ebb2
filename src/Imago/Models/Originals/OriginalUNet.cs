using Imago.Weights;

namespace Imago.Models.Originals;

/// <summary>The U-Net's names in the files of CompVis' latent-diffusion and Stability's generative-models, under <c>model.diffusion_model.</c>.</summary>
internal static class OriginalUNet
{
    /// <summary>The ends of the network.</summary>
    internal static readonly KeyTable Ends = new(
    [
        new("time_embed.0.*", "time_embedding.linear_1.*"),
        new("time_embed.2.*", "time_embedding.linear_2.*"),
        new("time_embed.cond_proj.*", "time_embedding.cond_proj.*"),
        new("label_emb.0.0.*", "add_embedding.linear_1.*"),
        new("label_emb.0.2.*", "add_embedding.linear_2.*"),
        new("label_emb.weight", "class_embedding.weight"),
        new("input_blocks.0.0.*", "conv_in.*"),
        new("out.0.*", "conv_norm_out.*"),
        new("out.2.*", "conv_out.*"),
    ]);

    /// <summary>Inside of a block. A transformer has the same names in both layouts.</summary>
    internal static readonly KeyTable Residual = new(
    [
        new("in_layers.0.*", "norm1.*"),
        new("in_layers.2.*", "conv1.*"),
        new("emb_layers.1.*", "time_emb_proj.*"),
        new("out_layers.0.*", "norm2.*"),
        new("out_layers.3.*", "conv2.*"),
        new("skip_connection.*", "conv_shortcut.*"),
    ]);

    /// <summary>
    /// The blocks, which the original numbers in one row from the input to the middle (<c>input_blocks</c>) and in one row from the middle to the output
    /// (<c>output_blocks</c>): the original's name, and diffusers'.
    /// </summary>
    /// <param name="levels">Resolutions.</param>
    /// <param name="layers">Residual blocks at each resolution of the way down.</param>
    internal static IEnumerable<(string Original, string Name)> Blocks(int levels, int layers)
    {
        for (var level = 0; level < levels; level++)
        {
            for (var layer = 0; layer < layers; layer++)
            {
                var number = level * (layers + 1) + layer + 1;
                yield return ($"input_blocks.{number}.0", $"down_blocks.{level}.resnets.{layer}");
                yield return ($"input_blocks.{number}.1", $"down_blocks.{level}.attentions.{layer}");
            }
            yield return ($"input_blocks.{(level + 1) * (layers + 1)}.0.op", $"down_blocks.{level}.downsamplers.0.conv");
        }
        yield return ("middle_block.0", "mid_block.resnets.0");
        yield return ("middle_block.1", "mid_block.attentions.0");
        yield return ("middle_block.2", "mid_block.resnets.1");
        for (var level = 0; level < levels; level++)
        {
            for (var layer = 0; layer <= layers; layer++)
            {
                var number = level * (layers + 1) + layer;
                yield return ($"output_blocks.{number}.0", $"up_blocks.{level}.resnets.{layer}");
                yield return ($"output_blocks.{number}.1", $"up_blocks.{level}.attentions.{layer}");
            }
            var last = level * (layers + 1) + layers;                              // behind the attention where there is one
            yield return ($"output_blocks.{last}.1.conv", $"up_blocks.{level}.upsamplers.0.conv");
            yield return ($"output_blocks.{last}.2.conv", $"up_blocks.{level}.upsamplers.0.conv");
        }
    }

    /// <summary>The map of a network's keys, without their prefix.</summary>
    /// <param name="keys">All keys, which tell the network's depth.</param>
    internal static Func<string, IReadOnlyList<KeyOrigin>?> Map(IReadOnlyCollection<string> keys)
    {
        var (levels, layers) = Depth(keys);
        var blocks = Blocks(levels, layers).ToDictionary(block => block.Original, block => block.Name);
        return key => Ends.Map(key) ?? OfBlock(key, blocks);
    }

    /// <summary>Resolutions, and residual blocks at each: an entry of <c>input_blocks</c> with <c>op</c> halves the resolution.</summary>
    internal static (int Levels, int Layers) Depth(IReadOnlyCollection<string> keys)
    {
        var halvings = keys.Where(key => key.StartsWith("input_blocks.", StringComparison.Ordinal) && key.EndsWith(".op.weight", StringComparison.Ordinal))
            .Select(key => int.TryParse(key.Split('.')[1], out var number) ? number : 0).Where(number => number > 0).Order().ToList();
        var blocks = keys.Where(key => key.StartsWith("input_blocks.", StringComparison.Ordinal)).Select(key => int.TryParse(key.Split('.')[1], out var number) ? number : 0).DefaultIfEmpty().Max();
        return halvings.Count == 0 ? (1, blocks) : (halvings.Count + 1, halvings[0] - 1);
    }

    private static IReadOnlyList<KeyOrigin>? OfBlock(string key, Dictionary<string, string> blocks)
    {
        var segments = key.Split('.');
        foreach (var length in (int[])[4, 3, 2])                                    // the samplers' names are longer than those of what they follow
        {
            if (segments.Length <= length || !blocks.TryGetValue(string.Join('.', segments[..length]), out var name)) continue;
            var rest = string.Join('.', segments[length..]);
            var inner = name.Contains(".resnets.", StringComparison.Ordinal) ? Residual.Map(rest)?[0].Name : rest;
            return inner is null ? null : [new KeyOrigin($"{name}.{inner}", key, TensorForm.Same, (0, 1))];
        }
        return null;
    }
}
