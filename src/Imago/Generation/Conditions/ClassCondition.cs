using Imago.Data;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>int64 [B], −1 for no class → a learned vector of each class and of none, or the numbers as they are.</summary>
internal sealed class ClassCondition : ConditionPart
{
    private readonly Embedding? embedding;
    private readonly IReadOnlyList<string> _names;

    internal ClassCondition(ClassConditionConfig config, int width)
        : base(config)
    {
        _names = config.Names;
        embedding = config.Embed ? new Embedding(_names.Count + 1, width, std: 0.02) : null;
        RegisterComponents();
    }

    protected override double Unknown => -1;

    internal override Tensor Read(IReadOnlyList<Condition> batch) => tensor(batch.Select(NumberOf).ToArray(), int64);

    internal override Tensor Read(ImageBatch batch)
    {
        var labels = batch.Labels ?? throw Missing("classes");
        if (labels.numel() > 0 && labels.max().item<long>() >= _names.Count) throw new ArgumentException($"An image has the class {labels.max().item<long>()}, and the model knows {_names.Count} classes.");
        return labels.alias();
    }

    internal override Conditioning forward(Tensor input, ScalarType type)
    {
        var numbers = where(input.ge(0), input, full_like(input, _names.Count));
        return embedding is null ? new() { Classes = numbers } : new() { Pooled = embedding.call(numbers).to(type) };
    }

    private long NumberOf(Condition condition)
    {
        var number = condition.ClassName is { } name ? _names.ToList().FindIndex(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) : condition.ClassNumber ?? -1;
        var given = condition.ClassName is not null || condition.ClassNumber is not null;
        if (given && (number < 0 || number >= _names.Count))
            throw new ArgumentException($"'{condition.ClassName ?? condition.ClassNumber.ToString()}' is no class of this model; it knows {string.Join(", ", _names.Take(100))} (0 to {_names.Count - 1}).");
        return number;
    }
}
