namespace Imago.Exploration;

/// <summary>
/// The dual of the linear support vector machine, two multipliers at a time (Platt 1998), the pair chosen by second-order information
/// (Fan, Chen and Lin 2005, algorithm 2): min ½ αᵀQα − Σα, 0 ≤ α ≤ C, yᵀα = 0, with Q_ij = y_i y_j x_i·x_j.
/// </summary>
internal static class SequentialMinimalOptimisation
{
    private const double Tolerance = 1e-9;

    /// <summary>w and b of the plane.</summary>
    /// <param name="x">Rows of <paramref name="dimensions"/> numbers.</param>
    /// <param name="dimensions">D.</param>
    /// <param name="labels">Classes.</param>
    /// <param name="c">C.</param>
    internal static (double[] W, double B) Solve(double[] x, int dimensions, IReadOnlyList<bool> labels, double c)
    {
        var n = labels.Count;
        var y = labels.Select(label => label ? 1.0 : -1.0).ToArray();
        var alpha = new double[n];
        var score = new double[n];                                     // w·x_i
        var squares = Enumerable.Range(0, n).Select(i => Dot(x, i, i, dimensions)).ToArray();
        var row = new double[n];
        for (int iteration = 0, most = Math.Max(1_000_000, 100 * n); iteration < most; iteration++)
        {
            // Violation of optimality: −y_i ∂_i = y_i − w·x_i; α_i y_i may rise for i in "up" and fall for j in "low".
            var i = -1;
            for (int k = 0; k < n; k++)
            {
                if (MayRise(k) && (i < 0 || y[k] - score[k] > y[i] - score[i])) i = k;
            }
            for (int k = 0; k < n; k++) row[k] = Dot(x, i, k, dimensions);
            int j = -1;
            double best = 0, lowest = double.PositiveInfinity;
            for (int k = 0; k < n; k++)
            {
                if (!MayFall(k)) continue;
                lowest = Math.Min(lowest, y[k] - score[k]);
                var gain = y[i] - score[i] - (y[k] - score[k]);
                var curvature = Math.Max(squares[i] + squares[k] - 2 * row[k], 1e-12);
                if (gain > 0 && gain * gain / curvature > best) (j, best) = (k, gain * gain / curvature);
            }
            if (j < 0 || y[i] - score[i] - lowest < Tolerance) break;

            var step = (y[i] - score[i] - (y[j] - score[j])) / Math.Max(squares[i] + squares[j] - 2 * row[j], 1e-12);
            step = Math.Min(step, Math.Min(y[i] > 0 ? c - alpha[i] : alpha[i], y[j] > 0 ? alpha[j] : c - alpha[j]));
            alpha[i] = Snap(alpha[i] + y[i] * step);
            alpha[j] = Snap(alpha[j] - y[j] * step);
            for (int k = 0; k < n; k++) score[k] += step * (row[k] - Dot(x, j, k, dimensions));
        }
        return (Weights(), Bias());

        bool MayRise(int k) => y[k] > 0 ? alpha[k] < c : alpha[k] > 0;

        bool MayFall(int k) => y[k] > 0 ? alpha[k] > 0 : alpha[k] < c;

        double Snap(double value) => value < 1e-14 * c ? 0 : value > c * (1 - 1e-14) ? c : value;

        double[] Weights()
        {
            var w = new double[dimensions];
            for (int k = 0; k < n; k++)
            {
                for (int d = 0; d < dimensions; d++) w[d] += alpha[k] * y[k] * x[k * dimensions + d];
            }
            return w;
        }

        // On the margin y_i (w·x_i + b) = 1; without such points, the middle of what the others allow.
        double Bias()
        {
            var free = Enumerable.Range(0, n).Where(k => alpha[k] > 0 && alpha[k] < c).ToList();
            if (free.Count > 0) return free.Average(k => y[k] - score[k]);
            return (Enumerable.Range(0, n).Where(MayRise).Max(k => y[k] - score[k]) + Enumerable.Range(0, n).Where(MayFall).Min(k => y[k] - score[k])) / 2;
        }
    }

    private static double Dot(double[] x, int i, int j, int dimensions)
    {
        var a = x.AsSpan(i * dimensions, dimensions);
        var b = x.AsSpan(j * dimensions, dimensions);
        double sum = 0;
        for (int d = 0; d < a.Length; d++) sum += a[d] * b[d];
        return sum;
    }
}
