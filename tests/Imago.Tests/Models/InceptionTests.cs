using Imago.Models.Inception;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class InceptionTests
{
    private const int Small = 75;                                       // the smallest side that leaves a map after every halving

    /// <summary>Convolution, batch normalisation and ReLU one after the other.</summary>
    [Fact]
    public void Unit_IsConvolutionThenNormalisationThenRelu()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var unit = new ConvNormRelu(4, 8, (1, 3), (0, 1));
        var weights = unit.state_dict();
        foreach (var (key, value) in weights) value.copy_(key.EndsWith("var", StringComparison.Ordinal) ? rand(value.shape) + 0.5 : randn(value.shape));
        var x = randn([2, 4, 5, 6], generator: new Generator(1));
        var y = nn.functional.batch_norm(nn.functional.conv2d(x.to(float64), weights["conv.weight"].to(float64), padding: [0, 1]),
            weights["bn.running_mean"].to(float64), weights["bn.running_var"].to(float64), weights["bn.weight"].to(float64), weights["bn.bias"].to(float64), training: false, eps: 0.001);
        Assert.True(unit.call(x).to(float64).allclose(y.relu(), 1e-5, 1e-5));
    }

    [Fact]
    public void Pools_OfABranch_DifferAtTheBorderAlone()
    {
        using var scope = NewDisposeScope();
        var ones = torch.ones(1, 4, 5, 5);
        Assert.True(BranchPool.Average.Of(ones).allclose(ones));
        var bordered = BranchPool.AverageWithBorder.Of(ones);
        Assert.Equal((4 / 9f, 1f), (bordered[0, 0, 0, 0].item<float>(), bordered[0, 0, 2, 2].item<float>()), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-6 && Math.Abs(a.Item2 - b.Item2) < 1e-6);
        Assert.Equal(3, BranchPool.Max.Of(arange(9, float32).view(1, 1, 3, 3) - 5)[0, 0, 2, 2].item<float>());
    }

    [Fact]
    public void Network_HasThePublishedTensors_AndItsFileIsReadByItsLayout()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var folder = new TemporaryFolder();
        using var fid = new InceptionV3(InceptionV3Config.Fid);
        Assert.Equal(472, fid.state_dict().Count);
        Assert.Equal(23_885_392, fid.state_dict().Values.Sum(tensor => tensor.numel()));
        var tracked = fid.state_dict().Append(KeyValuePair.Create("Mixed_7c.branch_pool.bn.num_batches_tracked", tensor(3L)));
        Safetensors.Write(folder.File("fid.safetensors"), tracked);
        using var loaded = InceptionFiles.Load(folder.File("fid.safetensors"));
        Assert.True(loaded.Config.IsFid && !loaded.training);
        var x = 0.5 * randn([2, 3, Small, Small], generator: new Generator(1));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var (first, second) = (fid.call(x), loaded.call(x));
        Assert.Equal(before + 10, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.True(first.Pool3.allclose(second.Pool3));
        Assert.Equal(([2, 64], [2, 2048], 7, null), (first.Stem64.shape, first.Pool3.shape, first.Mixed6.shape[1], first.Auxiliary), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2) && a.Item3 == b.Item3);
        Assert.True((fid.Logits(first.Pool3) - fid.Logits(first.Pool3, bias: false)).allclose(fid.state_dict()["fc.bias"].expand(2, 1008), 1e-4, 1e-4));
    }

    [Fact]
    public void AFileOfSomethingElse_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        Safetensors.Write(folder.File("x.safetensors"), [KeyValuePair.Create("weight", zeros(3))]);
        Assert.Contains("fc.bias", Assert.Throws<CheckpointException>(() => InceptionFiles.Load(folder.File("x.safetensors"))).Message, StringComparison.Ordinal);
        Safetensors.Write(folder.File("y.safetensors"), [KeyValuePair.Create("fc.bias", zeros(1008))]);
        Assert.Contains("missing", Assert.Throws<CheckpointException>(() => InceptionFiles.Load(folder.File("y.safetensors"))).Message, StringComparison.Ordinal);
    }
}
