using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>The gradients of a set of parameters, taken together as one vector.</summary>
public static class Gradients
{
    /// <summary>‖g‖ = √Σg² over all gradients of the optimiser's parameters.</summary>
    public static double Norm(Optimizer optimizer)
    {
        using var scope = NewDisposeScope();
        return Norm(Present(optimizer));
    }

    /// <summary>Multiplies all gradients by min(1, c/(‖g‖ + 10⁻⁶)) (Pascanu, Mikolov and Bengio 2013, algorithm 1, with PyTorch's 10⁻⁶).</summary>
    /// <param name="optimizer">Whose parameters.</param>
    /// <param name="maxNorm">c.</param>
    /// <returns>‖g‖ before clipping.</returns>
    public static double Clip(Optimizer optimizer, double maxNorm)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxNorm);
        using var scope = NewDisposeScope();
        var gradients = Present(optimizer);
        var norm = Norm(gradients);
        if (maxNorm < norm + 1e-6) FusedOperations.Scale(gradients, maxNorm / (norm + 1e-6));
        return norm;
    }

    internal static List<(string Name, Tensor Value, Tensor Gradient)> Of(IReadOnlyList<(string Name, Tensor Value)> parameters) =>
        [.. from parameter in parameters let gradient = parameter.Value.grad where gradient is not null select (parameter.Name, parameter.Value, gradient)];

    private static Tensor[] Present(Optimizer optimizer) =>
        [.. optimizer.Groups.SelectMany(group => Of(group.Parameters)).Select(entry => entry.Gradient)];

    private static double Norm(Tensor[] gradients) => gradients.Length == 0 ? 0 : FusedOperations.Norm(gradients);
}
