using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>Points between rows of latents, and their noise, as perceptual path lengths take them: torch-fidelity's rules, row by row.</summary>
public static class LatentSteps
{
    private const double Smallest = 1e-7;

    /// <summary>a + t(b − a).</summary>
    /// <param name="a">[N, D].</param>
    /// <param name="b">[N, D].</param>
    /// <param name="t">How far, 0 to 1.</param>
    public static Tensor Lerp(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() => a + t * (b - a));

    /// <summary>[sin((1 − t)ω) a + sin(tω) b]/sin ω with ω the angle between a and b; a straight line where they are parallel, opposite or zero.</summary>
    /// <inheritdoc cref="Lerp" path="/param"/>
    public static Tensor Slerp(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() =>
    {
        var (directionA, directionB) = (Unit(a), Unit(b));
        var cosine = (directionA * directionB).sum(1, keepdim: true);
        var omega = cosine.clamp(-1, 1).acos();
        var round = (((1 - t) * omega).sin() * a + (t * omega).sin() * b) / omega.sin().clamp_min(Smallest);
        var isZero = Length(directionA).lt(Smallest).logical_or(Length(directionB).lt(Smallest));
        var isParallel = cosine.abs() > 1 - Smallest;
        return where(isZero.logical_or(isParallel), a + t * (b - a), round);
    });

    /// <summary>The direction of <see cref="Slerp"/>, of length 1.</summary>
    /// <inheritdoc cref="Lerp" path="/param"/>
    public static Tensor SlerpUnit(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() => Unit(Slerp(a, b, t)));

    /// <summary>Standard normal numbers of NumPy's generator, [N, D], float32.</summary>
    /// <param name="random">NumPy's generator.</param>
    /// <param name="count">N.</param>
    /// <param name="dimension">D.</param>
    public static Tensor Normal(NumpyRandom random, int count, int dimension)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Draw(random.NextNormal, count, dimension);
    }

    /// <summary>Numbers in [0, 1), [N, D], float32.</summary>
    /// <inheritdoc cref="Normal" path="/param"/>
    public static Tensor Uniform(NumpyRandom random, int count, int dimension)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Draw(random.NextDouble, count, dimension);
    }

    /// <summary>What torch-fidelity calls <c>random_unit</c>: numbers in [0, 1) divided by the length of their row, so that only one orthant of the sphere is met.</summary>
    /// <inheritdoc cref="Normal" path="/param"/>
    public static Tensor PositiveUnit(NumpyRandom random, int count, int dimension) => WrappedTensorDisposeScope(() => Unit(Uniform(random, count, dimension)));

    private static Tensor Draw(Func<double> next, int count, int dimension) =>
        tensor([.. Enumerable.Range(0, count * dimension).Select(_ => (float)next())], [count, dimension]);

    private static Tensor Unit(Tensor x) => x / Length(x).clamp_min(Smallest);

    private static Tensor Length(Tensor x) => x.square().sum(1, keepdim: true).sqrt();
}
