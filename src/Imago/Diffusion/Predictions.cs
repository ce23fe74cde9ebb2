using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Exact conversions between what networks predict. With x = α x₀ + σ ε: v = α ε − σ x₀ and u = ε − x₀, so that
/// x₀ = (α x − σ v)/(α² + σ²) = (x − σ u)/(α + σ) and ε = (σ x + α v)/(α² + σ²) = (x + α u)/(α + σ). Images are [B, C, H, W].
/// </summary>
public static class Predictions
{
    /// <summary>The clean image that a prediction stands for.</summary>
    /// <param name="kind">What the prediction means.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="x">The noisy image.</param>
    /// <param name="level">How noisy it is; for a prediction of ε, α &gt; 0.</param>
    /// <exception cref="ArgumentException">Nothing of the image is left at this level, so that ε does not tell x₀.</exception>
    public static Tensor ToX0(this Prediction kind, Tensor output, Tensor x, NoiseLevel level)
    {
        var (alpha, sigma) = (level.Alpha, level.Sigma);
        if (kind == Prediction.Epsilon && alpha == 0) throw Undefined(kind, Prediction.Sample, level);
        return kind switch
        {
            Prediction.Epsilon => (x - sigma * output) / alpha,
            Prediction.Sample => output.alias(),
            Prediction.Velocity => (alpha * x - sigma * output) / (alpha * alpha + sigma * sigma),
            Prediction.Flow => (x - sigma * output) / (alpha + sigma),
            _ => throw Unknown(kind),
        };
    }

    /// <summary>The noise that a prediction stands for.</summary>
    /// <param name="kind">What the prediction means.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="x">The noisy image.</param>
    /// <param name="level">How noisy it is; for a prediction of x₀, σ &gt; 0.</param>
    /// <exception cref="ArgumentException">There is no noise at this level, so that x₀ does not tell ε.</exception>
    public static Tensor ToEpsilon(this Prediction kind, Tensor output, Tensor x, NoiseLevel level)
    {
        var (alpha, sigma) = (level.Alpha, level.Sigma);
        if (kind == Prediction.Sample && sigma == 0) throw Undefined(kind, Prediction.Epsilon, level);
        return kind switch
        {
            Prediction.Epsilon => output.alias(),
            Prediction.Sample => (x - alpha * output) / sigma,
            Prediction.Velocity => (sigma * x + alpha * output) / (alpha * alpha + sigma * sigma),
            Prediction.Flow => (x + alpha * output) / (alpha + sigma),
            _ => throw Unknown(kind),
        };
    }

    /// <summary>The prediction of one kind that says the same as a prediction of another.</summary>
    /// <param name="from">What the prediction means.</param>
    /// <param name="to">What is wanted.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="x">The noisy image.</param>
    /// <param name="level">How noisy it is.</param>
    /// <exception cref="ArgumentException">At this level the one does not tell the other: at α = 0, ε nothing else; at σ = 0, x₀ nothing else.</exception>
    public static Tensor Convert(Prediction from, Prediction to, Tensor output, Tensor x, NoiseLevel level)
    {
        if (from == to) return output.alias();
        if ((from == Prediction.Epsilon && level.Alpha == 0) || (from == Prediction.Sample && level.Sigma == 0)) throw Undefined(from, to, level);
        return to.Of(from.ToX0(output, x, level), from.ToEpsilon(output, x, level), level.Alpha, level.Sigma);
    }

    /// <summary>What a perfect network of a kind would put out: the target of training.</summary>
    /// <param name="kind">What the network predicts.</param>
    /// <param name="x0">The clean image.</param>
    /// <param name="epsilon">The noise.</param>
    /// <param name="alpha">α, a number or [B, 1, 1, 1].</param>
    /// <param name="sigma">σ, likewise.</param>
    public static Tensor Of(this Prediction kind, Tensor x0, Tensor epsilon, Tensor alpha, Tensor sigma) => kind switch
    {
        Prediction.Epsilon => epsilon.alias(),
        Prediction.Sample => x0.alias(),
        Prediction.Velocity => alpha * epsilon - sigma * x0,
        Prediction.Flow => epsilon - x0,
        _ => throw Unknown(kind),
    };

    /// <inheritdoc cref="Of(Prediction, Tensor, Tensor, Tensor, Tensor)"/>
    public static Tensor Of(this Prediction kind, Tensor x0, Tensor epsilon, double alpha, double sigma) =>
        kind == Prediction.Velocity ? alpha * epsilon - sigma * x0 : kind.Of(x0, epsilon, x0, x0);

    /// <summary>The clean images that predictions at different levels stand for.</summary>
    /// <param name="kind">What the prediction means.</param>
    /// <param name="output">The prediction.</param>
    /// <param name="x">The noisy images.</param>
    /// <param name="alpha">α of each, [B, 1, 1, 1].</param>
    /// <param name="sigma">σ of each, [B, 1, 1, 1].</param>
    public static Tensor ToX0(this Prediction kind, Tensor output, Tensor x, Tensor alpha, Tensor sigma) => kind switch
    {
        Prediction.Epsilon => (x - sigma * output) / alpha,
        Prediction.Sample => output.alias(),
        Prediction.Velocity => (alpha * x - sigma * output) / (alpha * alpha + sigma * sigma),
        Prediction.Flow => (x - sigma * output) / (alpha + sigma),
        _ => throw Unknown(kind),
    };

    private static ArgumentException Undefined(Prediction from, Prediction to, NoiseLevel level) => new(
        $"At α = {level.Alpha}, σ = {level.Sigma} a prediction of {from} does not tell {to}; take a schedule that leaves this level out, or a network that predicts v or the flow.", nameof(level));

    private static ArgumentOutOfRangeException Unknown(Prediction kind) => new(nameof(kind), kind, "There is no such kind of prediction.");
}
