using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>A network in training: the noisy images [B, C, H, W] and what it is told of their noise, fp32 [B], to its raw output. The condition is closed over.</summary>
/// <param name="x">Noisy images.</param>
/// <param name="time">One number an image.</param>
public delegate Tensor NetworkFunction(Tensor x, Tensor time);

/// <summary>The loss of a batch, image by image.</summary>
/// <param name="PerImage">weight × mean squared error, and the bound's share where the variance is learned, [B]; its gradient is followed.</param>
/// <param name="SquaredError">The mean squared error of what is predicted, without weight, [B], detached.</param>
/// <param name="Levels">The level of each image.</param>
public sealed record DiffusionLoss(Tensor PerImage, Tensor SquaredError, NoiseLevels Levels)
{
    /// <summary>The term of the variational bound of each image's step, [B], bits per dimension, detached; null where the variance is not learned.</summary>
    public Tensor? VariationalBits { get; init; }

    /// <summary>The mean over the batch, a scalar.</summary>
    public Tensor Mean() => PerImage.mean();
}

/// <summary>What is drawn for a batch before the network sees it.</summary>
/// <param name="Levels">The level of each image.</param>
/// <param name="Epsilon">ε, the noise that is predicted, offset included, [B, C, H, W].</param>
/// <param name="Input">The noise that the network sees: ε, or ε with perturbation, [B, C, H, W].</param>
public sealed record DiffusionDraw(NoiseLevels Levels, Tensor Epsilon, Tensor Input);

/// <summary>Training objectives of diffusion models and rectified flows: pure functions of images, noise and levels.</summary>
public static class DiffusionObjectives
{
    /// <summary>Draws levels and noise, asks the network, and gives the loss of each image.</summary>
    /// <param name="config">What it is trained for.</param>
    /// <param name="process">How images turn into noise.</param>
    /// <param name="network">The network with its condition.</param>
    /// <param name="x0">Clean images or latents, [B, C, H, W], in the network's scale.</param>
    /// <param name="generator">Where levels and noise come from; a CPU generator, whatever the device of x₀.</param>
    /// <exception cref="ArgumentException">The variance is learned and the process is not a discrete variance-preserving one.</exception>
    public static DiffusionLoss Loss(DiffusionObjectiveConfig config, NoiseProcess process, NetworkFunction network, Tensor x0, Generator generator) =>
        Loss(config, process, network, x0, Draw(config, process, x0, generator));

    /// <summary>The same with what was drawn.</summary>
    /// <param name="config">What it is trained for.</param>
    /// <param name="process">How images turn into noise.</param>
    /// <param name="network">The network with its condition.</param>
    /// <param name="x0">Clean images, [B, C, H, W].</param>
    /// <param name="draw">Levels and noise.</param>
    public static DiffusionLoss Loss(DiffusionObjectiveConfig config, NoiseProcess process, NetworkFunction network, Tensor x0, DiffusionDraw draw)
    {
        var (levels, time) = (draw.Levels, draw.Levels.Times(x0.device));
        var (x, target) = (levels.Noisy(x0, draw.Input), config.Prediction.Of(x0, draw.Epsilon, levels.Alpha(x0), levels.Sigma(x0)));
        if (config.DreamPower is { } power) (x, target) = Dream(network, x, time, target, levels, power);
        var output = config.SigmaData is { } sigmaData ? Preconditioned(network, x, levels, sigmaData) : network(x, time).to(target.dtype);
        var error = PerImage((output.narrow(1, 0, x0.shape[1]) - target).square());
        var loss = new DiffusionLoss(Weights(config, levels, error) * error, error.detach(), levels);
        if (!config.LearnsVariance) return loss;
        var bits = Bits(Chain(process), config.Prediction, output, x, x0, levels);
        return loss with { PerImage = loss.PerImage + process.TrainingSteps / 1000.0 * bits, VariationalBits = bits.detach() };
    }

    /// <summary>The bound's term at each image's time; of the network's output only the half that is the variance is followed.</summary>
    private static Tensor Bits(VariationalBound bound, Prediction prediction, Tensor output, Tensor x, Tensor x0, NoiseLevels levels)
    {
        int[] steps = [.. levels.Items.Select(level => bound.Steps - 1 - (int)Math.Round(level.Time))];
        var channels = x0.shape[1];
        var estimate = prediction.ToX0(output.narrow(1, 0, channels).detach(), x, levels.Alpha(x0), levels.Sigma(x0));
        return bound.Term(x0, x, bound.Reverse(x, estimate, output.narrow(1, channels, channels), steps), steps);
    }

    private static VariationalBound Chain(NoiseProcess process) => process is VariancePreserving discrete
        ? VariationalBound.Of(discrete, ReverseVariance.LearnedRange)
        : throw new ArgumentException($"The variance of steps back can be learned for a discrete variance-preserving process, which has steps; this is a {process.GetType().Name}.", nameof(process));

    /// <summary>Levels and noise of a batch.</summary>
    /// <param name="config">The density of levels, offset and perturbation.</param>
    /// <param name="process">How images turn into noise.</param>
    /// <param name="x0">Gives the shape, type and device.</param>
    /// <param name="generator">A CPU generator.</param>
    public static DiffusionDraw Draw(DiffusionObjectiveConfig config, NoiseProcess process, Tensor x0, Generator generator)
    {
        var levels = config.Times.Levels(process, TimeDensity.Uniform(x0.shape[0], config.IsStratified, generator));
        Tensor Normal(params long[] shape) => randn(shape, generator: generator).to(x0.dtype).to(x0.device);
        var epsilon = Normal(x0.shape);
        if (config.OffsetNoise > 0) epsilon = WithOffset(epsilon, Normal(x0.shape[0], x0.shape[1], 1, 1), config.OffsetNoise);
        var input = config.InputPerturbation > 0 ? epsilon + config.InputPerturbation * Normal(x0.shape) : epsilon;
        return new(levels, epsilon, input);
    }

    /// <summary>ε + s n, n one number a channel: the brightness of an image is noised too, as its other frequencies are (Guttenberg 2023).</summary>
    /// <param name="epsilon">[B, C, H, W].</param>
    /// <param name="n">Normal numbers, [B, C, 1, 1].</param>
    /// <param name="strength">s.</param>
    public static Tensor WithOffset(Tensor epsilon, Tensor n, double strength) => epsilon + strength * n;

    /// <summary>
    /// DREAM (Zhou et al. 2024, Algorithm 1): Δε = λ(ε − ε̂), x ← x + σ Δε, ε ← ε + Δε, λ = σᵖ with α² + σ² = 1. The network's own estimate ε̂ is a constant.
    /// </summary>
    /// <param name="network">Predicts ε.</param>
    /// <param name="x">Noisy images, [B, C, H, W].</param>
    /// <param name="time">Their times, [B].</param>
    /// <param name="epsilon">Their noise.</param>
    /// <param name="levels">Their levels.</param>
    /// <param name="power">p; more keeps more detail.</param>
    /// <returns>The input and the target to train with.</returns>
    public static (Tensor X, Tensor Epsilon) Dream(NetworkFunction network, Tensor x, Tensor time, Tensor epsilon, NoiseLevels levels, double power)
    {
        using var noGrad = no_grad();
        var lambda = levels.Over(x, level => Math.Pow(level.Sigma, power));
        var delta = lambda * (epsilon - network(x, time).to(epsilon.dtype));
        return (x + levels.Sigma(x) * delta, epsilon + delta);
    }

    /// <summary>D = c_skip x + c_out F(c_in x, c_noise), every image at its level (Karras et al. 2022, Eq. 7).</summary>
    /// <param name="network">F.</param>
    /// <param name="x">Noisy images, [B, C, H, W].</param>
    /// <param name="levels">Their levels.</param>
    /// <param name="sigmaData">Standard deviation of the data.</param>
    public static Tensor Preconditioned(NetworkFunction network, Tensor x, NoiseLevels levels, double sigmaData)
    {
        Tensor Factor(Func<Preconditioning, double> c) => levels.Over(x, level => c(Preconditioning.Edm(level.Ratio, sigmaData)));
        var exploding = x / levels.Alpha(x);
        var output = network(Factor(c => c.In) * exploding, Factor(c => c.Noise).flatten().to(float32)).to(x.dtype);
        return Factor(c => c.Skip) * exploding + Factor(c => c.Out) * output;
    }

    /// <summary>The weight of each image, [B].</summary>
    public static Tensor Weights(DiffusionObjectiveConfig config, NoiseLevels levels, Tensor like) =>
        levels.Each(like, level => config.Weighting.Weight(level, config.Prediction));

    private static Tensor PerImage(Tensor perNumber) => perNumber.flatten(1).mean([1L]);
}
