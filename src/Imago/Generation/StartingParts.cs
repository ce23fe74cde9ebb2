using Imago.Data;
using Imago.Generation.Pipelines;
using Imago.Text;

namespace Imago.Generation;

/// <summary>What a run begins with beside its configuration: parts that it kept itself, those of the model that it goes on from, text encoders.</summary>
internal sealed class StartingParts : IDisposable
{
    private readonly string? _kept;
    private readonly DiffusionModel? _from;
    private readonly PromptConditioner? _prompts;
    private bool _isTaken;

    private StartingParts(string? kept, DiffusionModel? from, PromptConditioner? prompts, LatentCodec? codec) => (_kept, _from, _prompts, Codec) = (kept, from, prompts, codec);

    /// <summary>The autoencoder that the run must draw with; null for that of its configuration, or pixels.</summary>
    internal LatentCodec? Codec { get; }

    /// <summary>Opens the parts.</summary>
    /// <param name="config">The run.</param>
    /// <param name="kept">The model's folder of a run that is continued.</param>
    /// <param name="isStarted">Whether its weights are in a checkpoint, so that those of another model do not count any more.</param>
    internal static StartingParts Open(DiffusionRunConfig config, string? kept, bool isStarted)
    {
        var described = kept is null ? null : DiffusionFiles.ReadConfig(kept);
        if (described is { Pipeline: null } own)
        {
            var from = !isStarted && config.From is { } source && config.Lora is null ? DiffusionFiles.Load(source) : null;
            return new StartingParts(kept, from, own.Prompts is { } prompts ? PromptFiles.Load(kept!, prompts) : null, own.Latents is { } scale ? new LatentCodec(DiffusionFiles.LoadAutoencoder(kept!), scale) : null);
        }
        if (config.From is { } path)
        {
            var model = DiffusionFiles.Load(described?.Pipeline ?? path);
            return new StartingParts(null, model, model.Encoder as PromptConditioner, model.Codec as LatentCodec);
        }
        return new StartingParts(null, null, config.TextEncoder is { } encoder ? PromptFiles.LoadEncoder(encoder) : null, null);
    }

    /// <summary>The model of a run; what is given to it belongs to it.</summary>
    /// <exception cref="ArgumentException">The networks are not those of the model that the run goes on from.</exception>
    internal DiffusionModel Model(DiffusionRunConfig config, DatasetSplits splits, TrainingExamples examples)
    {
        var needsText = config.Conditioner.Conditions.OfType<TextConditionConfig>().Any();
        var tokenizer = !needsText ? null : _kept is not null ? DiffusionFiles.TokenizerOf(_kept) : _from?.Encoder is Conditioner { Tokenizer: BytePairTokenizer known } ? known : CaptionTokenizer.Of(splits.Train);
        var isReference = config.Lora is not null && _from?.Encoder is PromptConditioner && !DiffusionFiles.IsModel(config.From!);
        var model = new DiffusionModel(
            new DiffusionModelConfig
            {
                Height = examples.Height, Width = examples.Width, Channels = examples.Channels, Patch = config.Patch, Latents = (examples.Codec as LatentCodec)?.Scale,
                Process = config.Process, Prediction = config.Objective.Prediction, Conditioner = config.Conditioner, Defaults = config.Drawing, Prompts = Use(),
                Pipeline = isReference ? config.From : null,
            },
            config.Network.Create(config.Seed), _prompts ?? (ConditionEncoder)config.Conditioner.Create(config.Seed + 1, tokenizer), examples.Codec)
        {
            ComputeType = config.Training.ComputeType,
        };
        if (_from is not null) FineTuning.TakeWeights(model, _from);
        if (config.Lora is not null && _kept is not null) DiffusionFiles.LoadWeights(model, _kept);
        model.Network.CheckpointBlocks = config.CheckpointBlocks;
        _isTaken = true;
        DisposeSource();
        return model;

        PromptsConfig? Use() => _prompts is null ? null : _kept is not null ? DiffusionFiles.ReadConfig(_kept).Prompts
            : _from is not null ? _from.Config.Prompts ?? new PromptsConfig { Use = PromptUse.Family, EmptyIsZeros = _prompts.Layout.NothingIsZeros } : new PromptsConfig { Use = PromptUse.Tokens };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isTaken) return;
        _prompts?.Dispose();
        Codec?.Dispose();
        DisposeSource();
    }

    /// <summary>What of the other model did not become a part of this one.</summary>
    private void DisposeSource()
    {
        if (_from is null) return;
        _from.Network.Dispose();
        if (!ReferenceEquals(_from.Encoder, _prompts)) _from.Encoder.Dispose();
        if (!ReferenceEquals(_from.Codec, Codec)) _from.Codec.Dispose();
    }
}
