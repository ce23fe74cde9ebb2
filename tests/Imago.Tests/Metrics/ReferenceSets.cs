using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Sets of features from a linear congruential generator, so that other programs can make them too: A, B and logits.</summary>
internal static class ReferenceSets
{
    /// <summary>400×6.</summary>
    internal static Tensor A() => tensor(Draws(1, 2400)).view(400, 6);

    /// <summary>400×6, wider and shifted more in every column.</summary>
    internal static Tensor B() => 1.2 * tensor(Draws(2, 2400)).view(400, 6) + 0.1 * arange(6, dtype: float64);

    /// <summary>400×10.</summary>
    internal static Tensor Logits() => 3 * tensor(Draws(3, 4000)).view(400, 10);

    /// <summary>Sums of four uniform numbers, less 2.</summary>
    internal static double[] Draws(uint seed, int count)
    {
        double Uniform() => ((seed = 1664525 * seed + 1013904223) >> 8) / 16777216.0;
        return [.. Enumerable.Range(0, count).Select(_ => Uniform() + Uniform() + Uniform() + Uniform() - 2)];
    }
}
