namespace Imago.Golden.Sets;

/// <summary>The set <c>random</c>.</summary>
internal sealed partial class RandomSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "random";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
