using System.Text.Json;
using Imago.Weights;
using TorchSharp;

namespace Imago.Golden;

/// <summary>One case of a <c>manifest.json</c>: its entry, and the folder that its paths are relative to.</summary>
/// <param name="Set">The set's name: <c>vae</c>, <c>random</c>, …</param>
/// <param name="Name">The case's name in the manifest.</param>
/// <param name="Entry">The manifest's entry, whole.</param>
/// <param name="Folder">The folder that holds the manifest.</param>
public sealed record GoldenCase(string Set, string Name, JsonElement Entry, string Folder)
{
    /// <summary>The absolute path of a file that the case names.</summary>
    public string PathOf(string relative) => Path.Combine(Folder, relative);

    /// <summary>Opens one of the case's tensor files.</summary>
    public TensorFile Open(string relative) => Safetensors.Open(PathOf(relative));

    /// <summary>Follows a reference such as <c>objectives/objectives.json#cases/kl-pair/scalars</c>.</summary>
    public JsonElement Json(string reference)
    {
        var parts = reference.Split('#', 2);
        var element = PythonJson.Read(PathOf(parts[0]));
        foreach (var key in parts.Length == 1 ? [] : parts[1].Split('/', StringSplitOptions.RemoveEmptyEntries)) element = element.GetProperty(key);
        return element;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Set}/{Name}";
}

/// <summary>How a case ended.</summary>
public enum GoldenStatus
{
    /// <summary>Every comparison was within its tolerance, and there was at least one.</summary>
    Passed,

    /// <summary>A comparison was off, or something threw.</summary>
    Failed,

    /// <summary>Imago does not do this yet; the reason says what.</summary>
    Skipped,
}

/// <summary>The outcome of one case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Reason">Why it failed or was skipped.</param>
/// <param name="WorstError">The largest error among its comparisons, in the measure of the set.</param>
public sealed record GoldenOutcome(GoldenCase Case, GoldenStatus Status, string? Reason, double WorstError);

/// <summary>Thrown by a set for a case that Imago does not implement.</summary>
public sealed class NotImplementedHereException(string what) : Exception(what);

/// <summary>One folder of reference numbers: how its cases are run. A set knows kinds of cases, never a case by heart.</summary>
public abstract class GoldenSet
{
    /// <summary>The folder's name.</summary>
    public abstract string Name { get; }

    /// <summary>Computes the case with Imago and compares with the stored numbers through <paramref name="check"/>.</summary>
    /// <exception cref="NotImplementedHereException">The case is skipped, for the reason given.</exception>
    protected abstract void Run(GoldenCase golden, Checks check);

    /// <summary>Runs one case; nothing escapes but cancellation.</summary>
    public GoldenOutcome Run(GoldenCase golden)
    {
        var check = new Checks();
        try
        {
            using var scope = torch.NewDisposeScope();
            Run(golden, check);
            return check.Count == 0 && check.Failures.Count == 0
                ? new GoldenOutcome(golden, GoldenStatus.Failed, "nothing was compared", 0)
                : new GoldenOutcome(golden, check.Failures.Count == 0 ? GoldenStatus.Passed : GoldenStatus.Failed, Summary(check.Failures), check.WorstError);
        }
        catch (NotImplementedHereException e)
        {
            return new GoldenOutcome(golden, GoldenStatus.Skipped, e.Message, 0);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new GoldenOutcome(golden, GoldenStatus.Failed, $"{e.GetType().Name}: {e.Message.Split('\n')[0]}", double.PositiveInfinity);
        }
    }

    private static string? Summary(IReadOnlyList<string> failures) => failures.Count switch
    {
        0 => null,
        <= 3 => string.Join("; ", failures),
        _ => $"{string.Join("; ", failures.Take(3))}; and {failures.Count - 3} more",
    };
}
