namespace Imago.Generation.Lora;

/// <summary>Names of layers in the U-Net of latent diffusion as it was first published, which numbers its blocks through.</summary>
internal static class OriginalUNet
{
    /// <summary>diffusers | the original.</summary>
    private static readonly (string Hub, string Original)[] Fixed =
    [
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
        ("class_embedding.linear_1", "label_emb.0.0"), ("class_embedding.linear_2", "label_emb.0.2"),
        ("mid_block.resnets.0", "middle_block.0"), ("mid_block.attentions.0", "middle_block.1"), ("mid_block.resnets.1", "middle_block.2"),
        ("conv_out", "out.2"),
    ];

    /// <summary>The same inside a residual block.</summary>
    private static readonly (string Hub, string Original)[] Inside =
        [(".conv1", ".in_layers.2"), (".time_emb_proj", ".emb_layers.1"), (".conv2", ".out_layers.3"), (".conv_shortcut", ".skip_connection")];

    /// <summary>The table of blocks, which depends on how many there are at each level.</summary>
    /// <param name="paths">Of all layers, in diffusers' names.</param>
    internal static IReadOnlyList<(string Hub, string Original)> Blocks(IReadOnlyCollection<string> paths)
    {
        var blocks = new List<(string Hub, string Original)>(Fixed);
        var number = 1;
        for (var level = 0; Resnets(paths, $"down_blocks.{level}.") is > 0 and var count; level++)
        {
            for (var i = 0; i < count; i++, number++)
            {
                blocks.Add(($"down_blocks.{level}.resnets.{i}", $"input_blocks.{number}.0"));
                blocks.Add(($"down_blocks.{level}.attentions.{i}", $"input_blocks.{number}.1"));
            }
            blocks.Add(($"down_blocks.{level}.downsamplers.0.conv", $"input_blocks.{number++}.0.op"));
        }
        number = 0;
        for (var level = 0; Resnets(paths, $"up_blocks.{level}.") is > 0 and var count; level++)
        {
            for (var i = 0; i < count; i++, number++)
            {
                blocks.Add(($"up_blocks.{level}.resnets.{i}", $"output_blocks.{number}.0"));
                blocks.Add(($"up_blocks.{level}.attentions.{i}", $"output_blocks.{number}.1"));
            }
            var behind = paths.Any(path => path.StartsWith($"up_blocks.{level}.attentions.", StringComparison.Ordinal)) ? 2 : 1;
            blocks.Add(($"up_blocks.{level}.upsamplers.0.conv", $"output_blocks.{number - 1}.{behind}.conv"));
        }
        return blocks;
    }

    /// <summary>The original name of a layer, or none.</summary>
    internal static IEnumerable<OtherName> NameOf(string path, IReadOnlyList<(string Hub, string Original)> blocks)
    {
        foreach (var (hub, original) in blocks)
        {
            if (path == hub) yield return new OtherName(original);
            if (!path.StartsWith($"{hub}.", StringComparison.Ordinal)) continue;
            var (inside, theirs) = Inside.FirstOrDefault(end => path == hub + end.Hub);
            yield return new OtherName(original + (inside is null ? path[hub.Length..] : theirs));
        }
    }

    private static int Resnets(IReadOnlyCollection<string> paths, string level) =>
        Enumerable.Range(0, int.MaxValue).First(i => !paths.Any(path => path.StartsWith($"{level}resnets.{i}.", StringComparison.Ordinal)));
}
