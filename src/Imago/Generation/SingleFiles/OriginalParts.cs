using System.Text.Json.Nodes;
using Imago.Encoders;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Models.Originals;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.SingleFiles;

/// <summary>The parts of a single file as files of their own, with the keys of diffusers and transformers.</summary>
internal static class OriginalParts
{
    private const string Projection = "text_projection.weight";

    /// <summary>Opens a part.</summary>
    /// <param name="path">The file.</param>
    /// <param name="part">The part.</param>
    /// <param name="family">The model.</param>
    /// <param name="config">The part's configuration.</param>
    internal static TensorFile Open(string path, OriginalPart part, OriginalFamily family, string config)
    {
        var file = TensorFile.Open(path);
        try
        {
            return Of(file, part, family, config);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The part of an open file, which belongs to it from now on.</summary>
    internal static RearrangedTensors Of(TensorFile file, OriginalPart part, OriginalFamily family, string? config)
    {
        var clip = part.Text is null or TextLayout.T5 || config is null ? null : EncoderConfig.Parse(config, file.Path) as ClipTextConfig;
        var map = MapOf(file, part, clip?.HasProjection ?? HasProjection(part, family), clip?.NumHiddenLayers);
        var tensors = new RearrangedTensors(file, $"its {part.Name}, {part.Prefix}*", key => Under(part.Prefix, key, map));
        if (clip is { HasProjection: true } && clip.ProjectionDim == clip.HiddenSize && tensors.Tensors.Count > 0)
            tensors.AddMissing(new TensorInfo(Projection, "F32", [clip.ProjectionDim, clip.HiddenSize]), () => eye(clip.HiddenSize));      // version 3 leaves out CLIP-L's, which is the identity
        return tensors;
    }

    /// <summary>The part's configuration as JSON, from names and shapes.</summary>
    internal static string Infer(TensorFile file, OriginalPart part, OriginalFamily family, bool isVelocity)
    {
        var shapes = OriginalLayout.ShapesUnder(part.Prefix, file.Tensors);
        return part.Name switch
        {
            ComponentNames.UNet => OriginalConfigs.UNet(shapes, family, file.Path, isVelocity).ToJson(),
            ComponentNames.Transformer => OriginalConfigs.Transformer(shapes, file.Path).ToJson(),
            ComponentNames.Vae => HubConfig(OriginalConfigs.Autoencoder(shapes, family, file.Path)),
            _ => OriginalConfigs.TextEncoder(ShapesOf(file, part, family), part.Text!.Value, HasProjection(part, family), file.Path).ToJson(),
        };
    }

    /// <summary>An autoencoder's configuration as diffusers writes it.</summary>
    internal static string HubConfig(KlConfig config)
    {
        var json = JsonNode.Parse(config.ToJson())!.AsObject();
        foreach (var key in (string[])["network", "learned_sigma"]) json.Remove(key);
        return new JsonObject([KeyValuePair.Create<string, JsonNode?>("_class_name", "AutoencoderKL"), .. json.Select(entry => KeyValuePair.Create(entry.Key, entry.Value?.DeepClone()))]).ToJsonString(ConfigJson.Options);
    }

    /// <summary>Whether a pipeline takes a text encoder's embedding in the space of texts and pictures.</summary>
    private static bool HasProjection(OriginalPart part, OriginalFamily family) => part.Name == ComponentNames.TextEncoderOf(2) || (part.Text == TextLayout.Clip && family.IsTransformer());

    private static Dictionary<string, IReadOnlyList<long>> ShapesOf(TensorFile file, OriginalPart part, OriginalFamily family)
    {
        var map = MapOf(file, part, HasProjection(part, family), layers: null);
        var view = new RearrangedTensors(file, $"its {part.Name}", key => Under(part.Prefix, key, map));
        return view.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
    }

    private static Func<string, IReadOnlyList<KeyOrigin>?> MapOf(TensorFile file, OriginalPart part, bool hasProjection, int? layers)
    {
        List<string> keys = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith(part.Prefix, StringComparison.Ordinal)).Select(name => name[part.Prefix.Length..])];
        return part switch
        {
            { Name: ComponentNames.UNet } => OriginalUNet.Map(keys),
            { Name: ComponentNames.Transformer } => OriginalMMDiT.Map(keys),
            { Name: ComponentNames.Vae } => OriginalAutoencoder.Map(keys),
            { Text: TextLayout.OpenClip } => OriginalOpenClip.Map(layers ?? UsedLayers(keys, hasProjection), hasProjection),
            { Text: TextLayout.T5 } => OriginalTransformersText.T5(keys),
            _ => OriginalTransformersText.Clip(hasProjection),
        };
    }

    /// <summary>Version 2, which takes no embedding, was trained on what leaves the last layer but one; XL keeps all layers, and chooses when it reads.</summary>
    private static int UsedLayers(List<string> keys, bool hasProjection) => OriginalOpenClip.Layers(keys) is var all && !hasProjection && all == 24 ? all - 1 : all;

    private static IReadOnlyList<KeyOrigin>? Under(string prefix, string key, Func<string, IReadOnlyList<KeyOrigin>?> map)
    {
        if (!key.StartsWith(prefix, StringComparison.Ordinal)) return [];
        if (map(key[prefix.Length..]) is { } origins) return prefix.Length == 0 ? origins : [.. origins.Select(origin => origin with { Source = prefix + origin.Source })];
        return prefix.Length == 0 && OriginalLayout.IsOfTraining(key) ? [] : null;
    }
}
