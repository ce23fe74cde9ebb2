using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>Stochastic gradient descent with momentum.</summary>
internal sealed class SgdOptimizer : Optimizer
{
    private readonly SgdConfig _config;
    private readonly Dictionary<string, (Tensor Buffer, Tensor Started)> _momentum = [];

    internal SgdOptimizer(IReadOnlyList<ParameterGroup> groups, SgdConfig config)
        : base(groups)
    {
        config.Validate();
        _config = config;
        foreach (var (name, value) in groups.SelectMany(group => group.Parameters))
        {
            using var noGrad = no_grad();
            if (config.Momentum != 0) _momentum.Add(name, (Owned(zeros_like(value)), Owned(zeros([], dtype: uint8))));
        }
    }

    public override IReadOnlyList<(string Name, Tensor Value)> State =>
        [.. _momentum.SelectMany(entry => new[] { ($"momentum/{entry.Key}", entry.Value.Buffer), ($"started/{entry.Key}", entry.Value.Started) })];

    public override void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        foreach (var group in Groups)
        {
            // A buffer that has not been used yet takes the gradient as it is, undampened.
            foreach (var entries in Gradients.Of(group.Parameters).GroupBy(entry => !HasStarted(entry.Name)))
            {
                Tensor[] parameters = [.. entries.Select(entry => entry.Value)], gradients = [.. entries.Select(entry => entry.Gradient)];
                Tensor[] buffers = _config.Momentum == 0 ? [] : [.. entries.Select(entry => _momentum[entry.Name].Buffer)];
                FusedOperations.Sgd(parameters, gradients, buffers, learningRate * group.LearningRateFactor,
                    _config.Momentum, _config.Dampening, group.WeightDecay ?? _config.WeightDecay, _config.Nesterov, first: entries.Key);
                if (_config.Momentum == 0) continue;
                foreach (var entry in entries) _momentum[entry.Name].Started.fill_(1);
            }
        }
    }

    private bool HasStarted(string name) => _config.Momentum == 0 || _momentum[name].Started.item<byte>() != 0;
}
