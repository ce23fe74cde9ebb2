using Imago.Weights;

namespace Imago.Generation;

/// <summary>Going on from the weights of another model.</summary>
internal static class FineTuning
{
    /// <summary>Copies the weights of a model of the same networks.</summary>
    /// <param name="model">Takes the weights.</param>
    /// <param name="source">Has them.</param>
    /// <exception cref="CheckpointException">Its networks are others; the message lists the keys that differ.</exception>
    internal static void TakeWeights(DiffusionModel model, DiffusionModel source)
    {
        ModuleWeights.Load(model.Network, source.Network.state_dict());
        if (source.Encoder is Conditioner conditioner) ModuleWeights.Load(model.Conditioner, conditioner.state_dict());
    }
}
