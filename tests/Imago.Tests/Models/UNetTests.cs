using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class UNetTests
{
    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Forward_OfFreshNetwork_GivesZero(string name)
    {
        using var scope = NewDisposeScope();
        using var network = SmallUNets.Configs[name].Create();
        var (x, time, condition) = SmallUNets.Batch(network);
        var y = network.forward(x, time, condition);
        Assert.Equal(x.shape, y.shape);
        Assert.Equal(0, y.abs().max().item<float>());
    }

    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Forward_OfOneImage_DoesNotDependOnTheOthersInTheBatch(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = SmallUNets.Trained(name);
        network.eval();
        var (x, time, condition) = SmallUNets.Batch(network, count: 3);
        var together = network.forward(x, time, condition);
        for (int i = 0; i < 3; i++)
        {
            Tensor? One(Tensor? batch) => batch?[i].unsqueeze(0);
            var alone = network.forward(One(x)!, One(time)!, new Conditioning { Classes = One(condition.Classes), Tokens = One(condition.Tokens), Pooled = One(condition.Pooled), Sizes = One(condition.Sizes) });
            Assert.True(alone.allclose(One(together)!, rtol: 1e-4, atol: 1e-5));
        }
    }

    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Forward_InBfloat16_IsThatOfFloat32ToItsPrecision(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = SmallUNets.Trained(name);
        network.eval();
        var (x, time, condition) = SmallUNets.Batch(network);
        var (y, half) = (network.forward(x, time, condition), network.forward(x.to(bfloat16), time, condition));
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        Assert.InRange((half.to(float32) - y).norm().item<float>() / y.norm().item<float>(), 0, 0.05);
    }

    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Forward_OfAnySize_KeepsIt(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = SmallUNets.Trained(name);
        var (x, time, condition) = SmallUNets.Batch(network);
        if (network.Config is UNet2DConfig { UpsampleType: "resnet" }) return;      // its samplers double: sides are multiples
        Assert.Equal([2, x.shape[1], 7, 11], network.forward(x[.., .., 1.., 1..], time, condition).shape);
    }

    [Theory]
    [MemberData(nameof(SmallUNets.Names), MemberType = typeof(SmallUNets))]
    public void Forward_InALoop_LeavesNoTensors(string name)
    {
        using var network = SmallUNets.Trained(name);
        using var scope = NewDisposeScope();
        var (x, time, condition) = SmallUNets.Batch(network);
        network.forward(x, time, condition).Dispose();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++) network.forward(x, time, condition).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Forward_WithMaskedTokens_DoesNotSeeThem()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = SmallUNets.Trained("tokens");
        var (x, time, condition) = SmallUNets.Batch(network);
        var mask = tensor(new float[] { 1, 1, 1, 0, 0 }).expand(2, 5);
        var others = cat([condition.Tokens![.., ..3], 9 * ones(2, 2, 12)], 1);
        var (y, same) = (network.forward(x, time, condition with { TokenMask = mask }), network.forward(x, time, condition with { Tokens = others, TokenMask = mask }));
        Assert.True(same.equal(y).all().item<bool>());
        Assert.False(network.forward(x, time, condition).allclose(y));
    }

    [Fact]
    public void Forward_WithResidualsOfZero_IsTheSame()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = SmallUNets.Trained("tokens");
        var (x, time, condition) = SmallUNets.Batch(network);
        Tensor[] skips = [zeros(2, 8, 8, 12), zeros(2, 8, 8, 12), zeros(2, 8, 4, 6), zeros(2, 16, 4, 6)];
        var with = condition with { SkipResiduals = skips, MiddleResidual = zeros(2, 16, 4, 6), AdapterFeatures = [zeros(2, 8, 8, 12), zeros(2, 16, 4, 6)], FreeU = new(1, 1, 1, 1) };
        Assert.True(network.forward(x, time, with).allclose(network.forward(x, time, condition), rtol: 1e-4, atol: 1e-5));
        Assert.Contains("3 residuals were given for the U-Net's 4 skips", Assert.Throws<ArgumentException>(() => network.forward(x, time, with with { SkipResiduals = skips[..3] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_WithoutItsCondition_SaysWhichIsMissing()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, missing) in new[] { ("classes, resnet samplers, dropout", "Conditioning.Classes"), ("tokens", "Conditioning.Tokens"), ("tokens, pooled text and sizes", "Conditioning.Pooled") })
        {
            using var network = SmallUNets.Trained(name);
            var (x, time, condition) = SmallUNets.Batch(network);
            var without = new Conditioning { Tokens = name == "tokens" ? null : condition.Tokens };
            Assert.Contains(missing, Assert.Throws<ArgumentException>(() => network.forward(x, time, without)).Message, StringComparison.Ordinal);
        }
        using var plain = SmallUNets.Trained("plain");
        var batch = SmallUNets.Batch(plain);
        Assert.Throws<ArgumentException>(() => plain.forward(batch.X, batch.Time, new Conditioning { Classes = zeros(2, int64) }));
    }
}
