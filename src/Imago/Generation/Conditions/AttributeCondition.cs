using Imago.Data;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>
/// float32 [B, A], NaN for unknown → two linear layers over features of every attribute: whether it is known, and then 0 for an unknown one, else for a choice which value
/// (one of K), for a quantity t in [−1, 1] the features t, sin(kπt/2), cos(kπt/2).
/// </summary>
internal sealed class AttributeCondition : ConditionPart
{
    private const int Waves = 4;
    private readonly Linear linear_1;
    private readonly Linear linear_2;
    private readonly AttributeConditionConfig _config;
    private readonly IReadOnlyList<(int Index, ImageAttribute Attribute)> _quantities;
    private readonly IReadOnlyList<(int Index, int Value)> _values;

    internal AttributeCondition(AttributeConditionConfig config, int width)
        : base(config)
    {
        _config = config;
        _quantities = [.. config.Attributes.Index().Where(attribute => attribute.Item.Values.Count == 0)];
        _values = [.. config.Attributes.Index().SelectMany(attribute => Enumerable.Range(0, attribute.Item.Values.Count).Select(value => (attribute.Index, value)))];
        linear_1 = new Linear(config.Attributes.Count + _values.Count + _quantities.Count * (1 + 2 * Waves), width);
        linear_2 = new Linear(width, width);
        RegisterComponents();
    }

    protected override double Unknown => double.NaN;

    internal override Tensor Read(IReadOnlyList<Condition> batch)
    {
        var values = new float[batch.Count, _config.Attributes.Count];
        for (var i = 0; i < batch.Count; i++)
        {
            for (var a = 0; a < _config.Attributes.Count; a++) values[i, a] = float.NaN;
            foreach (var (name, value) in batch[i].Attributes)
            {
                var index = _config.IndexOf(name);
                values[i, index] = (float)AttributeConditionConfig.Checked(_config.Attributes[index], value);
            }
        }
        return tensor(values);
    }

    internal override Tensor Read(ImageBatch batch)
    {
        var attributes = batch.Attributes ?? throw Missing("attributes");
        return attributes.shape[1] == _config.Attributes.Count
            ? attributes.alias()
            : throw new ArgumentException($"The data set has {attributes.shape[1]} attributes, and the model {_config.Attributes.Count}: {string.Join(", ", _config.Attributes.Select(attribute => attribute.Name))}.");
    }

    internal override Tensor Drop(Tensor input, Tensor everything, Generator generator)
    {
        var kept = base.Drop(input, everything, generator);
        if (!_config.Subsets) return kept;
        var rate = rand(input.shape[0], 1, generator: generator);
        return Withhold(kept, rand(input.shape, generator: generator).lt(rate));
    }

    internal override Conditioning forward(Tensor input, ScalarType type) =>
        new() { Pooled = linear_2.call(nn.functional.silu(linear_1.call(Features(input).to(type)))) };

    private Tensor Features(Tensor input)
    {
        var known = input.isnan().logical_not();
        var features = new List<Tensor> { known.to(float32) };
        if (_values.Count > 0)
        {
            var chosen = input.index_select(1, Row(_values.Select(value => (long)value.Index)));
            features.Add(chosen.eq(Row(_values.Select(value => (float)value.Value))).to(float32));
        }
        if (_quantities.Count > 0)
        {
            var columns = Row(_quantities.Select(quantity => (long)quantity.Index));
            var middle = Row(_quantities.Select(quantity => (float)((quantity.Attribute.Minimum + quantity.Attribute.Maximum) / 2)));
            var half = Row(_quantities.Select(quantity => (float)((quantity.Attribute.Maximum - quantity.Attribute.Minimum) / 2)));
            var t = ((input.index_select(1, columns) - middle) / half).unsqueeze(-1);                                     // [B, Q, 1]
            var phase = t * (Math.PI / 2 * arange(1, Waves + 1, dtype: float32, device: input.device));
            var waves = cat([t, phase.sin(), phase.cos()], -1);
            features.Add(where(known.index_select(1, columns).unsqueeze(-1), waves, zeros_like(waves)).flatten(1));
        }
        return cat(features, 1);

        Tensor Row<T>(IEnumerable<T> values)
            where T : unmanaged
            => from_array(values.ToArray(), device: input.device);
    }
}
