using Imago.Golden;

namespace Imago.Tests;

/// <summary>Every reference case: those of the folder found at run time, and the small selection that lies in the repository.</summary>
public class GoldenTests
{
    private static string Selection => Path.Combine(GoldenFolder.Repository()!, "tests", "golden");

    private static readonly Lazy<Dictionary<(string Folder, string Name), GoldenCase>> All = new(() => (
        from folder in new[] { Selection, GoldenFolder.Find() }
        where Directory.Exists(folder)
        from golden in GoldenFolder.Cases(folder, [])
        select KeyValuePair.Create((folder, golden.ToString()), golden)).ToDictionary());

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var (folder, name) in All.Value.Keys) cases.Add(folder, name);
        if (!cases.Any()) cases.Add("", "no folder of reference numbers: set IMAGO_GOLDEN");
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_EqualsReference(string folder, string name)
    {
        Assert.SkipWhen(folder.Length == 0, name);
        var outcome = GoldenFolder.Run(All.Value[(folder, name)]);
        Assert.SkipWhen(outcome.Status == GoldenStatus.Skipped, outcome.Reason ?? "");
        Assert.True(outcome.Status == GoldenStatus.Passed, outcome.Reason);
    }
}
