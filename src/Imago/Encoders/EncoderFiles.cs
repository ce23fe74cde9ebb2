using Imago.Models;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Encoders;

/// <summary>Encoders out of the files that transformers writes.</summary>
public static class EncoderFiles
{
    /// <summary>Loads a text encoder.</summary>
    /// <param name="configPath">Its <c>config.json</c>.</param>
    /// <param name="weightsPath">The file of its weights, or the folder that holds their parts.</param>
    /// <exception cref="CheckpointException">The files do not fit together, or are not of a network that Imago has.</exception>
    public static TextEncoder LoadText(string configPath, string weightsPath) => ReadConfig(configPath) is TextEncoderConfig config
        ? LoadText(config, weightsPath)
        : throw new CheckpointException($"{configPath} is not the configuration of a text encoder.");

    /// <summary>Loads a text encoder whose configuration is known.</summary>
    /// <inheritdoc cref="LoadText(string, string)"/>
    public static TextEncoder LoadText(TextEncoderConfig config, string weightsPath)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var file = TensorFile.Open(weightsPath);
        return LoadText(config, file);
    }

    /// <summary>Loads a text encoder from an open file.</summary>
    internal static TextEncoder LoadText(TextEncoderConfig config, TensorFile file)
    {
        var encoder = config.CreateEmpty(CPU);
        ModuleWeights.Load(encoder, file, config is T5Config ? EncoderKeys.T5(file) : EncoderKeys.ClipText);
        return encoder;
    }

    /// <summary>Loads an image encoder.</summary>
    /// <inheritdoc cref="LoadText(string, string)"/>
    public static ImageEncoder LoadImage(string configPath, string weightsPath)
    {
        if (ReadConfig(configPath) is not ImageEncoderConfig config) throw new CheckpointException($"{configPath} is not the configuration of an image encoder.");
        var encoder = config.CreateEmpty(CPU);
        ModuleWeights.Load(encoder, weightsPath, EncoderKeys.Clip);
        return encoder;
    }

    /// <summary>Loads both encoders of CLIP.</summary>
    /// <inheritdoc cref="LoadText(string, string)"/>
    public static ClipModel LoadClip(string configPath, string weightsPath)
    {
        if (ReadConfig(configPath) is not ClipConfig config) throw new CheckpointException($"{configPath} is not the configuration of a whole CLIP.");
        var model = config.CreateEmpty(CPU);
        ModuleWeights.Load(model, weightsPath, EncoderKeys.Clip);
        return model;
    }

    private static EncoderConfig ReadConfig(string path) => EncoderConfig.Parse(File.ReadAllText(path), path);
}
