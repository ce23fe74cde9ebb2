using System.Globalization;
using Imago.Models;
using Imago.Weights;

namespace Imago.Autoencoders;

/// <summary>Configurations of networks whose files say nothing but names and shapes.</summary>
internal static class InferredConfigs
{
    /// <summary>The network of a checkpoint of disentangling-vae (keys as <see cref="ConvConfig"/> has them), or null for other keys.</summary>
    internal static ConvConfig? Conv(TensorFile file)
    {
        var shapes = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        if (!shapes.TryGetValue("encoder.mu_logvar_gen.weight", out var head)) return null;
        List<IReadOnlyList<long>> convolutions = [], linear = [];
        for (var i = 1; shapes.TryGetValue($"encoder.conv{(i <= 3 ? $"{i}" : $"_{4 << i}")}.weight", out var shape) && shape.Count == 4 && i < 12; i++) convolutions.Add(shape);
        for (var i = 1; shapes.TryGetValue($"encoder.lin{i}.weight", out var shape) && shape.Count == 2; i++) linear.Add(shape);
        if (convolutions.Count == 0 || head.Count != 2) throw Unknown(file, "encoder.conv1 is missing");
        var features = linear.Count > 0 ? linear[0][1] : head[1];
        var side = (long)Math.Round(Math.Sqrt((double)features / convolutions[^1][0]));
        if (side is < 1 or > 64 || side * side * convolutions[^1][0] != features) throw Unknown(file, $"the first linear layer takes {features} numbers, which is no square map of {convolutions[^1][0]} channels");
        return new ConvConfig
        {
            Channels = (int)convolutions[0][1],
            Height = (int)side << convolutions.Count,
            Width = (int)side << convolutions.Count,
            Widths = [.. convolutions.Select(shape => (int)shape[0])],
            Hidden = [.. linear.Select(shape => (int)shape[0])],
            Latent = (int)(head[0] / 2),
        };
    }

    /// <summary>The network of the two files of a tiny autoencoder of madebyollin/taesd; the decoder's may be missing.</summary>
    internal static TinyConfig Tiny(TensorFile encoder, TensorFile? decoder)
    {
        var inner = Layers(encoder);
        var stem = inner.TakeWhile(layer => !layer.IsBlock).ToList();
        var strided = stem.Count > 1 || (inner.Count > 1 && inner[1].Index == 2);
        var (widths, blocks, last) = Stages(encoder, inner.Skip(stem.Count));
        var outer = decoder is null ? [] : Layers(decoder);
        var (decoderWidths, decoderBlocks, image) = decoder is null ? ([], [], last) : Stages(decoder, outer.Skip(1));
        return new TinyConfig
        {
            InChannels = (int)stem[0].Shape[1],
            OutChannels = (int)image.Shape[0],
            LatentChannels = (int)last.Shape[0],
            EncoderStem = strided ? [.. stem.Select(layer => (int)layer.Shape[0])] : [],
            EncoderBlockOutChannels = widths,
            NumEncoderBlocks = blocks,
            DecoderBlockOutChannels = decoderWidths,
            NumDecoderBlocks = decoderBlocks,
            LatentStagePool = inner.Concat(outer).Any(layer => layer.HasPool),
        };
    }

    /// <summary>Whether the keys are layers numbered from 0: a file of madebyollin/taesd.</summary>
    internal static bool IsSequence(TensorFile file) => file.Tensors.Count > 0 && file.Tensors.All(tensor => IndexOf(tensor.Name) is not null);

    private sealed record Layer(int Index, bool IsBlock, bool HasBias, bool HasPool, IReadOnlyList<long> Shape);

    /// <summary>Convolutions and blocks in their order, with the shape of their (first) kernel.</summary>
    private static List<Layer> Layers(TensorFile file)
    {
        var layers = new List<Layer>();
        foreach (var group in file.Tensors.GroupBy(tensor => IndexOf(tensor.Name)).OrderBy(group => group.Key))
        {
            if (group.Key is not { } index) throw Unknown(file, $"{group.First().Name} is not the number of a layer");
            var shapes = group.ToDictionary(tensor => tensor.Name[(tensor.Name.IndexOf('.', StringComparison.Ordinal) + 1)..], tensor => tensor.Shape);
            var isBlock = shapes.TryGetValue("conv.0.weight", out var kernel);
            if (!isBlock && !shapes.TryGetValue("weight", out kernel)) throw Unknown(file, $"layer {index} is neither a convolution nor a block");
            if (kernel!.Count != 4) throw Unknown(file, $"layer {index} has a weight of {kernel.Count} axes instead of 4");
            layers.Add(new Layer(index, isBlock, shapes.ContainsKey("bias"), shapes.Keys.Any(key => key.StartsWith("pool.", StringComparison.Ordinal)), kernel));
        }
        return layers.Count >= 3 ? layers : throw Unknown(file, "there are too few layers");
    }

    /// <summary>Blocks in stages, which convolutions without bias part, and the last convolution.</summary>
    private static (List<int> Widths, List<int> Blocks, Layer Last) Stages(TensorFile file, IEnumerable<Layer> layers)
    {
        var (widths, blocks) = (new List<int>(), new List<int>());
        var isNew = true;
        foreach (var layer in layers)
        {
            if (layer is { IsBlock: false, HasBias: true }) return (widths, blocks, layer);
            if (layer.IsBlock && isNew)
            {
                widths.Add((int)layer.Shape[1]);
                blocks.Add(0);
            }
            if (layer.IsBlock) blocks[^1]++;
            isNew = !layer.IsBlock;
        }
        throw Unknown(file, "there is no last convolution");
    }

    private static int? IndexOf(string key) =>
        key.Split('.', 2) is [var number, _] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < 1000 ? index : null;

    private static CheckpointException Unknown(TensorFile file, string why) =>
        new($"{file.Path}: the network cannot be told from the names and shapes of its weights: {why}. Put its config.json beside it.");
}
