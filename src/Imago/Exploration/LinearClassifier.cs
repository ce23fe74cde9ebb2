using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>
/// A plane in latent space that separates the examples with an attribute from those without; its normal is a direction of the attribute
/// (Shen et al. 2020). With y = ±1 and the margin m = y (w·z + b), every kind minimises ½|w|² + C Σ loss(m). In float64.
/// </summary>
public sealed class LinearClassifier : IDisposable
{
    private LinearClassifier(Tensor weight, double bias, double objective)
    {
        Weight = weight;
        Bias = bias;
        Objective = objective;
    }

    /// <summary>w, [D].</summary>
    public Tensor Weight { get; }

    /// <summary>b.</summary>
    public double Bias { get; }

    /// <summary>The minimum reached.</summary>
    public double Objective { get; }

    /// <summary>w·z + b for every row of [N, D]: positive means "with".</summary>
    public double[] Score(Tensor z)
    {
        using var scope = NewDisposeScope();
        return (z.detach().to(float64, CPU).mv(Weight) + Bias).data<double>().ToArray();
    }

    /// <summary>The share of examples on their right side.</summary>
    public double Accuracy(Tensor z, IReadOnlyList<bool> labels) => Score(z).Zip(labels).Count(pair => pair.First > 0 == pair.Second) / (double)labels.Count;

    /// <summary>Logistic regression: loss(m) = log(1 + e^−m); b is free.</summary>
    /// <param name="z">[N, D].</param>
    /// <param name="labels">Who has the attribute.</param>
    /// <param name="c">C &gt; 0; the smaller, the simpler.</param>
    /// <param name="isBalanced">Whether both classes count the same: each example is weighted by N / (2 · size of its class).</param>
    public static LinearClassifier Logistic(Tensor z, IReadOnlyList<bool> labels, double c = 1, bool isBalanced = false) => Newton(
        z, labels, c, isBalanced, biasPenalty: 0,
        m => (nn.functional.softplus(-m), -(-m).sigmoid(), m.sigmoid() * (-m).sigmoid()));

    /// <summary>Support vector machine with squared hinge: loss(m) = max(0, 1 − m)²; ½b² is added to the objective, as liblinear does (Fan et al. 2008).</summary>
    /// <inheritdoc cref="Logistic" path="/param"/>
    public static LinearClassifier SquaredHinge(Tensor z, IReadOnlyList<bool> labels, double c = 1, bool isBalanced = false) => Newton(
        z, labels, c, isBalanced, biasPenalty: 1,
        m => ((1 - m).clamp(min: 0).square(), -2 * (1 - m).clamp(min: 0), 2 * m.lt(1).to(float64)));

    /// <summary>Support vector machine: loss(m) = max(0, 1 − m); b is free (Cortes and Vapnik 1995).</summary>
    /// <inheritdoc cref="Logistic" path="/param"/>
    public static LinearClassifier Hinge(Tensor z, IReadOnlyList<bool> labels, double c = 1)
    {
        CheckArguments(labels, c);
        using var scope = NewDisposeScope();
        var x = AttributeDirections.Points(z, labels);
        var (w, b) = SequentialMinimalOptimisation.Solve(x.data<double>().ToArray(), (int)x.shape[1], labels, c);
        var weight = tensor(w);
        var margin = Signs(labels) * (x.mv(weight) + b);
        var objective = 0.5 * weight.square().sum() + c * (1 - margin).clamp(min: 0).sum();
        return new LinearClassifier(weight.MoveToOuterDisposeScope(), b, objective.item<double>());
    }

    /// <summary>Newton's method with halved steps: the objectives are convex and (piecewise) twice differentiable.</summary>
    /// <param name="z">[N, D].</param>
    /// <param name="labels">Classes.</param>
    /// <param name="c">C.</param>
    /// <param name="isBalanced">Weights by class.</param>
    /// <param name="biasPenalty">Factor of ½b².</param>
    /// <param name="loss">The loss, its first and its second derivative at the margins.</param>
    private static LinearClassifier Newton(Tensor z, IReadOnlyList<bool> labels, double c, bool isBalanced, double biasPenalty, Func<Tensor, (Tensor Value, Tensor Slope, Tensor Curvature)> loss)
    {
        CheckArguments(labels, c);
        using var scope = NewDisposeScope();
        var points = AttributeDirections.Points(z, labels);
        var x = cat([points, ones(points.shape[0], 1, dtype: float64)], dim: 1);        // the last weight is b
        var y = Signs(labels);
        var weights = c * ClassWeights(labels, isBalanced);
        var penalty = ones(x.shape[1], dtype: float64);
        penalty[^1] = biasPenalty;
        double Objective(Tensor w) => (0.5 * (penalty * w.square()).sum() + (weights * loss(y * x.mv(w)).Value).sum()).item<double>();

        var w = zeros(x.shape[1], dtype: float64);
        var objective = Objective(w);
        for (int iteration = 0; iteration < 200; iteration++)
        {
            using var step = NewDisposeScope();
            var (_, slope, curvature) = loss(y * x.mv(w));
            var gradient = penalty * w + x.t().mv(weights * y * slope);
            var hessian = diag(penalty + 1e-12) + x.t().mm((weights * curvature).unsqueeze(1) * x);
            var direction = -linalg.solve(hessian, gradient);
            var (next, lower) = Descend(w, direction, objective, Objective);
            var gained = objective - lower;
            w.Dispose();
            (w, objective) = (next.MoveToOuterDisposeScope(), lower);
            if (gained <= 1e-15 * Math.Abs(objective)) break;
        }
        return new LinearClassifier(w[..^1].clone().MoveToOuterDisposeScope(), w[^1].item<double>(), objective);
    }

    private static (Tensor W, double Objective) Descend(Tensor w, Tensor direction, double objective, Func<Tensor, double> evaluate)
    {
        for (double length = 1; length > 1e-10; length /= 2)
        {
            var next = w + length * direction;
            var value = evaluate(next);
            if (value <= objective) return (next, value);
        }
        return (w.clone(), objective);
    }

    private static Tensor Signs(IReadOnlyList<bool> labels) => tensor(labels.Select(label => label ? 1.0 : -1.0).ToArray());

    private static Tensor ClassWeights(IReadOnlyList<bool> labels, bool isBalanced)
    {
        if (!isBalanced) return ones(labels.Count, dtype: float64);
        var with = labels.Count(label => label);
        return tensor(labels.Select(label => labels.Count / (2.0 * (label ? with : labels.Count - with))).ToArray());
    }

    private static void CheckArguments(IReadOnlyList<bool> labels, double c)
    {
        if (!(c > 0)) throw new ArgumentOutOfRangeException(nameof(c), c, "C must be positive.");
        if (labels.Distinct().Count() < 2) throw new ArgumentException("Examples with and without the attribute are needed.", nameof(labels));
    }

    /// <inheritdoc/>
    public void Dispose() => Weight.Dispose();
}
