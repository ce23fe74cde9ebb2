using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Turns what pictures are to be of into a network's <see cref="Conditioning"/>: trained with the network (<see cref="Conditioner"/>), or published text encoders (<see cref="Pipelines.PromptConditioner"/>).</summary>
public abstract class ConditionEncoder : nn.Module
{
    private protected ConditionEncoder(string name)
        : base(name)
    {
    }

    /// <summary>Encodes conditions.</summary>
    /// <param name="batch">One condition a picture, B of them.</param>
    /// <param name="type">The type of vectors and tokens.</param>
    /// <exception cref="ArgumentException">A condition is given that the model does not know; the message lists those that it knows.</exception>
    public abstract Conditioning Encode(IReadOnlyList<Condition> batch, ScalarType type = ScalarType.Float32);

    /// <summary>A condition with what follows from the size of the picture.</summary>
    /// <param name="condition">What is said.</param>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="isNegative">Whether guidance leads away from it.</param>
    internal virtual Condition Complete(Condition condition, int height, int width, bool isNegative) => condition;
}
