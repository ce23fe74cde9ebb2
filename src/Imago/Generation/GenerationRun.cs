using Imago.Diffusion;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>One batch on its way from noise to pictures; lives in the dispose scope of its batch.</summary>
internal sealed class GenerationRun : IDisposable
{
    private readonly DiffusionModel _model;
    private readonly GenerationPlan _plan;
    private readonly IReadOnlyList<PictureWish> _wishes;
    private readonly List<Generator> _generators;
    private readonly Inpainting? _start;
    private readonly HashSet<int> _kept;
    private readonly List<GenerationMoment>[] _moments;
    private readonly GuidanceRun _guidance;
    private Tensor _noise;
    private Tensor? _estimate;

    internal GenerationRun(DiffusionModel model, GenerationRequest request, GenerationPlan plan, IReadOnlyList<PictureWish> wishes)
    {
        (_model, _plan, _wishes) = (model, plan, wishes);
        _generators = [.. wishes.Select(wish => new Generator((ulong)wish.Seed))];
        _noise = stack(wishes.Zip(_generators, Noise)).to(model.Device);
        _start = request.Start is { } start ? new Inpainting(model, start) : null;
        var steps = plan.Schedule.Steps;
        _kept = request.Moments == 0 ? [] : [.. Enumerable.Range(0, request.Moments).Select(i => (int)Math.Round((double)(i + 1) / request.Moments * steps)).Where(step => step > 0)];
        _moments = [.. wishes.Select(_ => new List<GenerationMoment>())];
        _guidance = new GuidanceRun(plan.Schedule);
    }

    internal IEnumerable<GeneratedPicture> Draw(Countdown count, CancellationToken cancellation)
    {
        var first = _plan.Schedule[0];
        if (_plan.Inverted is { } was) _noise = NoiseOf(_start!.Known, was, count, cancellation).expand_as(_noise);
        var before = _plan.Steps - _plan.Schedule.Steps;
        var x = _start is null ? first.Sigma * _noise : Estimates.Noisy(_start.Known, _noise, first);
        var guided = Guided();
        var context = new SamplingContext
        {
            Noise = _plan.Sampler.IsStochastic ? NoiseSources.PerImage(_noise, _generators) : null,
            AfterStep = (step, level, sample) =>
            {
                count.Done(before + step + 1);
                if (_kept.Contains(step + 1)) Keep(step + 1, level, sample, _estimate!);
                return _start is null ? sample : _start.PutBack(sample, level, _noise);
            },
            CancellationToken = cancellation,
        };
        var drawn = _plan.Sampler.Run(Watched, x, _plan.Schedule, context);
        return [.. Pictures(drawn).Select((picture, i) => new GeneratedPicture(_wishes[i], _start?.Restore(picture) ?? picture, _moments[i]) { Drawn = Numbers(drawn[i]) })];

        Tensor Watched(Tensor noisy, NoiseLevel level)
        {
            var clean = guided(noisy, level);
            if (_kept.Count > 0)
            {
                _estimate?.Dispose();
                _estimate = clean.clone().DetachFromDisposeScope();
            }
            return clean;
        }
    }

    public void Dispose()
    {
        foreach (var generator in _generators) generator.Dispose();
        _guidance.Dispose();
        _estimate?.Dispose();
    }

    /// <summary>The model under the batch's conditions, guided.</summary>
    private Denoiser Guided()
    {
        var (with, without) = (Encode(wish => wish), Encode(wish => wish with { Condition = wish.Condition.Negative ?? Condition.None, Towards = wish.Towards is { } to ? to with { Condition = to.Condition.Negative ?? Condition.None } : null }));
        return GuidedDenoisers.Batched((x, level, condition) => _model.Denoise(condition)(x, level), Conditionings.Join, [with, without]).Guided(_plan.Guidance, _guidance);
    }

    private Conditioning Encode(Func<PictureWish, PictureWish> of)
    {
        var wishes = _wishes.Select(of).ToList();
        var from = _model.Conditioner.Encode([.. wishes.Select(wish => wish.Condition)], _model.ComputeType);
        if (wishes.All(wish => wish.Towards is null)) return from;
        var to = _model.Conditioner.Encode([.. wishes.Select(wish => (wish.Towards ?? wish).Condition)], _model.ComputeType);
        return Conditionings.Between(from, to, [.. wishes.Select(wish => wish.Share)]);
    }

    private Tensor Noise(PictureWish wish, Generator generator)
    {
        var own = randn(_model.Shape, generator: generator);
        if (wish.Towards is not { } towards || towards.Seed == wish.Seed) return own;
        using var other = new Generator((ulong)towards.Seed);
        return Interpolations.Spherical(own, randn(_model.Shape, generator: other), wish.Share);
    }

    /// <summary>ε of x_T = α_T x₀ + σ_T ε, where x_T is what Euler's method turns into the picture x₀ under a condition.</summary>
    private Tensor NoiseOf(Tensor picture, Condition was, Countdown count, CancellationToken cancellation)
    {
        var condition = _model.Conditioner.Encode([was], _model.ComputeType);
        var context = new SamplingContext
        {
            AfterStep = (step, _, sample) =>
            {
                count.Done(step + 1);
                return sample;
            },
            CancellationToken = cancellation,
        };
        return Estimates.Epsilon(Inversion.OfEuler()(_model.Denoise(condition), picture, _plan.Schedule, context), picture, _plan.Schedule[0]);
    }

    private void Keep(int step, NoiseLevel level, Tensor sample, Tensor estimate)
    {
        foreach (var ((noisy, clean), i) in Pictures(sample).Zip(Pictures(estimate)).Select((pair, i) => (pair, i))) _moments[i].Add(new GenerationMoment(step, level, noisy, clean));
    }

    private IReadOnlyList<PixelImage> Pictures(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Images.Pictures.FromBatch(_model.Codec.Decode(x).cpu(), PixelRange.MinusOneToOne);
    }

    private static float[] Numbers(Tensor x)
    {
        using var plain = x.to(float32).cpu().contiguous();
        return plain.data<float>().ToArray();
    }
}
