namespace Imago.Golden.Sets;

/// <summary>The group <c>networks</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunNetworks(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
