namespace Imago.Golden.Sets;

/// <summary>The set <c>formats</c>.</summary>
internal sealed partial class FormatsSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "formats";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
