using Imago.Data;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What a network in training is told of a batch: by a conditioner that learns with it, or by frozen text encoders whose results are kept on disk.</summary>
internal sealed class TrainingConditions : IDisposable
{
    private readonly DiffusionModel _model;
    private readonly double _dropout;
    private readonly PromptConditioner? _prompts;
    private readonly PromptStore? _store;

    /// <param name="model">The model in training.</param>
    /// <param name="dropout">Share of the pictures of which frozen encoders are told nothing; a conditioner knows its own.</param>
    internal TrainingConditions(DiffusionModel model, double dropout)
    {
        (_model, _dropout, _prompts) = (model, dropout, model.Encoder as PromptConditioner);
        _store = _prompts is null ? null : new PromptStore(_prompts);
    }

    /// <summary>The batch's conditions, some of them withheld in training.</summary>
    internal Conditioning Of(ImageBatch batch, StepContext step)
    {
        if (_prompts is not null) return Read(batch, step);
        var known = _model.Conditioner.Read(batch);
        return _model.Conditioner.forward((step.IsTraining ? _model.Conditioner.Drop(known, step.Noise) : known).To(_model.Device), step.ComputeType);
    }

    public void Dispose() => _store?.Dispose();

    private Conditioning Read(ImageBatch batch, StepContext step)
    {
        if (batch.Captions.All(caption => caption is null)) throw new ArgumentException("The model reads text, and the data set has no captions.");
        var dropped = rand(batch.Count, generator: step.Noise).lt(step.IsTraining ? _dropout : 0).data<bool>().ToArray();
        var conditioning = _store!.Read([.. batch.Captions.Zip(dropped, (caption, isDropped) => isDropped ? null : caption)], _model.Device, step.ComputeType);
        var sizes = _prompts!.Sizes(_prompts.Complete(Condition.None, _model.Config.Height, _model.Config.Width, isNegative: false), _model.Device);
        return conditioning with { Sizes = sizes?.expand(batch.Count, -1) };
    }
}
