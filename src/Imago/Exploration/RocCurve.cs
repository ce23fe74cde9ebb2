namespace Imago.Exploration;

/// <summary>How well one number (a dot product with a direction, a classifier's score) tells two classes apart (White 2016, section 4.3, calls it AtDot).</summary>
public static class RocCurve
{
    /// <summary>The points of the curve by decreasing threshold: the share of negatives and of positives whose score is at least the threshold.</summary>
    /// <param name="scores">One for each example.</param>
    /// <param name="labels">Whether the example is positive.</param>
    public static IReadOnlyList<(double Threshold, double FalsePositiveRate, double TruePositiveRate)> Points(IReadOnlyList<double> scores, IReadOnlyList<bool> labels)
    {
        var (positives, negatives) = Count(scores, labels);
        List<(double, double, double)> points = [(double.PositiveInfinity, 0, 0)];
        int hits = 0, seen = 0;
        foreach (var equal in scores.Zip(labels).GroupBy(pair => pair.First).OrderByDescending(group => group.Key))
        {
            hits += equal.Count(pair => pair.Second);
            seen += equal.Count();
            points.Add((equal.Key, (seen - hits) / (double)negatives, hits / (double)positives));
        }
        return points;
    }

    /// <summary>The area under the curve: the chance that a positive scores above a negative, ties counting one half (Mann and Whitney 1947).</summary>
    /// <inheritdoc cref="Points" path="/param"/>
    public static double Area(IReadOnlyList<double> scores, IReadOnlyList<bool> labels)
    {
        var points = Points(scores, labels);
        return points.Zip(points.Skip(1)).Sum(pair =>
            (pair.Second.FalsePositiveRate - pair.First.FalsePositiveRate) * (pair.Second.TruePositiveRate + pair.First.TruePositiveRate) / 2);
    }

    /// <summary>The threshold above which calling an example positive is right most often: the midpoint between two neighbouring scores, the lowest of equally good ones.</summary>
    /// <inheritdoc cref="Points" path="/param"/>
    public static (double Threshold, double Accuracy) BestThreshold(IReadOnlyList<double> scores, IReadOnlyList<bool> labels)
    {
        var (positives, _) = Count(scores, labels);
        var ascending = scores.Zip(labels).GroupBy(pair => pair.First).OrderBy(group => group.Key).ToList();
        var (right, best) = (positives, (Threshold: double.NegativeInfinity, Right: positives));        // everything called positive
        for (int i = 0; i < ascending.Count; i++)
        {
            right += ascending[i].Sum(pair => pair.Second ? -1 : 1);
            var threshold = i + 1 < ascending.Count ? (ascending[i].Key + ascending[i + 1].Key) / 2 : double.PositiveInfinity;
            if (right > best.Right) best = (threshold, right);
        }
        return (best.Threshold, best.Right / (double)labels.Count);
    }

    private static (int Positives, int Negatives) Count(IReadOnlyList<double> scores, IReadOnlyList<bool> labels)
    {
        if (scores.Count != labels.Count) throw new ArgumentException($"There are {scores.Count} scores but {labels.Count} labels.", nameof(labels));
        var positives = labels.Count(label => label);
        if (positives == 0 || positives == labels.Count) throw new ArgumentException("Examples of both classes are needed.", nameof(labels));
        return (positives, labels.Count - positives);
    }
}
