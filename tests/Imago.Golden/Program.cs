using System.Globalization;
using Imago;
using Imago.Golden;

if (args.Length == 0 || !Directory.Exists(args[0]))
{
    Console.Error.WriteLine("usage: tests/golden.sh DIR [SET…]    DIR: a folder whose sub-folders hold a manifest.json each");
    return 2;
}
TorchRuntime.Start(new TorchOptions { Threads = 1 });
int passed = 0, failed = 0, skipped = 0;
foreach (var set in GoldenFolder.Cases(args[0], args[1..]).GroupBy(golden => golden.Set))
{
    var outcomes = set.Select(GoldenFolder.Run).ToList();
    int Count(GoldenStatus status) => outcomes.Count(outcome => outcome.Status == status);
    var worst = outcomes.MaxBy(outcome => outcome.WorstError)!;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{set.Key}: {Count(GoldenStatus.Passed)} passed, {Count(GoldenStatus.Failed)} failed, {Count(GoldenStatus.Skipped)} skipped, worst error {worst.WorstError:g3} in {worst.Case.Name}"));
    foreach (var outcome in outcomes.Where(outcome => outcome.Status != GoldenStatus.Passed))
        Console.WriteLine($"  {outcome.Status.ToString().ToLowerInvariant()} {outcome.Case.Name}: {outcome.Reason}");
    (passed, failed, skipped) = (passed + Count(GoldenStatus.Passed), failed + Count(GoldenStatus.Failed), skipped + Count(GoldenStatus.Skipped));
}
Console.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
return failed > 0 ? 1 : 0;
