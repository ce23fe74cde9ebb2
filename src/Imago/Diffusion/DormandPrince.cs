using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The embedded Runge–Kutta method of orders 5 and 4 by Dormand and Prince (1980) with adaptive steps.</summary>
internal static class DormandPrince
{
    private static readonly double[] Nodes = [0, 1 / 5.0, 3 / 10.0, 4 / 5.0, 8 / 9.0, 1, 1];

    private static readonly double[][] Stages =
    [
        [],
        [1 / 5.0],
        [3 / 40.0, 9 / 40.0],
        [44 / 45.0, -56 / 15.0, 32 / 9.0],
        [19372 / 6561.0, -25360 / 2187.0, 64448 / 6561.0, -212 / 729.0],
        [9017 / 3168.0, -355 / 33.0, 46732 / 5247.0, 49 / 176.0, -5103 / 18656.0],
        [35 / 384.0, 0, 500 / 1113.0, 125 / 192.0, -2187 / 6784.0, 11 / 84.0],
    ];

    /// <summary>Fifth-order weights less fourth-order ones.</summary>
    private static readonly double[] ErrorWeights = [71 / 57600.0, 0, -71 / 16695.0, 71 / 1920.0, -17253 / 339200.0, 22 / 525.0, -1 / 40.0];

    /// <summary>The solution of y' = f(t, y) at <paramref name="to"/>, a fresh tensor.</summary>
    /// <param name="f">The slope, a fresh tensor; t and y are its arguments.</param>
    /// <param name="start">y at <paramref name="from"/>; not changed.</param>
    /// <param name="from">The first time.</param>
    /// <param name="to">The last time, later or earlier.</param>
    /// <param name="absoluteTolerance">Tolerated error where y is small.</param>
    /// <param name="relativeTolerance">Tolerated error relative to |y|.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    /// <exception cref="ArithmeticException">The steps became too short to go on: the slope is not finite or not smooth.</exception>
    public static Tensor Integrate(Func<double, Tensor, Tensor> f, Tensor start, double from, double to, double absoluteTolerance, double relativeTolerance, CancellationToken cancellationToken)
    {
        using var lifetime = NewDisposeScope();
        var (t, y, h) = (from, start.alias(), (to - from) / 100);
        var slope = f(t, y);
        while (t != to)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Math.Abs(h) < 1e-12 * Math.Abs(to - from)) throw new ArithmeticException($"The probability-flow ODE cannot be followed beyond t = {t:g6} (of {from:g6} to {to:g6}): the step became {h:g3}. The denoiser's answers are not finite or not smooth there; loosen the tolerances, or begin at more noise.");
            if (Math.Abs(to - t) < Math.Abs(h)) h = to - t;
            double error;
            using (var trial = NewDisposeScope())
            {
                var k = new List<Tensor> { slope };
                var next = y;
                for (int stage = 1; stage < Nodes.Length; stage++)
                {
                    next = Combined(y, h, Stages[stage], k);
                    k.Add(f(t + Nodes[stage] * h, next));
                }
                var scale = relativeTolerance * maximum(y.abs(), next.abs()) + absoluteTolerance;
                error = (Combined(zeros_like(y), h, ErrorWeights, k) / scale).square().mean().sqrt().to(float64).item<double>();
                if (error <= 1)
                {
                    t = h == to - t ? to : t + h;
                    (y, slope) = (next.MoveToOuterDisposeScope(), k[^1].MoveToOuterDisposeScope());      // the last stage is the next step's first
                }
            }
            h *= double.IsNaN(error) ? 0.1 : Math.Clamp(0.9 * Math.Pow(error, -0.2), 0.2, 10);
        }
        return y.MoveToOuterDisposeScope();
    }

    private static Tensor Combined(Tensor y, double h, double[] weights, List<Tensor> k)
    {
        var sum = y.clone();
        foreach (var (i, weight) in weights.Index()) if (weight != 0) sum.add_(k[i], alpha: h * weight);
        return sum;
    }
}
