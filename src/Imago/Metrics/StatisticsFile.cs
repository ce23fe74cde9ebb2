using System.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>Files of feature statistics as pytorch-fid, clean-fid, EDM and guided-diffusion write them: <c>.npz</c> with <c>mu</c> [D] and <c>sigma</c> [D, D].</summary>
public static class StatisticsFile
{
    private const string ExtractorName = "extractor";

    /// <summary>Reads mean and covariance.</summary>
    /// <param name="path">The file.</param>
    /// <returns>[D] and [D, D] in float64; the caller owns them.</returns>
    /// <exception cref="CheckpointException">It is no such file, or its numbers do not fit together; the message names it.</exception>
    public static (Tensor Mean, Tensor Covariance) Read(string path)
    {
        using var file = NumpyFile.Open(path);
        return Read(file, "mu", "sigma");
    }

    /// <summary>Reads mean and covariance of the features of sFID, which guided-diffusion keeps as <c>mu_s</c> and <c>sigma_s</c>.</summary>
    /// <inheritdoc cref="Read(string)"/>
    public static (Tensor Mean, Tensor Covariance) ReadSpatial(string path)
    {
        using var file = NumpyFile.Open(path);
        return Read(file, "mu_s", "sigma_s");
    }

    /// <summary>Whether a file is one of statistics: an archive with <c>mu</c>.</summary>
    /// <exception cref="CheckpointException">It is a damaged archive.</exception>
    public static bool IsStatistics(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase)) return false;
        using var file = NumpyFile.Open(path);
        return file.Contains("mu") || file.Contains("sigma");
    }

    /// <summary>Writes statistics as everyone reads them: <c>mu</c> and <c>sigma</c> in float64, deflated, and for sFID <c>mu_s</c> and <c>sigma_s</c>.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="features">The statistics.</param>
    /// <param name="extractor">What took the features, so that statistics of different networks are not compared; other programs pass over it.</param>
    /// <param name="spatial">Statistics of the features of sFID, or null.</param>
    /// <exception cref="ImagoException">The file cannot be written.</exception>
    public static void Write(string path, FeatureStatistics features, string extractor, FeatureStatistics? spatial = null)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentException.ThrowIfNullOrEmpty(extractor);
        using var scope = NewDisposeScope();
        List<KeyValuePair<string, Tensor>> arrays = [new("mu", features.Mean), new("sigma", features.Covariance), new(ExtractorName, tensor(Encoding.UTF8.GetBytes(extractor)))];
        if (spatial is not null) arrays.AddRange([new("mu_s", spatial.Mean), new("sigma_s", spatial.Covariance)]);
        NumpyFile.WriteArchive(path, arrays, compress: true);
    }

    /// <summary>What took the features of a file that Imago wrote; null for a file of another program.</summary>
    /// <exception cref="CheckpointException">It is no such file.</exception>
    public static string? ExtractorOf(string path)
    {
        const int LongestName = 1000;
        using var file = NumpyFile.Open(path);
        if (file.Tensors.FirstOrDefault(tensor => tensor.Name == ExtractorName) is not { DataType: "U8", Shape: [<= LongestName] }) return null;
        using var name = file.Read(ExtractorName);
        return Encoding.UTF8.GetString(name.data<byte>().ToArray());
    }

    private static (Tensor Mean, Tensor Covariance) Read(NumpyFile file, string meanName, string covarianceName)
    {
        var path = file.Path;
        foreach (var name in (string[])[meanName, covarianceName])
        {
            if (!file.Contains(name)) throw new CheckpointException($"{path} holds no {name} but {(file.Tensors.Count == 0 ? "nothing" : string.Join(", ", file.Tensors.Select(tensor => tensor.Name)))}; statistics are {meanName} [D] and {covarianceName} [D, D].");
        }
        var (mu, sigma) = (ShapeOf(file, meanName), ShapeOf(file, covarianceName));
        if (mu.Count != 1 || sigma.Count != 2 || sigma[0] != mu[0] || sigma[1] != mu[0])
            throw new CheckpointException($"{path}: {meanName} is [{string.Join(", ", mu)}] and {covarianceName} [{string.Join(", ", sigma)}]; they must be [D] and [D, D].");
        using var scope = NewDisposeScope();
        var (mean, covariance) = (file.Read(meanName).to(float64, copy: true), file.Read(covarianceName).to(float64, copy: true));
        if (!mean.isfinite().all().item<bool>() || !covariance.isfinite().all().item<bool>()) throw new CheckpointException($"{path} holds a number that is not finite.");
        return (mean.MoveToOuterDisposeScope(), covariance.MoveToOuterDisposeScope());
    }

    private static IReadOnlyList<long> ShapeOf(NumpyFile file, string name) => file.Tensors.First(tensor => tensor.Name == name).Shape;
}
