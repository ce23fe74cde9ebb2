using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>Adam and AdamW: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − lr·m̂/(√v̂ + ε) (Kingma and Ba 2015, algorithm 1).</summary>
internal sealed class AdamOptimizer : Optimizer
{
    private readonly AdamFamilyConfig _config;
    private readonly double _weightDecay;
    private readonly bool _decoupled;
    private readonly Dictionary<string, (Tensor M, Tensor V, Tensor Step)> _moments = [];

    internal AdamOptimizer(IReadOnlyList<ParameterGroup> groups, AdamFamilyConfig config, double weightDecay, bool decoupled)
        : base(groups)
    {
        config.Validate();
        (_config, _weightDecay, _decoupled) = (config, weightDecay, decoupled);
        foreach (var (name, value) in groups.SelectMany(group => group.Parameters))
        {
            using var noGrad = no_grad();
            _moments.Add(name, (Owned(zeros_like(value)), Owned(zeros_like(value)), Owned(zeros([], dtype: float32, device: value.device))));
        }
    }

    public override IReadOnlyList<(string Name, Tensor Value)> State =>
        [.. _moments.SelectMany(entry => new[] { ($"m/{entry.Key}", entry.Value.M), ($"v/{entry.Key}", entry.Value.V), ($"step/{entry.Key}", entry.Value.Step) })];

    public override void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        foreach (var group in Groups)
        {
            var live = Gradients.Of(group.Parameters);
            var moments = live.Select(entry => _moments[entry.Name]).ToArray();
            Action<Tensor[], Tensor[], Tensor[], Tensor[], Tensor[], double, double, double, double, double> update = _decoupled ? FusedOperations.AdamW : FusedOperations.Adam;
            update([.. live.Select(entry => entry.Value)], [.. live.Select(entry => entry.Gradient)],
                [.. moments.Select(moment => moment.M)], [.. moments.Select(moment => moment.V)], [.. moments.Select(moment => moment.Step)],
                learningRate * group.LearningRateFactor, _config.Beta1, _config.Beta2, group.WeightDecay ?? _weightDecay, _config.Epsilon);
        }
    }
}
