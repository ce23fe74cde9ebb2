namespace Imago.Golden.Sets;

/// <summary>The set <c>random</c>: the generators behind seeds. A case's name begins with the generator and the kind of use.</summary>
internal sealed partial class RandomSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "random";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Name.Split('/')[0])
        {
            case "torch_cpu_basic": RunBasic(golden, check); break;
            case "torch_cpu_sequence": RunSequence(golden, check); break;
            case "torch_cpu_samplers": RunSamplers(golden, check); break;
            case "numpy_seed_sequence": RunSeedSequence(golden, check); break;
            case "brownian_tree": RunBrownianTree(golden, check); break;
            case "torch_cpu_derived": RunDerived(golden, check); break;
            case "philox_cuda": RunPhilox(golden, check); break;
            case "numpy_legacy": RunNumpyLegacy(golden, check); break;
            case "numpy_pcg64": RunNumpyGenerator(golden, check); break;
            case "numpy_uses": RunNumpyUses(golden, check); break;
            case "python_random": RunPython(golden, check); break;
            case var other: throw new NotImplementedHereException($"Imago has no generator yet that {other} could test");
        }
    }
}
