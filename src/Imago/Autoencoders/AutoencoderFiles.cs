using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Models;
using Imago.Training;
using Imago.Weights;

namespace Imago.Autoencoders;

/// <summary>Autoencoders from files, whoever trained them.</summary>
public static class AutoencoderFiles
{
    private const string ConfigName = "config.json";

    /// <summary>
    /// Loads an autoencoder from any of:
    /// the folder of a run of Imago, or a checkpoint in it;
    /// a folder with the <c>config.json</c> and weights of diffusers' AutoencoderKL or AutoencoderTiny, or a pipeline's folder with such a <c>vae</c> inside;
    /// the <c>…encoder</c> file of madebyollin/taesd (its <c>…decoder</c> is found beside it), or a folder that holds one such pair;
    /// a checkpoint of YannDubs/disentangling-vae.
    /// </summary>
    /// <param name="path">The folder or file.</param>
    /// <returns>The network in evaluation mode, in float32, on the CPU. The caller owns it.</returns>
    /// <exception cref="CheckpointException">There is nothing of these kinds, or it is damaged, or the weights do not fit the configuration.</exception>
    public static Autoencoder Load(string path)
    {
        if (Directory.Exists(path)) return LoadFolder(path);
        if (!File.Exists(path)) throw new CheckpointException($"There is no file or folder {path}.");
        return ConfigOf(path) is { } config ? LoadConfigured(config, path) : LoadBare(path);
    }

    /// <summary>Loads an autoencoder of diffusers from its two files.</summary>
    /// <param name="configPath">The <c>config.json</c>.</param>
    /// <param name="weightsPath">safetensors, an index of shards, or a PyTorch checkpoint.</param>
    /// <inheritdoc cref="Load" path="/returns|/exception"/>
    public static Autoencoder LoadDiffusers(string configPath, string weightsPath)
    {
        var config = DiffusersConfig.Parse(File.ReadAllText(configPath), configPath);
        using var file = TensorFile.Open(weightsPath);
        return FillDiffusers(config, configPath, file);
    }

    /// <summary>Loads an autoencoder of diffusers from the text of its configuration and an open file of weights.</summary>
    internal static Autoencoder LoadDiffusers(string configuration, string source, TensorFile file) =>
        FillDiffusers(DiffusersConfig.Parse(configuration, source), source, file);

    private static Autoencoder FillDiffusers(AutoencoderConfig config, string source, TensorFile file) => Fill(config, source, model => ModuleWeights.Load(model, file, AutoencoderKeys.Kl));

    /// <summary>Loads a tiny autoencoder from the files of madebyollin/taesd.</summary>
    /// <param name="encoderPath">The encoder's file, <c>.pth</c> or safetensors.</param>
    /// <param name="decoderPath">The decoder's; null for an encoder alone, which cannot decode.</param>
    /// <inheritdoc cref="Load" path="/returns|/exception"/>
    public static Autoencoder LoadTaesd(string encoderPath, string? decoderPath)
    {
        using var encoder = TensorFile.Open(encoderPath);
        using var decoder = decoderPath is null ? null : TensorFile.Open(decoderPath);
        return Fill(InferredConfigs.Tiny(encoder, decoder), encoderPath, model =>
        {
            var tiny = (TinyAutoencoder)model;
            ModuleWeights.Load(tiny.Encoder, encoder, AutoencoderKeys.TaesdEncoder);
            if (decoder is not null) ModuleWeights.Load(tiny.Decoder!, decoder, AutoencoderKeys.TaesdDecoder);
        });
    }

    private static Autoencoder LoadFolder(string path)
    {
        var config = Path.Combine(path, ConfigName);
        if (File.Exists(config)) return LoadConfigured(config, path);
        var inner = Path.Combine(path, "vae");
        if (File.Exists(Path.Combine(inner, ConfigName))) return LoadFolder(inner);
        string[] encoders = [.. Directory.GetFiles(path).Where(file => IsEncoder(file) && File.Exists(DecoderOf(file))).Order(StringComparer.Ordinal)];
        return encoders switch
        {
            [var only] => LoadTaesd(only, DecoderOf(only)),
            [] => throw new CheckpointException($"{path} holds no autoencoder that Imago knows: neither a {ConfigName} nor a pair of files *encoder.pth and *decoder.pth. Name the file of weights, or the folder of one model."),
            _ => throw new CheckpointException($"{path} holds several autoencoders; name one of {string.Join(", ", encoders.Select(Path.GetFileName))}."),
        };
    }

    /// <summary>From a configuration of diffusers or of a run, and a folder or file of weights.</summary>
    private static Autoencoder LoadConfigured(string configPath, string path)
    {
        var text = File.ReadAllText(configPath);
        if (IsDiffusers(text, configPath)) return LoadDiffusers(configPath, path);
        var config = AutoencoderConfig.Parse(NetworkOf(text, configPath), configPath);
        using var file = TensorFile.Open(Directory.Exists(path) ? RunFolder.Open(path).Weights : path);
        return Fill(config, configPath, model => ModuleWeights.Load(model, file));
    }

    /// <summary>From a file that says nothing but names and shapes.</summary>
    private static Autoencoder LoadBare(string path)
    {
        using var file = TensorFile.Open(path);
        if (InferredConfigs.Conv(file) is { } conv) return Fill(conv, path, model => ModuleWeights.Load(model, file));
        if (!InferredConfigs.IsSequence(file))
            throw new CheckpointException($"{path} is no autoencoder that can be told from its keys (the first is {(file.Tensors.Count > 0 ? file.Tensors[0].Name : "missing")}): put its {ConfigName} beside it.");
        if (IsEncoder(path)) return LoadTaesd(path, File.Exists(DecoderOf(path)) ? DecoderOf(path) : null);
        return EncoderOf(path) is { } encoder && File.Exists(encoder)
            ? LoadTaesd(encoder, path)
            : throw new CheckpointException($"{path} is one half of an autoencoder; its encoder, named like it with 'encoder' for 'decoder', must lie beside it.");
    }

    private static Autoencoder Fill(AutoencoderConfig config, string source, Action<Autoencoder> load)
    {
        Autoencoder? model = null;
        try
        {
            model = config.Create();
            load(model);
            model.eval();
            return model;
        }
        catch (Exception e)
        {
            model?.Dispose();
            if (e is ArgumentException) throw new CheckpointException($"{source}: {e.Message}", e);
            throw;
        }
    }

    /// <summary>The configuration beside a file of weights, or above its folder <c>checkpoints</c>.</summary>
    private static string? ConfigOf(string weights)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(weights))!;
        string?[] places = [folder, Path.GetFileName(folder) == "checkpoints" ? Path.GetDirectoryName(folder) : null];
        return places.OfType<string>().Select(place => Path.Combine(place, ConfigName)).FirstOrDefault(File.Exists);
    }

    private static bool IsDiffusers(string json, string source) => Object(json, source).ContainsKey("_class_name");

    /// <summary>The network's part of a run's configuration: the object with the key <c>network</c>, which may be the whole.</summary>
    private static string NetworkOf(string json, string source)
    {
        var root = Object(json, source);
        if (root["network"] is JsonValue) return json;
        return root.Select(entry => entry.Value).OfType<JsonObject>().FirstOrDefault(part => part["network"] is JsonValue)?.ToJsonString()
            ?? throw new CheckpointException($"{source} describes no autoencoder: neither _class_name (diffusers) nor network (Imago) is in it.");
    }

    private static JsonObject Object(string json, string source)
    {
        try
        {
            return JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }

    private static bool IsEncoder(string path) => Path.GetFileNameWithoutExtension(path).EndsWith("encoder", StringComparison.OrdinalIgnoreCase);

    private static string DecoderOf(string encoder) => Renamed(encoder, "encoder", "decoder");

    private static string? EncoderOf(string decoder) =>
        Path.GetFileNameWithoutExtension(decoder).EndsWith("decoder", StringComparison.OrdinalIgnoreCase) ? Renamed(decoder, "decoder", "encoder") : null;

    private static string Renamed(string path, string from, string to)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        return Path.Combine(Path.GetDirectoryName(path)!, name[..^from.Length] + to + Path.GetExtension(path));
    }
}
