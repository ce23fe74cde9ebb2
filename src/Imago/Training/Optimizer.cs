using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>Updates parameters from their gradients, all parameters of a group in one native call. It owns its state, not the parameters.</summary>
/// <remarks>Create it after the module has been moved to its device: moving replaces the parameters.</remarks>
public abstract class Optimizer : IDisposable
{
    private protected Optimizer(IReadOnlyList<ParameterGroup> groups)
    {
        if (!groups.Any(group => group.Parameters.Count > 0)) throw new ArgumentException("An optimiser needs at least one parameter that requires a gradient.", nameof(groups));
        Groups = groups;
    }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>All parameters, group after group.</summary>
    public IEnumerable<Tensor> Parameters => Groups.SelectMany(group => group.Parameters).Select(parameter => parameter.Value);

    /// <summary>Everything that the next step depends on beside parameters and gradients, by name. The tensors belong to the optimiser.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Value)> State { get; }

    /// <summary>Makes one step; parameters without a gradient stay as they are.</summary>
    /// <param name="learningRate">The learning rate of this step.</param>
    public abstract void Step(double learningRate);

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var parameter in Parameters) parameter.grad = null;
    }

    /// <summary>Restores what <see cref="State"/> gave.</summary>
    /// <param name="read">Gives the tensor of a name.</param>
    /// <exception cref="CheckpointException">A tensor has another shape or type.</exception>
    public void LoadState(Func<string, Tensor> read)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, value) in State) value.copy_(SameShape(name, read(name), value));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, value) in State) value.Dispose();
        GC.SuppressFinalize(this);
    }

    internal static Tensor SameShape(string name, Tensor stored, Tensor expected) =>
        stored.shape.AsSpan().SequenceEqual(expected.shape) && stored.dtype == expected.dtype
            ? stored
            : throw new CheckpointException($"{name} is stored as {stored.dtype} [{string.Join(", ", stored.shape)}], but {expected.dtype} [{string.Join(", ", expected.shape)}] is expected; the checkpoint belongs to another configuration.");

    /// <summary>A tensor that outlives the dispose scope in which the optimiser is made.</summary>
    private protected static Tensor Owned(Tensor tensor) => tensor.DetachFromDisposeScope();
}
