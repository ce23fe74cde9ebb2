using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// The density that a diffusion model gives an image: the probability-flow ODE carries it to a known one, and the divergence along the way says how volumes change
/// (Song et al. 2021, section 4.3). In u = ln(σ/α) and y = x/α the ODE is dy/du = y − x̂₀(x).
/// </summary>
public static class ProbabilityFlow
{
    /// <summary>ln p(x) of images at the cleanest level, in nats.</summary>
    /// <param name="denoise">Estimates x₀; it must be differentiable in x.</param>
    /// <param name="x">Images at <paramref name="cleanest"/>, [B, …]; not changed.</param>
    /// <param name="probe">Random signs or normal numbers of x's shape, by which the divergence is estimated: E[vᵀ J v] = tr J (Hutchinson 1989). One probe gives an unbiased, noisy estimate.</param>
    /// <param name="process">The process.</param>
    /// <param name="cleanest">The level of x; it holds some noise.</param>
    /// <param name="noisiest">Where the images are taken for normal numbers of variance σ²; it holds some image.</param>
    /// <param name="absoluteTolerance">Of the ODE solver.</param>
    /// <param name="relativeTolerance">Of the ODE solver.</param>
    /// <param name="cancellationToken">Stops between two steps of the solver.</param>
    /// <returns>[B], in the type of x.</returns>
    /// <exception cref="ArgumentException">The levels are not in order, or the probe has another shape.</exception>
    public static Tensor LogLikelihood(
        Denoiser denoise, Tensor x, Tensor probe, NoiseProcess process, NoiseLevel cleanest, NoiseLevel noisiest,
        double absoluteTolerance = 1e-4, double relativeTolerance = 1e-4, CancellationToken cancellationToken = default)
    {
        if (cleanest.IsClean || noisiest.Alpha == 0 || cleanest.Ratio >= noisiest.Ratio)
            throw new ArgumentException($"The flow runs from some noise to more, but never to nothing but noise; not from σ/α = {cleanest.Ratio:g6} to {noisiest.Ratio:g6}.", nameof(cleanest));
        if (!probe.shape.AsSpan().SequenceEqual(x.shape))
            throw new ArgumentException($"The probe has the shape [{string.Join(", ", probe.shape)}]; it needs that of x, [{string.Join(", ", x.shape)}].", nameof(probe));
        using var scope = NewDisposeScope();
        var (count, size, v) = (x.shape[0], x.numel() / x.shape[0], probe.to(x.dtype));
        var start = cat([(x / cleanest.Alpha).reshape(count, size), zeros([count, 1], x.dtype, x.device)], 1);
        var end = DormandPrince.Integrate(Slope, start, Math.Log(cleanest.Ratio), Math.Log(noisiest.Ratio), absoluteTolerance, relativeTolerance, cancellationToken);
        var (y, change, s) = (end.narrow(1, 0, size), end.narrow(1, size, 1).squeeze(1), noisiest.Ratio);
        var prior = -0.5 * (y / s).square().sum(1L) - size * (Math.Log(s) + 0.5 * Math.Log(2 * Math.PI));
        return (prior + change - size * Math.Log(cleanest.Alpha)).MoveToOuterDisposeScope();

        Tensor Slope(double u, Tensor state)
        {
            using var evaluation = NewDisposeScope();
            using var gradients = enable_grad();
            var level = process.AtRatio(Math.Exp(u));
            var y = state.narrow(1, 0, size).reshape(x.shape).detach().requires_grad_();
            var d = y - denoise(level.Alpha * y, level);
            var vj = autograd.grad([(d * v).sum()], [y])[0];
            return cat([d.detach().reshape(count, size), (vj * v).reshape(count, size).sum(1, keepdim: true)], 1).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Bits for each number of an image in bins of a width: −log₂(p · width) per dimension.</summary>
    /// <param name="logDensity">ln p in nats, in units of the tensor's numbers.</param>
    /// <param name="dimensions">Numbers in an image.</param>
    /// <param name="binWidth">The distance of neighbouring values: 2/255 for bytes mapped to [−1, 1].</param>
    public static double BitsPerDimension(double logDensity, long dimensions, double binWidth = 2.0 / 255) =>
        -(logDensity / dimensions + Math.Log(binWidth)) / Math.Log(2);
}
