using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden;

/// <summary>Collects the comparisons of one case.</summary>
public sealed class Checks
{
    private readonly List<string> _failures = [];

    /// <summary>Comparisons made.</summary>
    public int Count { get; private set; }

    /// <summary>The largest error so far.</summary>
    public double WorstError { get; private set; }

    /// <summary>What was wrong.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>max|got − want| / max|want| over the whole tensor; shapes must agree.</summary>
    public void Tensor(string name, Tensor got, Tensor want, double tolerance)
    {
        Count++;
        using var scope = NewDisposeScope();
        if (!got.shape.AsSpan().SequenceEqual(want.shape))
        {
            Fail($"{name}: shape [{string.Join(", ", got.shape)}], expected [{string.Join(", ", want.shape)}]");
            return;
        }
        if (want.numel() == 0) return;
        var (a, b) = (got.detach().to(float64), want.to(float64));
        var same = a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));       // equal infinities and NaNs are no difference
        var difference = where(same, zeros_like(a), (a - b).abs()).max().item<double>();
        var scale = where(b.isfinite(), b.abs(), zeros_like(b)).max().item<double>();
        Error(name, scale > 0 ? difference / scale : difference, tolerance);
    }

    /// <summary>Bit-equal numbers and equal shapes (NaN equals NaN).</summary>
    public void Exact(string name, Tensor got, Tensor want) => Tensor(name, got, want, 0);

    /// <summary>|got − want| / max(1, |want|); equal infinities agree.</summary>
    public void Scalar(string name, double got, double want, double tolerance)
    {
        Count++;
        if (got.Equals(want)) return;
        Error(name, Math.Abs(got - want) / Math.Max(1, Math.Abs(want)), tolerance);
    }

    /// <summary>A statement that must hold.</summary>
    public void True(string name, bool holds, string otherwise = "does not hold")
    {
        Count++;
        if (!holds) Fail($"{name}: {otherwise}");
    }

    /// <summary>Equal values of any kind.</summary>
    public void Equal<T>(string name, T got, T want) => True(name, EqualityComparer<T>.Default.Equals(got, want), $"{got}, expected {want}");

    /// <summary>The action must be refused with one of Imago's own exceptions.</summary>
    public void Refused(string name, Action action)
    {
        Count++;
        try
        {
            action();
            Fail($"{name}: was accepted, must be refused");
        }
        catch (ImagoException)
        {
        }
        catch (Exception e)
        {
            Fail($"{name}: {e.GetType().Name} instead of a clear refusal: {e.Message.Split('\n')[0]}");
        }
    }

    private void Error(string name, double error, double tolerance)
    {
        if (double.IsNaN(error)) error = double.PositiveInfinity;
        WorstError = Math.Max(WorstError, error);
        if (error > tolerance) Fail(string.Create(CultureInfo.InvariantCulture, $"{name}: error {error:g3} exceeds {tolerance:g3}"));
    }

    private void Fail(string what) => _failures.Add(what);
}
