namespace Imago.Golden.Sets;

/// <summary>The set <c>pipelines</c>: complete tiny models, end to end.</summary>
internal sealed partial class PipelinesSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "pipelines";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        if (!golden.Entry.TryGetProperty("pipeline", out _)) RunSingleFile(golden, check);
        else throw new NotImplementedHereException("runs of whole pipelines");
    }
}
