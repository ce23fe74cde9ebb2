using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

public class OptimizerTests
{
    public static TheoryData<OptimizerConfig> All =>
    [
        new AdamWConfig { LearningRate = 0.1, WeightDecay = 0.3 },
        new AdamConfig { LearningRate = 0.1, Beta1 = 0.5, Beta2 = 0.9, WeightDecay = 0.2 },
        new SgdConfig { LearningRate = 0.1, WeightDecay = 0.1 },
        new SgdConfig { LearningRate = 0.1, Momentum = 0.9, Dampening = 0.25 },
        new SgdConfig { LearningRate = 0.1, Momentum = 0.8, Nesterov = true, WeightDecay = 0.05 },
    ];

    [Theory]
    [MemberData(nameof(All))]
    public void Step_EqualsTheFormula(OptimizerConfig config)
    {
        using var scope = NewDisposeScope();
        var (parameter, gradients) = (Leaf(3, 4), Enumerable.Range(1, 5).Select(seed => Noise(seed, 3, 4)).ToArray());
        var expected = Naive(config, parameter, gradients);
        using var optimizer = config.Create([new([("w", parameter)])]);
        foreach (var gradient in gradients) Step(optimizer, parameter, gradient);
        Assert.True((parameter - expected).abs().max().item<double>() < 1e-12);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void State_CarriedOver_ContinuesBitForBit(OptimizerConfig config)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Leaf(5), Leaf(5));
        using var whole = config.Create([new([("w", a)])]);
        using var first = config.Create([new([("w", b)])]);
        using var second = config.Create([new([("w", b)])]);
        for (int s = 0; s < 6; s++)
        {
            Step(whole, a, Noise(s, 5));
            if (s == 3) second.LoadState(name => first.State.Single(entry => entry.Name == name).Value);
            Step(s < 3 ? first : second, b, Noise(s, 5));
        }
        Assert.True(a.Equals(b));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Step_WithoutGradient_LeavesTheParameter(OptimizerConfig config)
    {
        using var scope = NewDisposeScope();
        var (with, without) = (Leaf(4), Leaf(4));
        using var optimizer = config.Create([new([("with", with), ("without", without)])]);
        Step(optimizer, with, Noise(1, 4));
        Assert.True(without.Equals(Leaf(4)));
        Assert.False(with.Equals(without));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Step_OfTransposedUse_MatchesGradientToItsElement(OptimizerConfig config)
    {
        using var scope = NewDisposeScope();
        var (parameter, copy, input) = (Leaf(3, 5), Leaf(3, 5), Noise(9, 2, 3));
        using var optimizer = config.Create([new([("w", parameter)])]);
        using var reference = config.Create([new([("w", copy)])]);
        parameter.t().matmul(input.t()).square().sum().backward();
        Step(reference, copy, parameter.grad!.clone());
        optimizer.Step(config.LearningRate);
        Assert.True((parameter - copy).abs().max().item<double>() < 1e-14);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Steps_LeaveNoTensorBehind(OptimizerConfig config)
    {
        using var scope = NewDisposeScope();
        var (parameter, gradient) = (Leaf(4), Noise(1, 4));
        using var optimizer = config.Create([new([("w", parameter)])]);
        Step(optimizer, parameter, gradient);
        var before = Tensor.TotalCount;
        for (int s = 0; s < 5; s++)
        {
            Step(optimizer, parameter, gradient);
            Gradients.Clip(optimizer, 0.1);
        }
        optimizer.ZeroGrad();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void DecayMatricesOnly_LeavesVectorsToTheGradientAlone()
    {
        using var scope = NewDisposeScope();
        var module = nn.Linear(3, 2);
        var bias = module.bias!.clone();
        using var optimizer = new AdamWConfig { WeightDecay = 0.5 }.Create(ParameterGroup.DecayMatricesOnly(module));
        foreach (var parameter in module.parameters()) parameter.grad = zeros_like(parameter);
        var weight = module.weight!.clone();
        optimizer.Step(0.1);
        Assert.True(bias.Equals(module.bias!));
        Assert.True(module.weight!.allclose(weight * (1 - 0.1 * 0.5)));
    }

    [Fact]
    public void LoadState_OfAnotherShape_IsRefusedByName()
    {
        using var scope = NewDisposeScope();
        using var optimizer = new AdamWConfig().Create([new([("w", Leaf(4))])]);
        Assert.Contains("m/w", Assert.Throws<CheckpointException>(() => optimizer.LoadState(_ => zeros(1))).Message);
    }

    [Fact]
    public void Clip_AboveTheLimit_ScalesToIt_BelowIt_LeavesAsItIs()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Leaf(2), Leaf(1));
        using var optimizer = new SgdConfig().Create([new([("a", a)]), new([("b", b)])]);
        (a.grad, b.grad) = (tensor(new double[] { 3, 0 }), tensor(new double[] { 4 }));
        Assert.Equal(5, Gradients.Clip(optimizer, 10), 12);
        Assert.Equal(4, b.grad!.item<double>());
        Assert.Equal(5, Gradients.Clip(optimizer, 1), 12);
        Assert.Equal(1, Gradients.Norm(optimizer), 6);
    }

    [Fact]
    public void Ema_IsTheWeightedSumOfAllWeights_AndCopiesBuffers()
    {
        using var scope = NewDisposeScope();
        var module = nn.BatchNorm1d(1);
        using var ema = new Ema(module, 0.75);
        foreach (var value in (double[])[2, 5])
        {
            using (no_grad()) module.weight!.fill_(value);
            module.running_mean!.fill_(value);
            ema.Update();
        }
        double Shadow(string key) => ema.State.Single(entry => entry.Name == key).Value.to(float64).item<double>();
        Assert.Equal(0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 5, Shadow("weight"), 6);
        Assert.Equal(5, Shadow("running_mean"));
        ema.Swap();
        Assert.Equal(0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 5, module.weight!.to(float64).item<double>(), 6);
        Assert.Equal(5, Shadow("weight"));
    }

    [Fact]
    public void EmaRamp_StartsAtTheWeights_AndGrowsToTheDecay()
    {
        using var module = nn.Linear(1, 1);
        using var ema = new Ema(module, 0.9, EmaWarmup.Ramp);
        Assert.Equal([0, 2.0 / 11, 3.0 / 12, 0.9], new[] { 0, 1, 2, 1000 }.Select(n => ema.DecayAt(n)));
    }

    [Fact]
    public void Schedules_WarmUpFromZero_AndEndAtTheFinalFactor()
    {
        foreach (var shape in Enum.GetValues<ScheduleShape>())
        {
            var schedule = new LearningRateSchedule { Shape = shape, WarmupSteps = 4, FinalFactor = 0.1 };
            Assert.Equal([0, 0.25, 0.5, 0.75, 1], Enumerable.Range(0, 5).Select(s => schedule.Factor(s, 24)));
            Assert.Equal(shape == ScheduleShape.Constant ? 1 : 0.55, schedule.Factor(14, 24), 12);
            Assert.Equal(shape == ScheduleShape.Constant ? 1 : 0.1, schedule.Factor(24, 24), 12);
        }
    }

    private static Tensor Leaf(params long[] shape)
    {
        using var noGrad = no_grad();
        return Noise(77, shape).requires_grad_();
    }

    private static Tensor Noise(int seed, params long[] shape) => randn(shape, dtype: float64, generator: new Generator((ulong)seed));

    private static void Step(Optimizer optimizer, Tensor parameter, Tensor gradient)
    {
        optimizer.ZeroGrad();
        using (var copy = gradient.clone()) parameter.grad = copy;
        optimizer.Step(0.1);
    }

    /// <summary>One line per equation, element by element where the original has one.</summary>
    private static Tensor Naive(OptimizerConfig config, Tensor start, Tensor[] gradients)
    {
        using var noGrad = no_grad();
        var (w, m, v, lr) = (start.clone(), zeros_like(start), zeros_like(start), config.LearningRate);
        for (int t = 1; t <= gradients.Length; t++)
        {
            var g = gradients[t - 1];
            switch (config)
            {
                case AdamFamilyConfig adam:
                    if (adam is AdamWConfig decoupled) w = w * (1 - lr * decoupled.WeightDecay);
                    if (adam is AdamConfig coupled) g = g + coupled.WeightDecay * w;
                    m = adam.Beta1 * m + (1 - adam.Beta1) * g;
                    v = adam.Beta2 * v + (1 - adam.Beta2) * g.square();
                    w = w - lr * m / (1 - Math.Pow(adam.Beta1, t)) / ((v / (1 - Math.Pow(adam.Beta2, t))).sqrt() + adam.Epsilon);
                    break;
                case SgdConfig sgd:
                    g = g + sgd.WeightDecay * w;
                    m = t == 1 ? g : sgd.Momentum * m + (1 - sgd.Dampening) * g;
                    w = w - lr * (sgd.Momentum == 0 ? g : sgd.Nesterov ? g + sgd.Momentum * m : m);
                    break;
            }
        }
        return w;
    }
}
