using Imago.Data;
using Imago.Generation.Conditions;
using Imago.Models;
using Imago.Text;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// Turns what pictures are to be of into a network's <see cref="Conditioning"/>: the vectors of all conditions are added up, tokens, numbers and sizes go to the input of their name.
/// What is not given has a learned stand-in, so that a model can be guided and any subset of the conditions be left out.
/// </summary>
public sealed class Conditioner : ConditionEncoder
{
    private readonly ModuleDict<ConditionPart> parts;

    internal Conditioner(ConditionerConfig config, Tokenizer? tokenizer)
        : base(nameof(Conditioner))
    {
        (Config, Tokenizer) = (config, tokenizer);
        parts = nn.ModuleDict([.. config.Conditions.Select(condition => (condition.Kind, condition.Build(config.Width, tokenizer)))]);
        RegisterComponents();
    }

    /// <summary>What it is made of.</summary>
    public ConditionerConfig Config { get; }

    /// <summary>What cuts captions, where they count.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>What reads captions; null where they do not count.</summary>
    internal TextCondition? Text => Parts.Select(part => part.Part).OfType<TextCondition>().FirstOrDefault();

    private IEnumerable<(string Kind, ConditionPart Part)> Parts => Config.Conditions.Select(condition => (condition.Kind, parts[condition.Kind]));

    private Device Device => parameters().FirstOrDefault()?.device ?? CPU;

    /// <inheritdoc/>
    public override Conditioning Encode(IReadOnlyList<Condition> batch, ScalarType type = ScalarType.Float32) => forward(Read(batch), type);

    /// <summary>What guidance leads away from: each picture's <see cref="Condition.Negative"/>, or nothing.</summary>
    /// <inheritdoc cref="Encode(IReadOnlyList{Condition}, ScalarType)"/>
    public Conditioning Negative(IReadOnlyList<Condition> batch, ScalarType type = ScalarType.Float32) => Encode([.. batch.Select(condition => condition.Negative ?? Condition.None)], type);

    /// <summary>The encoding of saying nothing.</summary>
    /// <param name="count">Number of pictures, B.</param>
    /// <param name="type">The type of vectors and tokens.</param>
    public Conditioning Null(int count, ScalarType type = ScalarType.Float32) => Encode([.. Enumerable.Repeat(Condition.None, count)], type);

    /// <summary>What a training batch says, with conditions withheld at random.</summary>
    /// <param name="batch">Images with labels, attributes or captions.</param>
    /// <param name="generator">Decides what is withheld.</param>
    /// <param name="type">The type of vectors and tokens.</param>
    /// <exception cref="ArgumentException">The data set lacks what the model is conditioned on.</exception>
    public Conditioning Encode(ImageBatch batch, Generator generator, ScalarType type = ScalarType.Float32) => forward(Drop(Read(batch), generator), type);

    /// <summary>What conditions say, as tensors.</summary>
    /// <exception cref="ArgumentException">A condition is given that the model does not know.</exception>
    public ConditionInputs Read(IReadOnlyList<Condition> batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        RefuseUnknown(batch);
        return Inputs(part => part.Read(batch));
    }

    /// <summary>What a training batch says, as tensors.</summary>
    /// <exception cref="ArgumentException">The data set lacks what the model is conditioned on.</exception>
    public ConditionInputs Read(ImageBatch batch) => Inputs(part => part.Read(batch));

    /// <summary>Withholds at random, for each image on its own: everything, each condition, and each attribute.</summary>
    /// <param name="inputs">What is known; not changed.</param>
    /// <param name="generator">Decides; it takes the same draws whatever the inputs.</param>
    public ConditionInputs Drop(ConditionInputs inputs, Generator generator)
    {
        var count = inputs.Values.Values.FirstOrDefault()?.shape[0] ?? 0;
        var everything = rand(count, generator: generator).lt(Config.Dropout);
        return new(Parts.ToDictionary(part => part.Kind, part => part.Part.Drop(inputs.Values[part.Kind], everything, generator)));
    }

    /// <summary>Encodes what is known.</summary>
    /// <param name="inputs">From <see cref="Read(ImageBatch)"/>, <see cref="Read(IReadOnlyList{Condition})"/> or <see cref="Drop"/>.</param>
    /// <param name="type">The type of vectors and tokens.</param>
    public Conditioning forward(ConditionInputs inputs, ScalarType type = ScalarType.Float32)
    {
        var device = Device;
        var sum = Parts.Select(part => part.Part.forward(inputs.Values[part.Kind].to(device), type)).Aggregate(Conditioning.None, Join);
        return Config.Vector == ConditionVector.Classes && sum.Pooled is not null ? sum with { Classes = sum.Pooled, Pooled = null } : sum;
    }

    private static Conditioning Join(Conditioning a, Conditioning b) => new()
    {
        Classes = a.Classes ?? b.Classes,
        Tokens = a.Tokens ?? b.Tokens,
        TokenMask = a.TokenMask ?? b.TokenMask,
        Pooled = a.Pooled is null || b.Pooled is null ? a.Pooled ?? b.Pooled : a.Pooled + b.Pooled,
        Sizes = a.Sizes ?? b.Sizes,
    };

    private ConditionInputs Inputs(Func<ConditionPart, Tensor> read) => new(Parts.ToDictionary(part => part.Kind, part => read(part.Part)));

    // A wish that nothing would listen to is a mistake of the caller.
    private void RefuseUnknown(IReadOnlyList<Condition> batch)
    {
        Refuse(ClassConditionConfig.Name, "a class", condition => condition.ClassName is not null || condition.ClassNumber is not null);
        Refuse(AttributeConditionConfig.Name, "attributes", condition => condition.Attributes.Count > 0);
        Refuse(TextConditionConfig.Name, "a caption", condition => !string.IsNullOrWhiteSpace(condition.Caption));
        Refuse(SizeConditionConfig.Name, "sizes", condition => condition.Sizes is not null);

        void Refuse(string kind, string what, Func<Condition, bool> given)
        {
            if (Config.Conditions.All(condition => condition.Kind != kind) && batch.Any(given))
                throw new ArgumentException($"A picture is asked for by {what}, which this model does not know; it knows {(Config.Conditions.Count == 0 ? "no conditions" : string.Join(", ", Config.Conditions.Select(condition => condition.Kind)))}.");
        }
    }
}
