using Imago.Models;
using Imago.Models.Originals;
using Imago.Weights;

namespace Imago.Generation.Lora;

/// <summary>Names of layers in the networks as they were first published.</summary>
internal static class OriginalLayers
{
    private const string Rest = ".*", Weight = ".weight";

    /// <summary>The name of a layer of the U-Net in the original, which numbers its blocks through.</summary>
    internal static Func<string, IEnumerable<OtherName>> Of(UNet2DConditionConfig config)
    {
        var ends = OriginalUNet.Ends.Rows.Where(row => row.From.EndsWith(Rest, StringComparison.Ordinal)).ToLookup(row => row.To![..^Rest.Length], row => row.From[..^Rest.Length]);
        var residual = OriginalUNet.Residual.Rows.ToDictionary(row => row.To![..^Rest.Length], row => row.From[..^Rest.Length]);
        var blocks = OriginalUNet.Blocks(config.DownBlockTypes.Count, config.LayersPerBlock[0]).ToList();
        return path => ends[path].Concat(blocks.Where(block => path == block.Name || path.StartsWith($"{block.Name}.", StringComparison.Ordinal)).Select(block => block.Original + Inside(path[block.Name.Length..])))
            .Select(name => new OtherName(name));

        string Inside(string rest) => rest.Length > 0 && residual.TryGetValue(rest[1..], out var original) ? $".{original}" : rest;
    }

    /// <summary>The same of Stable Diffusion 3's transformer, which keeps queries, keys and values in one matrix.</summary>
    internal static Func<string, IEnumerable<OtherName>> Of(MMDiTConfig config)
    {
        List<string> keys = [.. OriginalMMDiT.Table.Rows.Where(row => row.From.EndsWith(Rest, StringComparison.Ordinal)).SelectMany(row => Numbered(row.From[..^Rest.Length] + Weight, config.NumLayers)).Distinct()];
        var map = OriginalMMDiT.Map(keys);
        var names = keys.SelectMany(key => map(key)!).ToLookup(origin => origin.Name[..^Weight.Length], origin => new OtherName(origin.Source[..^Weight.Length], Rows(origin)));
        return path => names[path];
    }

    private static IEnumerable<string> Numbered(string key, int count) =>
        key.Contains("{i}", StringComparison.Ordinal) ? Enumerable.Range(0, count).Select(i => key.Replace("{i}", $"{i}", StringComparison.Ordinal)) : [key];

    private static RowChoice Rows(KeyOrigin origin) => origin.Form == TensorForm.HalvesSwapped ? new RowChoice(2, 1, 0) : new RowChoice(origin.Part.Count, origin.Part.Index);
}
