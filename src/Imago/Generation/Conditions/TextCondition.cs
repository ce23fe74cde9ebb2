using Imago.Data;
using Imago.Models;
using Imago.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>int64 [B, L], −1 after the end of a caption and where there is none → tokens to attend to and one vector.</summary>
internal sealed class TextCondition : ConditionPart
{
    private readonly TextTransformer transformer;
    private readonly TextConditionConfig _config;
    private readonly Tokenizer _tokenizer;

    internal TextCondition(TextConditionConfig config, int width, Tokenizer tokenizer)
        : base(config)
    {
        (_config, _tokenizer) = (config, tokenizer);
        transformer = new TextTransformer(config.Vocabulary, config.Length, config.Width, config.Layers, config.Heads, width);
        RegisterComponents();
        if (config.ReadingSteps == 0) return;
        foreach (var parameter in transformer.parameters()) parameter.requires_grad_(false);
    }

    /// <summary>The transformer, and how it is built.</summary>
    internal TextTransformer Transformer => transformer;

    /// <inheritdoc cref="Transformer"/>
    internal TextConditionConfig Config => _config;

    protected override double Unknown => -1;

    internal override Tensor Read(IReadOnlyList<Condition> batch) => Read([.. batch.Select(condition => condition.Caption)]);

    internal override Tensor Read(ImageBatch batch) => batch.Captions.Any(caption => caption is not null) ? Read(batch.Captions) : throw Missing("captions");

    internal override Conditioning forward(Tensor input, ScalarType type)
    {
        var (tokens, pooled, mask) = transformer.forward(input, type);
        return new() { Tokens = tokens, Pooled = pooled, TokenMask = mask };
    }

    private Tensor Read(IReadOnlyList<string?> captions)
    {
        var ids = new long[captions.Count, _config.Length];
        for (var i = 0; i < captions.Count; i++)
        {
            var tokens = _tokenizer.Encode(Normal(captions[i] ?? ""));
            for (var t = 0; t < _config.Length; t++) ids[i, t] = t < tokens.Count ? tokens[t] : -1;
        }
        return tensor(ids);
    }

    /// <summary>One blank between words, and no capitals if they do not count.</summary>
    private string Normal(string caption)
    {
        var words = string.Join(' ', caption.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return _config.LowerCase ? words.ToLowerInvariant() : words;
    }
}
