namespace Imago.Golden.Sets;

/// <summary>
/// The set <c>schedulers</c>: schedules, samplers, guidance, objectives. One kind of case a method; each group of kinds has its own file.
/// </summary>
internal sealed partial class SchedulersSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "schedulers";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Entry.GetProperty("kind").GetString())
        {
            case "diffusers":
                CheckSchedule(golden, check);
                RunTrajectory(golden, check);
                break;
            case "hub-schedule": RunHubSchedule(golden, check); break;
            case "betas": RunBetas(golden, check); break;
            case "closed": RunClosed(golden, check); break;
            case "harness": RunHarness(golden, check); break;
            case "kdiffusion": RunKDiffusion(golden, check); break;
            case "kdiffusion-schedule": RunKDiffusionSchedule(golden, check); break;
            case "kdiffusion-discrete": RunKDiffusionDiscrete(golden, check); break;
            case "kdiffusion-likelihood": RunLikelihood(golden, check); break;
            case "mixture": RunMixture(golden, check); break;
            case "edm" when Fragments(golden).Length > 0: RunEdmTables(golden, check); break;
            case "edm": RunEdmAlgorithm(golden, check); break;
            case "guidance": RunGuidance(golden, check); break;
            case "training": RunTraining(golden, check); break;
            case var other: throw new NotImplementedHereException($"Imago has nothing yet that the kind {other} could test");
        }
    }

    /// <summary>The parts of its JSON file that a case names after <c>#</c>, comma-separated.</summary>
    private static string[] Fragments(GoldenCase golden) =>
        golden.Entry.GetProperty("config").GetString()!.Split('#', 2) is [_, var names] ? names.Split(',') : [];
}
