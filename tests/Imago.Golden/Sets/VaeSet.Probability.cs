namespace Imago.Golden.Sets;

/// <summary>The group <c>probability</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunProbability(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
