using Imago.Encoders;
using Imago.Models;
using Imago.Text;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>The prompt in published pipelines: up to three text encoders, whose results are put together as the family's network expects them.</summary>
public sealed class PromptConditioner : ConditionEncoder
{
    /// <summary>Longer prompts are refused: even cut into chunks, no network has learned to attend to so much.</summary>
    public const int MostCharacters = 8000;

    private const int MostChunks = 20;
    private readonly ModuleDict<TextEncoder> encoders;
    private readonly PromptLayout _layout;
    private readonly IReadOnlyDictionary<int, PromptTower> _towers;

    /// <summary>Puts encoders together.</summary>
    /// <param name="layout">How the network expects their results.</param>
    /// <param name="towers">The encoders by their number in the pipeline, from 1; they belong to the conditioner from now on.</param>
    internal PromptConditioner(PromptLayout layout, IReadOnlyDictionary<int, PromptTower> towers)
        : base(nameof(PromptConditioner))
    {
        (_layout, _towers) = (layout, towers);
        encoders = nn.ModuleDict([.. towers.Select(tower => (ComponentNames.TextEncoderOf(tower.Key), tower.Value.Encoder))]);
        RegisterComponents();
    }

    /// <summary>The text encoders by their name in the pipeline.</summary>
    public IReadOnlyDictionary<string, TextEncoder> Encoders => _towers.ToDictionary(tower => ComponentNames.TextEncoderOf(tower.Key), tower => tower.Value.Encoder);

    /// <summary>Encoders and tokenizers by their number in the pipeline.</summary>
    internal IReadOnlyDictionary<int, PromptTower> Towers => _towers;

    /// <summary>How the network expects their results.</summary>
    internal PromptLayout Layout => _layout;

    /// <summary>The ids that the encoders are given for a condition, by their name in the pipeline: a row for each chunk.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<long>>> Tokens(Condition condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return _towers.ToDictionary(tower => ComponentNames.TextEncoderOf(tower.Key), tower => tower.Value.Cut(TextOf(condition, tower.Key), condition.Reading).Ids);
    }

    /// <summary>Encodes conditions. Each text is read once, whatever the number of pictures.</summary>
    /// <inheritdoc/>
    public override Conditioning Encode(IReadOnlyList<Condition> batch, ScalarType type = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(batch);
        foreach (var condition in batch) Check(condition);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var prompts = batch.Where(condition => condition.Encoded is null).Select(Prompt.Of).Distinct().ToList();
        var read = prompts.Zip(Read(prompts, type)).ToDictionary(pair => pair.First, pair => pair.Second);
        List<Conditioning> rows = [.. batch.Select(condition => condition.Encoded ?? read[Prompt.Of(condition)])];
        if (rows.Select(row => row.Tokens?.shape[1]).Distinct().Count() > 1)
            throw new ArgumentException($"The conditions have {string.Join(" and ", rows.Select(row => $"{row.Tokens?.shape[1]}").Distinct())} tokens; those drawn together, negative ones included, need equally many. Encode them together.", nameof(batch));
        var joined = Conditionings.Join([.. rows.Zip(batch).Select(pair => pair.First with { Sizes = Sizes(pair.Second, pair.First.Tokens!.device) })]);
        foreach (var tensor in new[] { joined.Tokens, joined.Pooled, joined.Sizes }) tensor?.MoveToOuterDisposeScope();
        return joined;
    }

    internal override Condition Complete(Condition condition, int height, int width, bool isNegative) => _layout.Sizes == PromptSizes.None ? condition : condition with
    {
        Sizes = condition.Sizes ?? ImageSizes.Whole(height, width),
        AestheticScore = condition.AestheticScore ?? (isNegative ? 2.5 : 6),
    };

    private IReadOnlyList<Conditioning> Read(IReadOnlyList<Prompt> prompts, ScalarType type)
    {
        if (prompts.Count == 0) return [];
        var said = prompts.Where(prompt => !IsZeros(prompt)).ToList();
        var cut = _towers.ToDictionary(tower => tower.Key, tower => said.Select(prompt => tower.Value.Cut(prompt[tower.Key], prompt.Reading)).ToList());
        var chunks = cut.Where(entry => _towers[entry.Key].IsClip).SelectMany(entry => entry.Value).Select(prompt => prompt.Ids.Count).DefaultIfEmpty(1).Max();
        if (chunks > MostChunks) throw new ArgumentException($"The prompt makes {chunks} chunks of {PromptChunker.Length} tokens; at most {MostChunks} are read. Make it shorter.");
        var outputs = cut.ToDictionary(entry => entry.Key, entry => Read(_towers[entry.Key], entry.Value, chunks, type));
        var like = empty(0, type, parameters().FirstOrDefault()?.device ?? CPU);
        return [.. prompts.Select(prompt => IsZeros(prompt) ? _layout.Zeros(chunks, like) : Joined(prompt))];

        Conditioning Joined(Prompt prompt)
        {
            var row = said.IndexOf(prompt);
            return _layout.Join(outputs.ToDictionary(entry => entry.Key, entry => entry.Value[row]), chunks, prompt.Reading, like);
        }
    }

    /// <summary>Prompts of fewer chunks are filled with empty ones.</summary>
    private static IReadOnlyList<TowerOutput> Read(PromptTower tower, List<CutPrompt> prompts, int chunks, ScalarType type)
    {
        if (prompts.Count == 0) return [];
        return tower.Read(tower.IsClip && prompts.Any(prompt => prompt.Ids.Count < chunks) ? [.. prompts.Select(prompt => prompt.Filled(tower.Cut("", prompt.Reading), chunks))] : prompts, type);
    }

    private static string TextOf(Condition condition, int encoder) => Prompt.Of(condition)[encoder];

    private bool IsZeros(Prompt prompt) => _layout.NothingIsZeros && prompt.IsNothing;

    /// <summary>What the network is told of sizes, [1, 6] or [1, 5]; null for nothing.</summary>
    internal Tensor? Sizes(Condition condition, Device device)
    {
        if (_layout.Sizes == PromptSizes.None) return null;
        var sizes = condition.Sizes ?? throw new ArgumentException($"This model is told the sizes of pictures; set {nameof(Condition)}.{nameof(Condition.Sizes)}.");
        float[] numbers = [sizes.OriginalHeight, sizes.OriginalWidth, sizes.Top, sizes.Left];
        float[] last = _layout.Sizes == PromptSizes.WithScore ? [(float)(condition.AestheticScore ?? 6)] : [sizes.Height, sizes.Width];
        return tensor([.. numbers, .. last], device: device).unsqueeze(0);
    }

    private static void Check(Condition condition)
    {
        if (condition.ClassName is not null || condition.ClassNumber is not null || condition.Attributes.Count > 0)
            throw new ArgumentException("A picture is asked for by a class or attributes, which this model does not know; it reads text.");
        foreach (var text in new[] { condition.Caption, condition.SecondCaption, condition.ThirdCaption })
        {
            if (text?.Length > MostCharacters) throw new ArgumentException($"The prompt has {text.Length:N0} characters; at most {MostCharacters:N0} are read. Make it shorter.");
        }
        if (condition.Reading.LongTokens is < 2 or > 4096) throw new ArgumentException($"T5 is to read {condition.Reading.LongTokens} tokens; it reads 2 to 4096.");
    }

    /// <summary>What is said to the encoders.</summary>
    private sealed record Prompt(string? First, string? Second, string? Third, PromptReading Reading)
    {
        internal bool IsNothing => First is null && Second is null && Third is null;

        internal string this[int encoder] => encoder switch { 1 => First, 2 => Second, _ => Third } ?? "";

        internal static Prompt Of(Condition condition) => new(condition.Caption, condition.SecondCaption ?? condition.Caption, condition.ThirdCaption ?? condition.Caption, condition.Reading);
    }
}
