using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>
/// Lower bounds of log p(x) from the logarithms of importance weights, log w = log p(x|z) + log p(z) − log q(z|x), of several samples z ~ q(z|x).
/// All bounds are [B], one an image, in nats; their negative mean is a loss.
/// </summary>
public static class ImportanceBounds
{
    /// <summary>The evidence lower bound by sampling: the mean of log w (Kingma and Welling 2014, Eq. 6).</summary>
    /// <param name="logWeights">[B, …], the samples along all axes but the first.</param>
    public static Tensor Elbo(Tensor logWeights) => logWeights.flatten(1).mean([1]);

    /// <summary>L_K = log of the mean of the weights, exact for K → ∞ (Burda, Grosse and Salakhutdinov 2016, Eq. 8).</summary>
    /// <param name="logWeights">[B, K].</param>
    public static Tensor Iwae(Tensor logWeights) => logWeights.logsumexp(-1) - Math.Log(logWeights.shape[^1]);

    /// <summary>The mean over M of K-sample bounds (Rainforth et al. 2018, Eq. 8).</summary>
    /// <param name="logWeights">[B, M, K].</param>
    public static Tensor Miwae(Tensor logWeights) => Iwae(logWeights).mean([1]);

    /// <summary>β·ELBO + (1 − β)·IWAE (Rainforth et al. 2018, Eq. 10).</summary>
    /// <param name="logWeights">[B, K].</param>
    /// <param name="beta">Share of the ELBO.</param>
    public static Tensor Ciwae(Tensor logWeights, double beta) => beta * Elbo(logWeights) + (1 - beta) * Iwae(logWeights);

    /// <summary>w̃ = w/Σw along the last axis.</summary>
    public static Tensor NormalisedWeights(Tensor logWeights) => logWeights.softmax(-1);

    /// <summary>1/Σw̃²: how many of the K samples count, between 1 and K.</summary>
    public static Tensor EffectiveSampleSize(Tensor logWeights) => 1 / NormalisedWeights(logWeights).square().sum(-1);

    /// <summary>
    /// A number whose gradient with respect to the encoder is the doubly reparameterised one of the IWAE bound (Tucker et al. 2019, Eq. 8): Σ w̃²·log w, where
    /// log w depends on the encoder through z alone. Its value means nothing.
    /// </summary>
    /// <param name="logWeights">[B, K], computed with the parameters of q(z|x) detached, so that only z carries a gradient.</param>
    public static Tensor DoublyReparameterised(Tensor logWeights)
    {
        var weights = NormalisedWeights(logWeights).detach();
        return (weights.square() * logWeights).sum(-1);
    }
}

/// <summary>
/// log(mean of exp) of numbers that arrive in pieces: exact whatever the pieces, in memory of one number an image. Averaging the bounds of pieces
/// instead gives a lower number.
/// </summary>
public sealed class StreamingLogMeanExp : IDisposable
{
    private Tensor? _maximum;
    private Tensor? _sum;                     // Σ exp(value − maximum)
    private long _count;

    /// <summary>Numbers seen for each image.</summary>
    public long Count => _count;

    /// <summary>Adds a piece.</summary>
    /// <param name="values">[B, k], any k.</param>
    public void Add(Tensor values)
    {
        using var scope = NewDisposeScope();
        var v = values.detach().to(float64);
        var maximum = _maximum is null ? v.amax([1]) : max(_maximum, v.amax([1]));
        var shift = where(maximum.isfinite(), maximum, zeros_like(maximum));                // a maximum of −∞ must not give NaN
        var sum = (v - shift.unsqueeze(1)).exp().sum(1);
        if (_sum is not null) sum = sum + _sum * (_maximum! - shift).exp();
        Keep(ref _maximum, maximum);
        Keep(ref _sum, sum);
        _count += v.shape[1];
    }

    /// <summary>log of the mean of exp over everything added so far, [B], float64.</summary>
    /// <exception cref="InvalidOperationException">Nothing has been added.</exception>
    public Tensor Result()
    {
        if (_sum is null) throw new InvalidOperationException("No values have been added.");
        using var scope = NewDisposeScope();
        return (_maximum! + _sum.log() - Math.Log(_count)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _maximum?.Dispose();
        _sum?.Dispose();
    }

    private static void Keep(ref Tensor? place, Tensor value)
    {
        place?.Dispose();
        place = value.DetachFromDisposeScope();
    }
}
