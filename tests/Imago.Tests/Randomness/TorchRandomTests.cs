using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests.Randomness;

public class TorchRandomTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(42)]
    [InlineData((1L << 32) + 5)]
    public void Uniform_Permutation_Integers_EqualLibtorch(long seed)
    {
        using var scope = NewDisposeScope();
        var (managed, native) = (new TorchRandom((ulong)seed), new Generator((ulong)seed));
        var (single, wide) = (new float[700], new double[33]);
        managed.Uniform(single);
        Assert.Equal(rand(700, generator: native).data<float>().ToArray(), single);
        managed.Uniform(wide);
        Assert.Equal(rand(33, dtype: float64, generator: native).data<double>().ToArray(), wide);
        Assert.Equal(randperm(1000, dtype: int64, generator: native).data<long>().ToArray(), managed.Permutation(1000));
        foreach (var (low, high) in new[] { (-5L, 5L), (0L, 1L << 28), (long.MinValue, long.MaxValue) })
            Assert.Equal(randint(low, high, [50], dtype: int64, generator: native).data<long>().ToArray(), Enumerable.Range(0, 50).Select(_ => managed.InRange(low, high)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(37)]
    [InlineData(4096)]
    public void Normal_EqualsLibtorch_CallAfterCall(int count)
    {
        using var scope = NewDisposeScope();
        var (managed, native) = (new TorchRandom(7), new Generator(7));
        for (int call = 0; call < 3; call++)
        {
            var (single, wide) = (new float[count], new double[count]);
            managed.Normal(single);
            Assert.True(tensor(single).allclose(randn(count, generator: native), rtol: 2e-6, atol: 2e-6));
            managed.Normal(wide);
            Assert.True(tensor(wide).allclose(randn(count, dtype: float64, generator: native), rtol: 1e-12, atol: 1e-12));
        }
    }

    [Fact]
    public void State_IsLibtorchs_InBothDirections()
    {
        using var scope = NewDisposeScope();
        var (managed, native) = (new TorchRandom(3), new Generator(3));
        managed.Permutation(1000);
        native.set_state(tensor(managed.GetState()));
        Assert.Equal(rand(5, generator: native).data<float>().ToArray(), Draw(managed));
        Assert.Equal(rand(5, generator: native).data<float>().ToArray(), Draw(managed));
        Assert.Equal(Draw(managed), Draw(new TorchRandom(native.get_state().data<byte>().ToArray())));

        static float[] Draw(TorchRandom random)
        {
            var values = new float[5];
            random.Uniform(values);
            return values;
        }
    }

    [Fact]
    public void State_OfAnythingElse_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new TorchRandom(new byte[10]));
        var state = new TorchRandom(1).GetState();
        state[8] = 255;
        state[9] = 255;
        Assert.Throws<ArgumentException>(() => new TorchRandom(state));
    }
}
