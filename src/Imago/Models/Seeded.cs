using TorchSharp;

namespace Imago.Models;

internal static class Seeded
{
    /// <summary>Builds a module whose first weights depend on the seed alone. libtorch draws them from its process-wide generator, whose state is put back afterwards.</summary>
    internal static T Build<T>(long seed, Func<T> build)
    {
        using var state = torch.get_rng_state();
        try
        {
            torch.manual_seed(seed);
            return build();
        }
        finally
        {
            torch.set_rng_state(state);
        }
    }
}
