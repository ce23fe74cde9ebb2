using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>One batch on its way from noise to pictures; lives in the dispose scope of its batch.</summary>
internal sealed class GenerationRun : IDisposable
{
    private readonly DiffusionModel _model;
    private readonly GenerationRequest _request;
    private readonly GenerationPlan _plan;
    private readonly IReadOnlyList<PictureWish> _wishes;
    private readonly (Conditioning With, Conditioning? Without) _told;
    private readonly RunNoise _random;
    private readonly Beginning _beginning;
    private readonly HashSet<int> _kept;
    private readonly List<GenerationMoment>[] _moments;
    private readonly GuidanceRun _guidance;
    private Tensor? _estimate;

    internal GenerationRun(DiffusionModel model, GenerationRequest request, GenerationPlan plan, EncodedConditions conditions, IReadOnlyList<PictureWish> wishes)
    {
        (_model, _request, _plan, _wishes) = (model, request, plan, wishes);
        _random = request.Noise?.Invoke(wishes) ?? new SeededNoise(wishes, request.NoiseKind);
        _beginning = Beginning.Of(model, request, plan, [wishes.Count, .. model.Codec.Shape(plan.Size.Height, plan.Size.Width)], _random);
        _told = conditions.Of(wishes);
        var steps = plan.Schedule.Steps;
        _kept = request.Moments == 0 ? [] : [.. Enumerable.Range(0, request.Moments).Select(i => (int)Math.Round((double)(i + 1) / request.Moments * steps)).Where(step => step > 0)];
        _moments = [.. wishes.Select(_ => new List<GenerationMoment>())];
        _guidance = new GuidanceRun(plan.Schedule);
    }

    private bool Watches => _kept.Count > 0 || _request.OnStep is not null;

    /// <summary>The run.</summary>
    /// <returns>What was drawn, [B, …]; it belongs to the batch's scope.</returns>
    internal Tensor Draw(Countdown count, CancellationToken cancellation)
    {
        var beginning = _plan.Inverted is { } was ? _beginning.Renoised(NoiseOf(was, count, cancellation), _plan.NoisedLevel) : _beginning;
        var before = _plan.Steps - _plan.Schedule.Steps;
        var guided = Guided();
        if (_request.Around is { } around) guided = around(guided);
        var context = new SamplingContext
        {
            Noise = _plan.IsStochastic ? _random.Steps(beginning.Noise) : null,
            AfterStep = (step, level, sample) =>
            {
                var next = beginning.PutBack(sample, _plan.LevelAfter(step, level));
                if (_kept.Contains(step + 1)) Keep(step + 1, level, sample, _estimate!);
                _request.OnStep?.Invoke(new GenerationStep(_wishes, step + 1, _plan.Schedule.Steps, level, next, _estimate!));
                count.Done(before + step + 1);
                return next;
            },
            CancellationToken = cancellation,
        };
        return _plan.Sampler(Watches ? Watched : guided, beginning.Sample, _plan.Schedule, context);

        Tensor Watched(Tensor noisy, NoiseLevel level)
        {
            var clean = guided(noisy, level);
            _estimate?.Dispose();
            _estimate = clean.clone().DetachFromDisposeScope();
            return clean;
        }
    }

    /// <summary>The pictures of what was drawn.</summary>
    internal IReadOnlyList<GeneratedPicture> Finish(Tensor drawn) =>
        [.. Pictures(drawn).Select((picture, i) => new GeneratedPicture(_wishes[i], _beginning.Restore(picture), _moments[i]) { Drawn = Numbers(drawn[i]) })];

    public void Dispose()
    {
        _random.Dispose();
        _guidance.Dispose();
        _estimate?.Dispose();
    }

    /// <summary>The model under the batch's conditions, guided: its estimates of x₀ are combined, or its own answers where it was published with such guidance.</summary>
    private Denoiser Guided()
    {
        var (with, without) = (Completed(_told.With), _told.Without is { } told ? Completed(told) : null);
        Denoiser Under(Conditioning condition) => _model.IsPublished ? _model.Answer(condition) : _model.Denoise(condition);
        var branches = GuidedDenoisers.Batched<Conditioning>((x, level, condition) => Under(condition)(x, level), Conditionings.Join, without is null ? [with] : [with, without])
            .With([.. _request.Perturbations.Select(perturbation => Under(Perturbed(with, perturbation)))]);
        var guided = branches.Guided(_plan.Guidance, _guidance);
        return _model.IsPublished ? _plan.Read(_model, guided) : guided;
    }

    /// <summary>A condition with what all of the batch's share.</summary>
    private Conditioning Completed(Conditioning condition) => condition with
    {
        Channels = _beginning.Channels,
        GuidanceEmbedding = _plan.EmbeddedGuidance is { } scale && _model.Network.Config is UNet2DConditionConfig { TimeCondProjDim: { } width }
            ? GuidanceEmbedding.Of([.. Enumerable.Repeat(scale - 1, _wishes.Count)], width).to(_model.Device)
            : null,
    };

    private static Conditioning Perturbed(Conditioning condition, Perturbation perturbation) => condition with
    {
        SkippedBlocks = perturbation.SkippedBlocks, PerturbedBlocks = perturbation.PerturbedBlocks, PerturbedLayers = perturbation.PerturbedLayers,
    };

    /// <summary>ε of x_T = α_T x₀ + σ_T ε, where x_T is what Euler's method turns into the picture x₀ under a condition.</summary>
    private Tensor NoiseOf(Condition was, Countdown count, CancellationToken cancellation)
    {
        var (picture, condition) = (_beginning.Known!, _model.Encoder.Encode([_model.Encoder.Complete(was, _plan.Size.Height, _plan.Size.Width, isNegative: false)], _model.ComputeType));
        var context = new SamplingContext
        {
            AfterStep = (step, _, sample) =>
            {
                count.Done(step + 1);
                return sample;
            },
            CancellationToken = cancellation,
        };
        return Estimates.Epsilon(Inversion.OfEuler()(_model.Denoise(condition), picture, _plan.Schedule, context), picture, _plan.Schedule[0]).expand_as(_beginning.Noise);
    }

    private void Keep(int step, NoiseLevel level, Tensor sample, Tensor estimate)
    {
        foreach (var ((noisy, clean), i) in Pictures(sample).Zip(Pictures(estimate)).Select((pair, i) => (pair, i))) _moments[i].Add(new GenerationMoment(step, level, noisy, clean));
    }

    private IReadOnlyList<PixelImage> Pictures(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Images.Pictures.FromBatch(_model.Codec.Decode(x).cpu() / 2 + 0.5, PixelRange.ZeroToOne);
    }

    private static float[] Numbers(Tensor x)
    {
        using var plain = x.to(float32).cpu().contiguous();
        return plain.data<float>().ToArray();
    }
}
