namespace Imago.Golden.Sets;

/// <summary>The group <c>latents</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunLatents(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
