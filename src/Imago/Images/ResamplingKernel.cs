namespace Imago.Images;

/// <summary>The weights of the source's pixels in each pixel of the result, for one direction. They are made when asked for: a table of all could be huge.</summary>
internal sealed class ResamplingKernel(int from, int to, ResampleFilter filter)
{
    /// <summary>Binary places of the fixed-point weights: bytes times weights, added up, fit 32 bits with two to spare.</summary>
    internal const int Bits = 32 - 8 - 2;

    private readonly double _scale = (double)from / to;
    private readonly double[] _weights = new double[Longest(from, to, filter)];
    private readonly int[]? _nearest = filter.Radius == 0 ? Nearest(from, to) : null;
    private readonly int[] _fixedPoint = new int[Longest(from, to, filter)];

    private static long Longest(int from, int to, ResampleFilter filter) => Math.Min(from, 2 * (long)Math.Ceiling(filter.Radius * Math.Max((double)from / to, 1)) + 1);

    /// <summary>Weights of the pixels from <paramref name="first"/> on, of sum 1, valid until the next call.</summary>
    internal ReadOnlySpan<double> At(int position, out int first)
    {
        var stretch = Math.Max(_scale, 1);
        var (centre, support) = ((position + 0.5) * _scale, filter.Radius * stretch);
        if (_nearest is not null)
        {
            (first, _weights[0]) = (_nearest[position], 1);
            return _weights.AsSpan(0, 1);
        }
        first = Math.Max(0, (int)(centre - support + 0.5));
        var count = Math.Min(from, (int)(centre + support + 0.5)) - first;
        var total = 0.0;
        for (var k = 0; k < count; k++) total += _weights[k] = filter.Weight((k + first - centre + 0.5) * (1 / stretch));
        for (var k = 0; k < count && total != 0; k++) _weights[k] /= total;
        return _weights.AsSpan(0, count);
    }

    /// <summary>The same weights times 2²², rounded half away from zero.</summary>
    internal ReadOnlySpan<int> FixedPointAt(int position, out int first)
    {
        var weights = At(position, out first);
        for (var k = 0; k < weights.Length; k++)
        {
            var weight = weights[k] * (1 << Bits);
            _fixedPoint[k] = (int)(weight + (weight < 0 ? -0.5 : 0.5));
        }
        return _fixedPoint.AsSpan(0, weights.Length);
    }

    /// <summary>Where the middles of the target pixels lie, by adding steps up: their rounding decides between two pixels.</summary>
    private static int[] Nearest(int from, int to)
    {
        var (scale, indices) = ((double)from / to, new int[to]);
        var place = scale * 0.5;
        for (var i = 0; i < to; i++, place += scale) indices[i] = Math.Min((int)place, from - 1);
        return indices;
    }
}
