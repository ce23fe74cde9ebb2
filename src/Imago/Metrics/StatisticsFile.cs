using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>Files of feature statistics as pytorch-fid, clean-fid, EDM and guided-diffusion write them: <c>.npz</c> with <c>mu</c> [D] and <c>sigma</c> [D, D].</summary>
public static class StatisticsFile
{
    /// <summary>Reads mean and covariance.</summary>
    /// <param name="path">The file.</param>
    /// <returns>[D] and [D, D] in float64; the caller owns them.</returns>
    /// <exception cref="CheckpointException">It is no such file, or its numbers do not fit together; the message names it.</exception>
    public static (Tensor Mean, Tensor Covariance) Read(string path)
    {
        using var file = NumpyFile.Open(path);
        foreach (var name in (string[])["mu", "sigma"])
        {
            if (!file.Contains(name)) throw new CheckpointException($"{path} holds no {name} but {(file.Tensors.Count == 0 ? "nothing" : string.Join(", ", file.Tensors.Select(tensor => tensor.Name)))}; statistics are mu [D] and sigma [D, D].");
        }
        var (mu, sigma) = (ShapeOf(file, "mu"), ShapeOf(file, "sigma"));
        if (mu.Count != 1 || sigma.Count != 2 || sigma[0] != mu[0] || sigma[1] != mu[0])
            throw new CheckpointException($"{path}: mu is [{string.Join(", ", mu)}] and sigma [{string.Join(", ", sigma)}]; they must be [D] and [D, D].");
        using var scope = NewDisposeScope();
        var (mean, covariance) = (file.Read("mu").to(float64, copy: true), file.Read("sigma").to(float64, copy: true));
        if (!mean.isfinite().all().item<bool>() || !covariance.isfinite().all().item<bool>()) throw new CheckpointException($"{path} holds a number that is not finite.");
        return (mean.MoveToOuterDisposeScope(), covariance.MoveToOuterDisposeScope());
    }

    private static IReadOnlyList<long> ShapeOf(NumpyFile file, string name) => file.Tensors.First(tensor => tensor.Name == name).Shape;
}
