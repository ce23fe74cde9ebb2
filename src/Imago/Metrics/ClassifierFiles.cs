using System.Security.Cryptography;
using System.Text;
using Imago.Models;
using Imago.Weights;

namespace Imago.Metrics;

/// <summary>What is known of a classifier that Imago trained, as <c>classifier.json</c>.</summary>
public sealed record ClassifierConfig
{
    /// <summary>What it is called: the name of its data.</summary>
    public required string Name { get; init; }

    /// <summary>The network.</summary>
    public required ImageClassifierConfig Network { get; init; }

    /// <summary>Names of the classes.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Share of held-out pictures whose class it tells; null where there were none.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Whether it was trained on noisy pictures, for <see cref="NoisyClassifier"/>; the network then has channels for the level too.</summary>
    public bool IsNoisy { get; init; }

    /// <summary>The share that it tells where picture and noise are mixed in equal parts (α = σ); null for a classifier of clean pictures.</summary>
    public double? NoisyAccuracy { get; init; }
}

/// <summary>Classifiers in folders: <c>classifier.json</c> and <c>classifier.safetensors</c>.</summary>
public static class ClassifierFiles
{
    private const string ConfigName = "classifier.json", WeightsName = "classifier.safetensors";

    /// <summary>Whether a folder holds a classifier.</summary>
    public static bool IsClassifier(string folder) => File.Exists(Path.Combine(folder, ConfigName));

    /// <summary>Writes a classifier.</summary>
    /// <param name="folder">The folder; it is made where it is missing.</param>
    /// <param name="classifier">The network.</param>
    /// <param name="config">What is known of it.</param>
    /// <exception cref="ImagoException">A file cannot be written.</exception>
    public static void Save(string folder, ImageClassifier classifier, ClassifierConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        Directory.CreateDirectory(folder);
        ModuleWeights.Save(classifier, Path.Combine(folder, WeightsName));
        AtomicFile.Write(Path.Combine(folder, ConfigName), stream => stream.Write(Encoding.UTF8.GetBytes(ConfigJson.Write(config))));
    }

    /// <summary>The first eight digits of the SHA-256 of a classifier's weights: features of different ones must not be compared.</summary>
    /// <exception cref="CheckpointException">The folder holds none.</exception>
    public static string Fingerprint(string folder)
    {
        var path = Path.Combine(folder, WeightsName);
        if (!File.Exists(path)) throw new CheckpointException($"{folder} holds no {WeightsName}.");
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file))[..8];
    }

    /// <summary>Reads a classifier.</summary>
    /// <returns>The network in evaluation mode, which the caller owns, and what is known of it.</returns>
    /// <exception cref="CheckpointException">The folder holds none, or its files do not fit together.</exception>
    public static (ImageClassifier Classifier, ClassifierConfig Config) Load(string folder)
    {
        var path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path)) throw new CheckpointException($"{folder} holds no classifier: there is no {ConfigName}; train one with imago train classifier.");
        var config = ConfigJson.Read<ClassifierConfig>(File.ReadAllText(path), path);
        var classifier = config.Network.Create();
        try
        {
            ModuleWeights.Load(classifier, Path.Combine(folder, WeightsName));
            classifier.eval();
            return (classifier, config);
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }
}
