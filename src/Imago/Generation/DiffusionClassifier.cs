using Imago.Diffusion;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What a model read backwards says of one picture.</summary>
/// <param name="Errors">For each class, the mean over the samples of the squared error of the network's prediction under it, summed over what is drawn.</param>
/// <param name="Probabilities">Softmax of the negative errors: Bayes' theorem with equal priors, the error standing for −log p(x|c).</param>
public sealed record ClassVerdict(IReadOnlyList<double> Errors, IReadOnlyList<double> Probabilities)
{
    /// <summary>The class with the least error.</summary>
    public int Best => Enumerable.Range(0, Errors.Count).MinBy(number => Errors[number]);
}

/// <summary>
/// A class-conditional diffusion model as a classifier (Li et al. 2023, "Your Diffusion Model is Secretly a Zero-Shot Classifier", Eqs. 4–7): the class under which the
/// noise of a picture is predicted best is its class. All classes see the same noise and levels, so that their errors differ by the class alone (their section 3.3).
/// </summary>
public static class DiffusionClassifier
{
    /// <summary>Classifies pictures.</summary>
    /// <param name="model">A model conditioned on class.</param>
    /// <param name="pixels">[B, C, H, W] in [−1, 1], of the model's size.</param>
    /// <param name="samples">Levels, spread evenly over the process, each with noise of its own; the network is asked so many times for each class.</param>
    /// <param name="seed">Where levels and noise come from.</param>
    /// <param name="progress">Told after every level.</param>
    /// <param name="cancellationToken">Stops between levels.</param>
    /// <exception cref="ArgumentException">The model knows no classes, or the pictures have another shape.</exception>
    public static IReadOnlyList<ClassVerdict> Classify(DiffusionModel model, Tensor pixels, int samples = 32, long seed = 0, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        var classes = model.Config.Conditioner.Conditions.OfType<ClassConditionConfig>().FirstOrDefault()?.Names.Count
            ?? throw new ArgumentException("This model is not conditioned on class, so it cannot tell classes apart; train one with --condition class.", nameof(model));
        long[] shape = [model.Config.Channels, model.Config.Height, model.Config.Width];
        if (pixels.dim() != 4 || !pixels.shape.AsSpan(1).SequenceEqual(shape)) throw new ArgumentException($"The model takes pictures of shape [B, {string.Join(", ", shape)}]; got [{string.Join(", ", pixels.shape)}].", nameof(pixels));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)seed);
        model.Trained.eval();
        var x0 = model.Codec.Encode(pixels.to(model.Device));
        var conditions = Enumerable.Range(0, classes).Select(number => model.Conditioner.Encode([.. Enumerable.Repeat(new Condition { ClassNumber = number }, (int)x0.shape[0])], model.ComputeType)).ToList();
        var shares = TimeDensity.Stratified(rand(samples, dtype: float64, generator: generator)).data<double>().ToArray();
        var byLevel = new List<Tensor>();
        foreach (var (done, share) in shares.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var one = NewDisposeScope();
            byLevel.Add(ErrorsAt(model, x0, model.Process.AtShare(Math.Max(share, 1.0 / model.Process.TrainingSteps)), conditions, generator).MoveToOuterDisposeScope());
            progress?.Report(new WorkProgress(done + 1, samples));
        }
        var errors = stack(byLevel).mean([0L]);
        var probabilities = (-errors).softmax(1);
        return [.. errors.unbind(0).Zip(probabilities.unbind(0), (error, probability) => new ClassVerdict(error.data<double>().ToArray(), probability.data<double>().ToArray()))];
    }

    /// <summary>The squared error of each picture under each class at one level, [B, K].</summary>
    private static Tensor ErrorsAt(DiffusionModel model, Tensor x0, NoiseLevel level, IReadOnlyList<Conditioning> conditions, Generator generator)
    {
        var epsilon = randn(model.Shape, generator: generator).to(model.Device).unsqueeze(0).expand_as(x0);
        var x = Estimates.Noisy(x0, epsilon, level);
        var time = full(x0.shape[0], level.Time, float32, model.Device);
        var target = model.Config.Prediction.Of(x0, epsilon, level.Alpha, level.Sigma);
        return stack(conditions.Select(Error), 1);

        Tensor Error(Conditioning condition)
        {
            var output = model.Network.forward(x.to(model.ComputeType), time, condition).to(float32).narrow(1, 0, x0.shape[1]);
            return (output - target).square().flatten(1).sum(1).to(float64).cpu();
        }
    }
}
