using Imago.Randomness;

namespace Imago.Tests.Randomness;

public class GeneratorTests
{
    /// <summary>The published known answers of the Mersenne Twister: the ten-thousandth word from the seed 5489, and the first from the key of the authors' test.</summary>
    [Fact]
    public void MersenneTwister_GivesThePublishedWords()
    {
        var twister = new MersenneTwister(5489);
        var word = 0u;
        for (int i = 0; i < 10_000; i++) word = twister.NextUInt32();
        Assert.Equal(4123659995u, word);                                                 // C++ standard, [rand.predef]
        Assert.Equal(1067595299u, new MersenneTwister([0x123, 0x234, 0x345, 0x456]).NextUInt32());      // mt19937ar.out
    }

    [Fact]
    public void MersenneTwister_IsTheEngineOfTorch()
    {
        var (twister, torch) = (new MersenneTwister(42), new TorchRandom(42));
        for (int i = 0; i < 2000; i++) Assert.Equal(torch.NextUInt32(), twister.NextUInt32());
    }

    /// <summary>Random123's known answers.</summary>
    [Fact]
    public void Philox_GivesThePublishedBlocks()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), PhiloxRandom.Block((0, 0, 0, 0), (0, 0)));
        const uint ones = uint.MaxValue;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), PhiloxRandom.Block((ones, ones, ones, ones), (ones, ones)));
    }

    [Fact]
    public void Philox_ElementsOfALongerTensor_BeginWithThoseOfAShorterOne()
    {
        var (longer, shorter) = (new float[100], new float[10]);
        new PhiloxRandom(7).Normal(longer);
        new PhiloxRandom(7).Normal(shorter);
        Assert.Equal(longer[..10], shorter);
    }

    [Fact]
    public void Philox_Normal_HasMeanZeroAndVarianceOne()
    {
        var values = new float[40_000];
        new PhiloxRandom(3).Normal(values);
        Assert.InRange(values.Average(), -5 / 200.0, 5 / 200.0);
        Assert.InRange(values.Average(value => (double)value * value), 1 - 5 * Math.Sqrt(2 / 40_000.0), 1 + 5 * Math.Sqrt(2 / 40_000.0));
    }

    [Fact]
    public void Numpy_ChoiceWithoutReplacement_IsTheStartOfAPermutation() =>
        Assert.Equal(new NumpyRandom(5).Permutation(100)[..7], new NumpyRandom(5).Choice(100, 7, replace: false));

    [Fact]
    public void Numpy_ChoiceByProbability_FollowsThem()
    {
        var drawn = new NumpyRandom(1).Choice([1, 0, 3], 40_000);
        Assert.DoesNotContain(1, drawn);
        Assert.InRange(drawn.Count(index => index == 2) / 40_000.0, 0.75 - 5 * Math.Sqrt(0.75 * 0.25 / 40_000), 0.75 + 5 * Math.Sqrt(0.75 * 0.25 / 40_000));
    }

    [Fact]
    public void Numpy_MoreThanThereAre_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new NumpyRandom(0).Choice(3, 4, replace: false));

    [Theory]
    [InlineData(20, 7)]
    [InlineData(100_000, 30)]
    public void Python_Sample_DrawsDifferentNumbersInRange(int n, int count)
    {
        var sample = new PythonRandom(9).Sample(n, count);
        Assert.Equal(count, sample.Distinct().Count());
        Assert.All(sample, value => Assert.InRange(value, 0, n - 1));
    }
}
