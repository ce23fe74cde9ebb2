using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Which noise levels a network is trained at, and how often. A density is given by its quantile function, so that one uniform number an image decides, and stratified
/// numbers make stratified levels. Densities of <see cref="FractionDensity"/> speak of time as a share of the process, those of <see cref="RatioDensity"/> of σ/α.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(UniformTimes), "uniform")]
[JsonDerivedType(typeof(LogitNormalTimes), "logit_normal")]
[JsonDerivedType(typeof(ModeTimes), "mode")]
[JsonDerivedType(typeof(CosMapTimes), "cosmap")]
[JsonDerivedType(typeof(LogNormalRatios), "log_normal")]
[JsonDerivedType(typeof(LogLogisticRatios), "log_logistic")]
[JsonDerivedType(typeof(LogUniformRatios), "log_uniform")]
[JsonDerivedType(typeof(VelocityDiffusionRatios), "v_diffusion")]
[JsonDerivedType(typeof(CosineInterpolatedRatios), "cosine_interpolated")]
public abstract record TimeDensity
{
    /// <summary>The quantile function: turns uniform numbers into the density's variable, element by element in double precision.</summary>
    /// <param name="u">In [0, 1), float64.</param>
    public abstract Tensor Quantile(Tensor u);

    /// <summary>The level of a process that a value of the variable means.</summary>
    /// <param name="process">The process.</param>
    /// <param name="value">A value of the variable.</param>
    public abstract NoiseLevel Level(NoiseProcess process, double value);

    /// <summary>Throws when a parameter is out of range.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public virtual void Validate()
    {
    }

    /// <summary>The levels of a batch.</summary>
    /// <param name="process">The process.</param>
    /// <param name="u">Uniform numbers, float64 [B].</param>
    public NoiseLevels Levels(NoiseProcess process, Tensor u)
    {
        using var scope = NewDisposeScope();
        return new([.. Quantile(u).cpu().data<double>().ToArray().Select(value => Level(process, value))]);
    }

    /// <summary>
    /// One uniform number for each image of a batch. Stratified, they are (perm + u)/B: every B-th part of [0, 1) holds one of them, in random order, so that a
    /// batch sees all levels (Kingma et al. 2021, appendix I.1, which shifts one grid; k-diffusion jitters each cell as here).
    /// </summary>
    /// <param name="count">B.</param>
    /// <param name="isStratified">Whether to spread them evenly.</param>
    /// <param name="generator">Where they come from.</param>
    /// <returns>float64 [B] in [0, 1).</returns>
    public static Tensor Uniform(long count, bool isStratified, Generator generator)
    {
        var u = rand(count, dtype: float64, generator: generator);
        return isStratified ? Stratified(u)[randperm(count, generator: generator)] : u;
    }

    /// <summary>
    /// One worker's share of a stratified draw (k-diffusion's <c>stratified_uniform</c>): of n·B equal cells of [0, 1) it has every n-th, and in each one number.
    /// </summary>
    /// <param name="u">Uniform numbers, float64 [B]: where in its cell each lies.</param>
    /// <param name="group">Which of the workers this is.</param>
    /// <param name="groups">n.</param>
    /// <returns>[B], ascending.</returns>
    public static Tensor Stratified(Tensor u, int group = 0, int groups = 1)
    {
        var cells = u.shape[0] * groups;
        return (arange(group, cells, groups, dtype: float64, device: u.device) + u) / cells;
    }

    /// <summary>Φ⁻¹(u), for u in (0, 1).</summary>
    private protected static Tensor NormalQuantile(Tensor u) => Math.Sqrt(2) * (2 * u - 1).erfinv();

    private protected static void Require(bool holds, string key, object value, string expected)
    {
        if (!holds) throw new ArgumentException($"The time density's {key} is {value}; it must be {expected}.", key);
    }
}
