using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What is known of each picture of a batch, one tensor [B, …] for each kind of condition; what is unknown is −1 (class, token) or NaN (attribute, size).</summary>
/// <param name="Values">The tensors by kind. They belong to the dispose scope in which they were made.</param>
public sealed record ConditionInputs(IReadOnlyDictionary<string, Tensor> Values)
{
    /// <summary>The same on another device.</summary>
    public ConditionInputs To(Device device) => new(Values.ToDictionary(pair => pair.Key, pair => pair.Value.to(device)));
}
