using Imago.Layers;
using Imago.Weights;
using TorchSharp;

namespace Imago.Models.Inception;

/// <summary>Inception-v3 out of the files that people have.</summary>
public static class InceptionFiles
{
    /// <summary>
    /// Loads the network of a file by its layout: <c>pt_inception-2015-12-05-6726825d.pth</c> of pytorch-fid (torch-fidelity's file has the same bytes), with 1008 classes,
    /// or torchvision's <c>inception_v3_google</c>, with 1000.
    /// </summary>
    /// <param name="path">A file of any format that Imago reads.</param>
    /// <returns>In evaluation mode; the caller owns it.</returns>
    /// <exception cref="CheckpointException">It holds no Inception-v3; the message lists what does not fit.</exception>
    public static InceptionV3 Load(string path)
    {
        using var file = TensorFile.Open(path);
        var classes = file.Tensors.FirstOrDefault(tensor => tensor.Name == "fc.bias") is { Shape: [var count] } ? count : throw new CheckpointException($"{path} holds no Inception-v3: there is no fc.bias [classes].");
        var config = classes == InceptionV3Config.Fid.Classes
            ? InceptionV3Config.Fid
            : new InceptionV3Config((int)Math.Min(classes, 1 << 20), IsFid: false, HasAuxiliary: file.Contains("AuxLogits.fc.bias"));
        var network = Empty(config);
        try
        {
            ModuleWeights.Load(network, file, WeightKeys.Except(key => key.EndsWith(".num_batches_tracked", StringComparison.Ordinal)));
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>A network whose weights are not drawn.</summary>
    internal static InceptionV3 Empty(InceptionV3Config config)
    {
        using var here = Initialization.On(torch.CPU, draw: false);
        return new InceptionV3(config);
    }
}
