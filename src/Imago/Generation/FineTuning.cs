using Imago.Weights;

namespace Imago.Generation;

/// <summary>Going on from the weights of another model.</summary>
internal static class FineTuning
{
    /// <summary>Copies the weights of a model of the same networks.</summary>
    /// <param name="model">Takes the weights.</param>
    /// <param name="path">A run, or the folder of a model.</param>
    /// <exception cref="CheckpointException">There is no model, or its networks are others; the message lists the keys that differ.</exception>
    internal static void TakeWeights(DiffusionModel model, string path)
    {
        using var source = DiffusionFiles.Load(path);
        ModuleWeights.Load(model.Network, source.Network.state_dict());
        ModuleWeights.Load(model.Conditioner, source.Conditioner.state_dict());
    }
}
