namespace Imago.Golden.Sets;

/// <summary>The group <c>objectives</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunObjectives(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
