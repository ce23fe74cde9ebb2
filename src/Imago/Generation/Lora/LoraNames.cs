using Imago.Encoders;
using Imago.Layers;
using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>Rows of a tensor whose rows are a number of equal pieces: the pieces taken, in this order.</summary>
/// <param name="Pieces">How many there are.</param>
/// <param name="Taken">Which ones.</param>
internal sealed record RowChoice(int Pieces, params int[] Taken)
{
    internal static RowChoice All { get; } = new(1, 0);

    internal Tensor Of(Tensor rows) => Pieces == 1 ? rows : cat([.. Taken.Select(piece => rows.chunk(Pieces, 0)[piece])], 0);
}

/// <summary>A layer, and the rows of a change that are its own.</summary>
internal sealed record NamedLayer(string Path, IWeightedLayer Layer, RowChoice Rows);

/// <summary>A layer's name in another network, all or a choice of whose rows it has.</summary>
internal sealed record OtherName(string Name, RowChoice Rows)
{
    internal OtherName(string name)
        : this(name, RowChoice.All)
    {
    }
}

/// <summary>All names under which files know the layers of a network.</summary>
internal static class LoraNames
{
    /// <summary>diffusers | its attention processors.</summary>
    private static readonly (string Hub, string Other)[] Processors =
    [
        (".to_q", ".processor.to_q"), (".to_k", ".processor.to_k"), (".to_v", ".processor.to_v"), (".to_out.0", ".processor.to_out"),
        (".add_q_proj", ".processor.add_q_proj"), (".add_k_proj", ".processor.add_k_proj"), (".add_v_proj", ".processor.add_v_proj"), (".to_add_out", ".processor.to_add_out"),
    ];

    /// <summary>transformers | the oldest files of diffusers.</summary>
    private static readonly (string Hub, string Other)[] Text = [(".q_proj", ".to_q"), (".k_proj", ".to_k"), (".v_proj", ".to_v"), (".out_proj", ".to_out")];

    /// <summary>The layers of a network by name, with underscores for dots; several where a layer of another network is more than one here.</summary>
    internal static IReadOnlyDictionary<string, IReadOnlyList<NamedLayer>> Of(nn.Module network)
    {
        var layers = network.named_modules().Where(entry => entry.module is IWeightedLayer).Select(entry => (entry.name, Layer: (IWeightedLayer)entry.module)).ToList();
        var others = Others(network);
        return layers.SelectMany(layer => others(layer.name).Where(other => other.Name != layer.name).Prepend(new OtherName(layer.name)).Select(other => (Name: LoraKey.Flat(other.Name), Target: new NamedLayer(layer.name, layer.Layer, other.Rows))))
            .GroupBy(entry => entry.Name, entry => entry.Target).ToDictionary(group => group.Key, IReadOnlyList<NamedLayer> (group) => [.. group]);
    }

    private static Func<string, IEnumerable<OtherName>> Others(nn.Module network)
    {
        switch (network)
        {
            case DenoisingNetwork { Config: UNet2DConditionConfig config }:
                var unet = OriginalLayers.Of(config);
                return path => unet(path).Concat(Replaced(path, Processors));
            case DenoisingNetwork { Config: MMDiTConfig config }:
                var transformer = OriginalLayers.Of(config);
                return path => transformer(path).Concat(Replaced(path, Processors));
            case TextEncoder:
                return path => Replaced(path, Text).SelectMany(WithoutModel).Concat(WithoutModel(new OtherName(path)).Skip(1));
            default:
                return _ => [];
        }
    }

    private static IEnumerable<OtherName> Replaced(string path, (string Hub, string Other)[] ends) =>
        ends.Where(end => path.EndsWith(end.Hub, StringComparison.Ordinal)).Select(end => new OtherName(path[..^end.Hub.Length] + end.Other));

    /// <summary>A name as it is, and as newer versions of transformers have it.</summary>
    private static IEnumerable<OtherName> WithoutModel(OtherName other)
    {
        const string Model = "text_model.";
        yield return other;
        if (other.Name.StartsWith(Model, StringComparison.Ordinal)) yield return other with { Name = other.Name[Model.Length..] };
    }
}
