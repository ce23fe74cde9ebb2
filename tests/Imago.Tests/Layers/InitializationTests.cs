using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class InitializationTests
{
    public static TheoryData<string, Func<nn.Module<Tensor, Tensor>>, Func<nn.Module<Tensor, Tensor>>> Layers => new()
    {
        { "Linear", () => new Linear(7, 5), () => nn.Linear(7, 5) },
        { "Linear without bias", () => new Linear(7, 5, bias: false), () => nn.Linear(7, 5, hasBias: false) },
        { "Conv2d", () => new Conv2d(3, 8, 3, stride: 2, padding: 1), () => nn.Conv2d(3, 8, 3, stride: 2, padding: 1) },
        { "Conv2d of 1×7", () => new Conv2d(4, 6, (1, 7), (1, 1), (0, 3)), () => nn.Conv2d(4, 6, (1, 7), (1, 1), (0, 3)) },
        { "ConvTranspose2d", () => new ConvTranspose2d(6, 4, 4, stride: 2, padding: 1), () => nn.ConvTranspose2d(6, 4, 4, stride: 2, padding: 1) },
    };

    [Theory, MemberData(nameof(Layers))]
    public void Layer_AfterManualSeed_HasLibtorchsNamesShapesAndBits(
        string name, Func<nn.Module<Tensor, Tensor>> own, Func<nn.Module<Tensor, Tensor>> theirs)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var actual = own();
        var next = rand(1);
        manual_seed(3);
        var expected = theirs();
        Assert.Equal(rand(1).item<float>(), next.item<float>());
        Assert.Equal(expected.state_dict().Keys.Order(), actual.state_dict().Keys.Order());
        foreach (var (key, value) in expected.state_dict())
        {
            Assert.True(value.Equals(actual.state_dict()[key]), $"{name}: {key}");
        }
    }

    [Fact]
    public void Linear_AtSeedZero_HasPyTorchsPublishedValues()
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        var layer = new Linear(2, 2);
        Assert.Equal([-0.0053f, 0.3793f, -0.5820f, -0.5204f], layer.weight.data<float>().Select(value => MathF.Round(value, 4)));
        Assert.Equal([-0.2723f, 0.1896f], layer.bias!.data<float>().Select(value => MathF.Round(value, 4)));
    }

    [Fact]
    public void Layer_OnTheMetaDevice_DrawsNothing()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var expected = rand(1).item<float>();
        manual_seed(3);
        var layer = new Conv2d(320, 640, 3, device: torch.device("meta"));
        Assert.Equal(expected, rand(1).item<float>());
        Assert.Equal([640, 320, 3, 3], layer.weight.shape);
    }

    [Fact]
    public void Layer_MovedToFloat64_KeepsWorkingWithItsNewParameters()
    {
        using var scope = NewDisposeScope();
        var layer = new Conv2d(3, 4, 3);
        var expected = layer.forward(ones(1, 3, 5, 5));
        layer.to(float64);
        Assert.Equal(ScalarType.Float64, layer.weight.dtype);
        Assert.True(layer.forward(ones(1, 3, 5, 5)).allclose(expected, 1e-5, 1e-6));
    }

    [Fact]
    public void Layer_InAnotherType_ComputesInItAndKeepsFloat32Gradients()
    {
        using var scope = NewDisposeScope();
        foreach (var layer in (nn.Module<Tensor, Tensor>[])[new Conv2d(3, 8, 3), new ConvTranspose2d(3, 8, 4), new Linear(5, 8)])
        {
            var y = layer.forward(ones(1, 3, 5, 5, dtype: bfloat16));
            Assert.Equal(ScalarType.BFloat16, y.dtype);
            y.sum().backward();
            Assert.All(layer.parameters(), parameter => Assert.Equal(ScalarType.Float32, parameter.grad!.dtype));
        }
    }

    [Fact]
    public void Layer_ForwardAndBackward_LeaveNothingBehind()
    {
        using var layer = new Conv2d(3, 5, 3);
        using var x = ones(1, 3, 5, 5);
        using (var first = layer.forward(x).sum()) first.backward();
        var before = Tensor.TotalCount;
        layer.forward(x).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Conv2d_WrongInput_NamesBothShapes()
    {
        using var layer = new Conv2d(3, 5, 3);
        using var grey = ones(1, 1, 5, 5);
        Assert.Contains("[1, 1, 5, 5]; expected [batch, 3, height, width]", Assert.Throws<ArgumentException>(() => layer.forward(grey)).Message, StringComparison.Ordinal);
        using var small = ones(1, 3, 2, 2);
        Assert.Contains("smaller than the kernel of 3×3", Assert.Throws<ArgumentException>(() => layer.forward(small)).Message, StringComparison.Ordinal);
    }
}
