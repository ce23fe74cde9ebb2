namespace Imago.Golden.Sets;

/// <summary>The set <c>models</c>.</summary>
internal sealed partial class ModelsSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "models";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check) => throw new NotImplementedHereException("not implemented yet");
}
