namespace Imago.Golden.Sets;

/// <summary>
/// The set <c>schedulers</c>: schedules, samplers, guidance, objectives. One kind of case a method; each group of kinds has its own file, and a kind without one is
/// skipped by name.
/// </summary>
internal sealed partial class SchedulersSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "schedulers";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        var kind = golden.Entry.GetProperty("kind").GetString()!;
        var known = false;
        switch (kind)
        {
            case "diffusers":
                CheckSchedule(golden, check);
                RunTrajectory(golden, check, ref known);
                break;
            case "hub-schedule": RunHubSchedule(golden, check); return;
            case "betas": RunBetas(golden, check); return;
            case "closed": RunClosed(golden, check); return;
            case "kdiffusion-schedule": RunKDiffusionSchedule(golden, check); return;
            case "kdiffusion-discrete": RunKDiffusionDiscrete(golden, check); return;
            case "edm" when Fragments(golden).Length > 0: RunEdmTables(golden, check); return;
            case "harness": RunHarness(golden, check, ref known); break;
            case "kdiffusion": RunKDiffusion(golden, check, ref known); break;
            case "kdiffusion-likelihood": RunLikelihood(golden, check, ref known); break;
            case "mixture": RunMixture(golden, check, ref known); break;
            case "edm": RunEdmAlgorithm(golden, check, ref known); break;
            case "guidance": RunGuidance(golden, check, ref known); break;
            case "training": RunTraining(golden, check, ref known); break;
        }
        if (!known && check.Failures.Count == 0) throw new NotImplementedHereException($"Imago has nothing yet that the kind {kind} could test");
    }

    /// <summary>The parts of its JSON file that a case names after <c>#</c>, comma-separated.</summary>
    private static string[] Fragments(GoldenCase golden) =>
        golden.Entry.GetProperty("config").GetString()!.Split('#', 2) is [_, var names] ? names.Split(',') : [];

    // Each is written in the file of its group, and sets known.
    partial void RunTrajectory(GoldenCase golden, Checks check, ref bool known);
    partial void RunHarness(GoldenCase golden, Checks check, ref bool known);
    partial void RunKDiffusion(GoldenCase golden, Checks check, ref bool known);
    partial void RunLikelihood(GoldenCase golden, Checks check, ref bool known);
    partial void RunMixture(GoldenCase golden, Checks check, ref bool known);
    partial void RunEdmAlgorithm(GoldenCase golden, Checks check, ref bool known);
    partial void RunGuidance(GoldenCase golden, Checks check, ref bool known);
    partial void RunTraining(GoldenCase golden, Checks check, ref bool known);
}
