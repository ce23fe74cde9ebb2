namespace Imago.Diffusion;

/// <summary>Tables read between their entries.</summary>
internal static class Interpolation
{
    /// <summary>The value at a fractional index: linear between neighbours, the end's beyond the ends.</summary>
    internal static double At(IReadOnlyList<double> values, double index)
    {
        if (index <= 0) return values[0];
        if (index >= values.Count - 1) return values[^1];
        var low = (int)index;
        return values[low] + (index - low) * (values[low + 1] - values[low]);
    }

    /// <summary>The fractional index of a value in an increasing table: the inverse of <see cref="At"/>, clipped to the table.</summary>
    internal static double IndexOf(IReadOnlyList<double> increasing, double value)
    {
        if (increasing.Count == 1 || value <= increasing[0]) return 0;
        if (value >= increasing[^1]) return increasing.Count - 1;
        var (low, high) = (0, increasing.Count - 1);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (increasing[middle] <= value) low = middle;
            else high = middle;
        }
        return low + (value - increasing[low]) / (increasing[high] - increasing[low]);
    }
}
