using Imago.Golden;

namespace Imago.Tests;

/// <summary>Every reference case: those of the folder found at run time, and the small selection that lies in the repository.</summary>
public class GoldenTests
{
    private static string Selection => Path.Combine(GoldenFolder.Repository()!, "tests", "golden");

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var folder in new[] { Selection, GoldenFolder.Find() })
        {
            if (folder is null || !Directory.Exists(folder)) continue;
            foreach (var golden in GoldenFolder.Cases(folder, [])) cases.Add(folder, golden.ToString());
        }
        if (!cases.Any()) cases.Add("", "no folder of reference numbers: set IMAGO_GOLDEN");
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_EqualsReference(string folder, string name)
    {
        Assert.SkipWhen(folder.Length == 0, name);
        var outcome = GoldenFolder.Run(GoldenFolder.Cases(folder, []).First(golden => golden.ToString() == name));
        Assert.SkipWhen(outcome.Status == GoldenStatus.Skipped, outcome.Reason ?? "");
        Assert.True(outcome.Status == GoldenStatus.Passed, outcome.Reason);
    }
}
