namespace Imago.Golden.Sets;

/// <summary>The group <c>pythae</c>.</summary>
internal sealed partial class VaeSet
{
    private static void RunPythae(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
