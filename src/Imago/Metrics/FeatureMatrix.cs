using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What every measure of two sets of features asks of them.</summary>
internal static class FeatureMatrix
{
    /// <summary>Features are [N, D], at least so many, and finite.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    internal static void Check(Tensor features, int fewest, string name)
    {
        ArgumentNullException.ThrowIfNull(features, name);
        if (features.dim() != 2) throw new ArgumentException($"Features are [N, D]; got [{string.Join(", ", features.shape)}].", name);
        if (features.shape[0] < fewest) throw new ArgumentException($"There are {features.shape[0]} features; at least {fewest} are needed.", name);
        using var scope = NewDisposeScope();
        if (!features.isfinite().all().item<bool>()) throw new ArgumentException("A feature is not a finite number; the network or the picture it was taken of is broken.", name);
    }

    /// <summary>Two sets of features of the same network.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    internal static void CheckPair(Tensor first, Tensor second, int fewest)
    {
        Check(first, fewest, nameof(first));
        Check(second, fewest, nameof(second));
        if (first.shape[1] != second.shape[1]) throw new ArgumentException($"The first set has features of {first.shape[1]} numbers, the second of {second.shape[1]}; take both from the same network.", nameof(second));
    }
}
