namespace Imago.Layers;

/// <summary>
/// What Imago's layers are measured against: contiguous maps, and operations one after the other instead of fused ones. For benchmarks alone: libtorch 2.10's convolutions of
/// contiguous maps give wrong numbers on some processors.
/// </summary>
internal static class PlainPaths
{
    /// <summary>Whether layers of this process take them.</summary>
    internal static bool AreTaken { get; set; }
}
