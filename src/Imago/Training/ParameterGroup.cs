using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>Parameters that are updated with the same settings.</summary>
/// <param name="Parameters">Names (the keys of the checkpoint) and tensors.</param>
public sealed record ParameterGroup(IReadOnlyList<(string Name, Tensor Value)> Parameters)
{
    /// <summary>What the learning rate of a step is multiplied by for this group.</summary>
    public double LearningRateFactor { get; init; } = 1;

    /// <summary>The weight decay of this group; <see langword="null"/> means the optimiser's own.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>One group of all parameters of a module that require a gradient.</summary>
    public static IReadOnlyList<ParameterGroup> All(nn.Module module) => [new(Trainable(module))];

    /// <summary>Two groups: matrices and kernels decay with the optimiser's weight decay; vectors and scalars (biases, norms, learned variances) do not decay.</summary>
    public static IReadOnlyList<ParameterGroup> DecayMatricesOnly(nn.Module module)
    {
        var parameters = Trainable(module);
        return
        [
            new([.. parameters.Where(parameter => parameter.Value.dim() >= 2)]),
            new([.. parameters.Where(parameter => parameter.Value.dim() < 2)]) { WeightDecay = 0 },
        ];
    }

    private static List<(string Name, Tensor Value)> Trainable(nn.Module module) =>
        [.. module.named_parameters().Where(parameter => parameter.parameter.requires_grad).Select(parameter => (parameter.name, (Tensor)parameter.parameter))];
}
