using Imago.Training;
using Imago.Weights;

namespace Imago.Flows;

/// <summary>Normalising flows from the folders of their runs.</summary>
public static class FlowFiles
{
    internal const string Kind = "flow";

    /// <summary>Whether a path is the folder of a run of a normalising flow.</summary>
    public static bool IsRun(string path) => RunFolder.KindOf(path) == Kind;

    /// <summary>Loads the flow of a run with the weights that were best on held-out pictures.</summary>
    /// <param name="path">The run's folder.</param>
    /// <returns>The flow in evaluation mode, on the CPU. The caller owns it.</returns>
    /// <exception cref="ImagoException">There is no such run, or it is damaged.</exception>
    public static NormalizingFlow Load(string path)
    {
        var run = RunFolder.Open(path);
        var config = run.ReadConfig<FlowRunConfig>();
        config.Validate();
        var flow = config.Network.Create();
        try
        {
            ModuleWeights.Load(flow, run.Weights);
            flow.eval();
            return flow;
        }
        catch
        {
            flow.Dispose();
            throw;
        }
    }
}
