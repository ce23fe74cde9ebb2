using Imago.Golden;
using Imago.Weights;
using TorchSharp;

namespace Imago.Tests;

/// <summary>Real files of other people.</summary>
public class PublishedWeightsTests
{
    private static string Find(string name)
    {
        var path = Path.GetFullPath(Path.Combine(GoldenFolder.Repository() ?? ".", "..", "shared", "weights", name));
        Assert.SkipUnless(File.Exists(path), $"{path} is not there");
        return path;
    }

    [Theory]
    [InlineData("taef2_encoder.pth", "zip", "F16", "0.weight", "encoder of the TAESD family")]
    [InlineData("taef2_decoder.pth", "zip", "F16", "1.weight", "decoder of the TAESD family")]
    [InlineData("taesana_encoder.pth", "zip", "F16", "0.weight", "encoder of the TAESD family")]
    [InlineData("disentangling-vae/VAE_mnist.pt", "legacy", "F32", "encoder.conv1.weight", "disentangling VAE (convolutional, Burgess et al. 2018)")]
    [InlineData("disentangling-vae/VAE_celeba.pt", "legacy", "F32", "encoder.conv_64.weight", "disentangling VAE (convolutional, Burgess et al. 2018)")]
    [InlineData("disentangling-vae/betaH_dsprites.pt", "legacy", "F32", "decoder.convT3.weight", "disentangling VAE (convolutional, Burgess et al. 2018)")]
    [InlineData("disentangling-vae/btcvae_celeba.pt", "legacy", "F32", "encoder.mu_logvar_gen.weight", "disentangling VAE (convolutional, Burgess et al. 2018)")]
    public void Checkpoint_OfOthers_OpensAndEveryTensorIsFinite(string name, string container, string type, string key, string model)
    {
        using var scope = torch.NewDisposeScope();
        var path = Find(name);
        Assert.Equal(model, FileInspection.Of(path).Model);
        using var file = TorchCheckpoint.Open(path);
        Assert.Equal(container, file.Container);
        Assert.Contains(key, file.Tensors.Select(tensor => tensor.Name));
        Assert.All(file.Tensors, tensor =>
        {
            Assert.Equal(type, tensor.DataType);
            var read = file.Read(tensor.Name);
            Assert.Equal(tensor.Shape, read.shape);
            Assert.True(read.to(torch.float32).isfinite().all().item<bool>());
        });
        Assert.InRange(file.Tensors.Sum(tensor => tensor.ByteCount), 0.9 * new FileInfo(path).Length, new FileInfo(path).Length);
    }

    [Fact]
    public void DisentanglingVae_OfMnist_HasTheShapesOfItsPaper()
    {
        using var file = TensorFile.Open(Find("disentangling-vae/VAE_mnist.pt"));
        var shapes = file.Tensors.ToDictionary(tensor => tensor.Name, tensor => string.Join('×', tensor.Shape));
        Assert.Equal("32×1×4×4", shapes["encoder.conv1.weight"]);
        Assert.Equal("256×512", shapes["encoder.lin1.weight"]);
        Assert.Equal("20×256", shapes["encoder.mu_logvar_gen.weight"]);
        Assert.Equal("32×1×4×4", shapes["decoder.convT3.weight"]);
    }
}
