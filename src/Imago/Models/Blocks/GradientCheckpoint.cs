using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>
/// Gradient checkpointing (Chen et al. 2016): of a part of a network only the inputs are kept; what is inside is computed again when its gradient is asked for.
/// </summary>
internal static class GradientCheckpoint
{
    /// <summary>The same tensor as <paramref name="body"/> gives, and the same gradients to the bit.</summary>
    /// <param name="modules">The modules that the body calls: gradients of their parameters.</param>
    /// <param name="draws">Whether the body draws from libtorch's own generator (dropout): the draws are repeated.</param>
    /// <param name="body">A function of the inputs alone; it must not hold on to other tensors than the modules'.</param>
    /// <param name="inputs">Tensors, or null.</param>
    internal static Tensor Run(IEnumerable<nn.Module> modules, bool draws, Func<Tensor?[], Tensor> body, params Tensor?[] inputs)
    {
        Tensor[] parameters = [.. modules.SelectMany(module => module.parameters()).Where(parameter => parameter.requires_grad)];
        var part = new Part(body, [.. inputs.Select(input => input is not null)], parameters, draws ? RandomState() : null);
        return WrappedTensorDisposeScope(() => Function.apply([part, .. inputs.OfType<Tensor>(), .. parameters]));
    }

    private static byte[] RandomState()
    {
        using var state = get_rng_state();
        return state.bytes.ToArray();
    }

    private static void SetRandomState(byte[] bytes)
    {
        using var state = tensor(bytes);
        set_rng_state(state);
    }

    /// <summary>What is to be computed.</summary>
    private sealed record Part(Func<Tensor?[], Tensor> Body, bool[] IsGiven, Tensor[] Parameters, byte[]? Random)
    {
        internal Tensor Compute(IEnumerable<Tensor> given)
        {
            var next = new Queue<Tensor>(given);
            return Body([.. IsGiven.Select(isGiven => isGiven ? next.Dequeue() : null)]);
        }

        internal Tensor ComputeAgain(IEnumerable<Tensor> given)
        {
            if (Random is null) return Compute(given);
            var now = RandomState();
            SetRandomState(Random);
            try
            {
                return Compute(given);
            }
            finally
            {
                SetRandomState(now);
            }
        }
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        /// <summary>libtorch takes the gradients over after <see cref="backward"/> has returned them, so the thread's next call disposes them.</summary>
        [ThreadStatic]
        private static List<Tensor>? returned;

        public override string Name => nameof(GradientCheckpoint);

        public override Tensor forward(autograd.AutogradContext context, params object[] given)
        {
            var part = (Part)given[0];
            List<Tensor> inputs = [.. given.Skip(1).Take(part.IsGiven.Count(isGiven => isGiven)).Cast<Tensor>()];
            context.save_for_backward(inputs);
            context.save_data(nameof(Part), part);
            using var grad = enable_grad();                 // layers may compute in another order without
            return WrappedTensorDisposeScope(() => part.Compute(inputs).detach());
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
        {
            foreach (var tensor in returned ?? []) tensor.Dispose();
            using var given = gradient;                     // made for this call; the step's scope would keep it to the end
            using var scope = NewDisposeScope();
            using var grad = enable_grad();
            var part = (Part)context.get_data(nameof(Part));
            Tensor[] inputs = [.. context.get_saved_variables().Select(saved => saved.detach().requires_grad_(saved.requires_grad))];
            var y = part.ComputeAgain(inputs);
            var gradients = new Queue<Tensor>(autograd.grad([y], [.. inputs.Where(input => input.requires_grad), .. part.Parameters], [gradient], allow_unused: true));
            var ofInputs = inputs.Select(input => input.requires_grad ? gradients.Dequeue() : null!).ToList();
            returned = [.. ofInputs.Where(tensor => tensor is not null && !tensor.IsInvalid), .. gradients.Where(tensor => !tensor.IsInvalid)];
            foreach (var tensor in returned) tensor.DetachFromDisposeScope();
            return [null!, .. ofInputs, .. gradients];
        }
    }
}
