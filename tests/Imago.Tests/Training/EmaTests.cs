using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class EmaTests
{
    public static TheoryData<EmaWarmup> Warmups => [.. Enum.GetValues<EmaWarmup>()];

    [Theory, MemberData(nameof(Warmups))]
    public void DecayAt_NeverFalls_AndStaysBelowOne(EmaWarmup warmup)
    {
        var options = new EmaOptions { Warmup = warmup, RampUpRatio = 0.05 };
        options.Validate();
        double[] decays = [.. Enumerable.Range(0, 2000).Select(n => options.DecayAt(n))];
        Assert.True(decays.Zip(decays.Skip(1)).All(pair => pair.Second >= pair.First));
        Assert.InRange(decays[^1], 0.5, 1 - 1e-9);
    }

    [Theory, MemberData(nameof(Warmups))]
    public void Update_BeforeItsStart_CopiesTheWeights(EmaWarmup warmup)
    {
        using var module = nn.Linear(2, 2);
        using var ema = new Ema(module, new EmaOptions { Warmup = warmup, StartAfterSteps = 3 });
        using (no_grad()) module.weight!.fill_(5);
        ema.Update();
        Assert.Equal(5, ema.State.Single(entry => entry.Name == "weight").Value.mean().item<float>());
    }

    [Fact]
    public void HalfLife_AfterThatManySteps_HalvesWhatWasThere()
    {
        var options = new EmaOptions { Warmup = EmaWarmup.HalfLife, HalfLifeSteps = 70 };
        Assert.Equal(0.5, Enumerable.Range(0, 70).Aggregate(1.0, (left, n) => left * options.DecayAt(n)), 1e-12);
    }

    [Fact]
    public void Validate_OfAWidthBeyondAPlainMean_NamesTheKey() =>
        Assert.Equal("relative_width", Assert.Throws<ArgumentOutOfRangeException>(() => new EmaOptions { RelativeWidth = 0.3 }.Validate()).ParamName);

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.1)]
    [InlineData(0.2)]
    public void Exponent_OfAWidth_HasThatWidth(double width) => Assert.Equal(width, PostHocEma.RelativeWidth(PostHocEma.Exponent(width)), 1e-12);

    [Fact]
    public void Exponent_OfTheLargestWidth_IsZero_APlainMean() => Assert.Equal(0, PostHocEma.Exponent(PostHocEma.LargestWidth), 1e-5);

    [Theory]
    [InlineData(100, 6, 100, 6)]
    [InlineData(60, 6, 100, 16)]
    [InlineData(100, 16, 30, 2)]
    public void Product_OfTwoProfiles_IsTheirIntegral(double t1, double gamma1, double t2, double gamma2)
    {
        const int cells = 200_000;
        double Profile(double t, double end, double gamma) => t < end ? (gamma + 1) * Math.Pow(t, gamma) / Math.Pow(end, gamma + 1) : 0;
        var longest = Math.Max(t1, t2);
        var integral = Enumerable.Range(0, cells).Sum(i => Profile((i + 0.5) / cells * longest, t1, gamma1) * Profile((i + 0.5) / cells * longest, t2, gamma2)) * longest / cells;
        Assert.Equal(1, PostHocEma.Product(new(t1, gamma1), new(t2, gamma2)) / integral, 1e-4);
    }

    /// <summary>Two averages of a wandering parameter are stored now and then; a third width is rebuilt from them and compared with an average that was computed.</summary>
    [Theory]
    [InlineData(0.07)]
    [InlineData(0.15)]
    [InlineData(0.18)]
    public void Combine_OfStoredAverages_IsTheAverageComputedDirectly(double width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        const int steps = 2000, every = 125, size = 50;
        double[] storedWidths = [0.05, 0.1];
        var weights = zeros(size, float64);
        Ema Average(double of) => new([("w", weights)], [], new EmaOptions { Warmup = EmaWarmup.PowerProfile, RelativeWidth = of });
        var averages = storedWidths.Select(Average).ToList();
        using var direct = Average(width);
        var (profiles, stored) = (new List<EmaProfile>(), new List<Tensor>());
        for (int step = 1; step <= steps; step++)
        {
            weights.add_(randn(size, dtype: float64, generator: generator));
            direct.Update();
            foreach (var (average, of) in averages.Zip(storedWidths))
            {
                average.Update();
                if (step % every != 0) continue;
                profiles.Add(new(step, PostHocEma.Exponent(of)));
                stored.Add(average.State[0].Value.clone());
            }
        }
        averages.ForEach(average => average.Dispose());
        var coefficients = PostHocEma.Coefficients(profiles, new(steps, PostHocEma.Exponent(width)));
        Assert.Equal(1, coefficients.Sum(), 1e-2);
        var wanted = direct.State[0].Value;
        var error = (PostHocEma.Combine(stored, coefficients) - wanted).norm().item<double>() / (weights - wanted).norm().item<double>();
        Assert.True(error < 0.03, $"relative error {error}");
    }
}
