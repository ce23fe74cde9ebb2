namespace Imago.Golden.Sets;

/// <summary>The set <c>vae</c>.</summary>
internal sealed partial class VaeSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "vae";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
