namespace Imago.Golden.Sets;

/// <summary>The set <c>vae</c>: autoencoders, their objectives, training runs and the tools around latents. Each group has its own file.</summary>
internal sealed partial class VaeSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "vae";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Entry.GetProperty("group").GetString())
        {
            case "objectives": RunObjectives(golden, check); break;
            case "pythae": RunPythae(golden, check); break;
            case "networks": RunNetworks(golden, check); break;
            case "probability": RunProbability(golden, check); break;
            case "training": RunTraining(golden, check); break;
            case "latents": RunLatents(golden, check); break;
            case var other: throw new NotImplementedHereException($"Imago has nothing yet that the group {other} could test");
        }
    }
}
