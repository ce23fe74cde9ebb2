using Imago.Data;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>One kind of condition: reads it off conditions and training batches as one tensor, and encodes that.</summary>
internal abstract class ConditionPart(ConditionConfig config) : nn.Module(config.Kind)
{
    private readonly double _dropout = config.Dropout;

    /// <summary>What stands for "not known" in the tensor.</summary>
    protected abstract double Unknown { get; }

    /// <summary>[B, …], <see cref="Unknown"/> where a condition says nothing.</summary>
    /// <exception cref="ArgumentException">A value is not one of those that the model knows.</exception>
    internal abstract Tensor Read(IReadOnlyList<Condition> batch);

    /// <inheritdoc cref="Read(IReadOnlyList{Condition})"/>
    internal abstract Tensor Read(ImageBatch batch);

    internal abstract Conditioning forward(Tensor input, ScalarType type);

    /// <summary>Withholds the condition of some images.</summary>
    /// <param name="input">[B, …]; not changed.</param>
    /// <param name="everything">bool [B]: images of which all is withheld.</param>
    /// <param name="generator">Decides about the others.</param>
    internal virtual Tensor Drop(Tensor input, Tensor everything, Generator generator)
    {
        var dropped = everything.logical_or(rand(input.shape[0], generator: generator).lt(_dropout));
        return Withhold(input, dropped.view([-1, .. Enumerable.Repeat(1L, (int)input.dim() - 1)]));
    }

    /// <summary>The input, unknown where <paramref name="withheld"/>.</summary>
    internal Tensor Withhold(Tensor input, Tensor withheld) => where(withheld.to(input.device), full_like(input, Unknown), input);

    protected static ArgumentException Missing(string what) => new($"The model is conditioned on {what}, and the data set has none.");
}
