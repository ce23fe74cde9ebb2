namespace Imago.Golden.Sets;

/// <summary>The group <c>training</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunTraining(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
