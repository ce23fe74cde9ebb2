using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>The FactorVAE metric (Kim and Mnih 2018, section 4): in a group of equal factor, the code that varies least, relative to its variance, votes for that factor.</summary>
public static class FactorVaeScore
{
    /// <summary>Variance of every code, [D], float64.</summary>
    /// <param name="codes">[N, D], two rows at least.</param>
    public static Tensor Variances(Tensor codes)
    {
        FeatureMatrix.Check(codes, fewest: 2, nameof(codes));
        return WrappedTensorDisposeScope(() => codes.to(float64).var(0, unbiased: true));
    }

    /// <summary>How often the code at each place among those that vary was chosen for each factor, [K][D].</summary>
    /// <param name="groups">Codes of pictures that share a factor, [V, B, D].</param>
    /// <param name="shared">The factor of each group, V numbers.</param>
    /// <param name="factors">K.</param>
    /// <param name="variances">Variance of each code over all pictures, [D].</param>
    /// <param name="smallestDeviation">Codes of a smaller standard deviation do not vote.</param>
    /// <returns>Null where no code varies enough.</returns>
    public static long[][]? Votes(Tensor groups, IReadOnlyList<int> shared, int factors, Tensor variances, double smallestDeviation = 0.05)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(shared);
        using var scope = NewDisposeScope();
        var active = (variances.to(float64).sqrt() >= smallestDeviation).nonzero().flatten();
        if (active.numel() == 0) return null;
        var relative = groups.to(float64).var(1, unbiased: true).index_select(1, active) / variances.to(float64).index_select(0, active);
        var chosen = relative.argmin(1).data<long>().ToArray();
        long[][] votes = [.. Enumerable.Range(0, factors).Select(_ => new long[groups.shape[2]])];
        for (var vote = 0; vote < chosen.Length; vote++) votes[shared[vote]][chosen[vote]]++;
        return votes;
    }

    /// <summary>How many votes are right when each code stands for the factor that it was chosen for most often.</summary>
    /// <param name="training">Votes that say which factor that is.</param>
    /// <param name="votes">Votes that are judged.</param>
    public static double Accuracy(long[][] training, long[][] votes)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(votes);
        var right = Enumerable.Range(0, training[0].Length).Sum(code => votes[Majority(training, code)][code]);
        return (double)right / votes.Sum(row => row.Sum());
    }

    private static int Majority(long[][] votes, int code) => Enumerable.Range(0, votes.Length).MaxBy(factor => votes[factor][code]);
}
