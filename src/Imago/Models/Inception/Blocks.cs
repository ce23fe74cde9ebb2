using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Inception;

/// <summary>The pooling branch of a mixed block, 3×3 at every position.</summary>
internal enum BranchPool
{
    /// <summary>Means of the cells that lie in the map.</summary>
    Average,

    /// <summary>Means with zeros beyond the border.</summary>
    AverageWithBorder,

    /// <summary>Maxima.</summary>
    Max,
}

internal static class BranchPools
{
    internal static Tensor Of(this BranchPool pool, Tensor x) => pool == BranchPool.Max
        ? nn.functional.max_pool2d(x, 3, stride: 1, padding: 1)
        : nn.functional.avg_pool2d(x, 3, stride: 1, padding: 1, count_include_pad: pool == BranchPool.AverageWithBorder);
}

/// <summary>35×35: 1×1, 5×5, twice 3×3, and a pool.</summary>
internal sealed class MixedA : nn.Module<Tensor, Tensor>
{
    private readonly BranchPool _pool;
    private readonly ConvNormRelu branch1x1;
    private readonly ConvNormRelu branch5x5_1;
    private readonly ConvNormRelu branch5x5_2;
    private readonly ConvNormRelu branch3x3dbl_1;
    private readonly ConvNormRelu branch3x3dbl_2;
    private readonly ConvNormRelu branch3x3dbl_3;
    private readonly ConvNormRelu branch_pool;

    internal MixedA(long channels, long pooled, BranchPool pool)
        : base(nameof(MixedA))
    {
        _pool = pool;
        branch1x1 = new ConvNormRelu(channels, 64, 1);
        branch5x5_1 = new ConvNormRelu(channels, 48, 1);
        branch5x5_2 = new ConvNormRelu(48, 64, 5, padding: 2);
        branch3x3dbl_1 = new ConvNormRelu(channels, 64, 1);
        branch3x3dbl_2 = new ConvNormRelu(64, 96, 3, padding: 1);
        branch3x3dbl_3 = new ConvNormRelu(96, 96, 3, padding: 1);
        branch_pool = new ConvNormRelu(channels, pooled, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => cat(
    [
        branch1x1.call(x),
        branch5x5_2.call(branch5x5_1.call(x)),
        branch3x3dbl_3.call(branch3x3dbl_2.call(branch3x3dbl_1.call(x))),
        branch_pool.call(_pool.Of(x)),
    ], 1));
}

/// <summary>35×35 → 17×17.</summary>
internal sealed class MixedB : nn.Module<Tensor, Tensor>
{
    private readonly ConvNormRelu branch3x3;
    private readonly ConvNormRelu branch3x3dbl_1;
    private readonly ConvNormRelu branch3x3dbl_2;
    private readonly ConvNormRelu branch3x3dbl_3;

    internal MixedB(long channels)
        : base(nameof(MixedB))
    {
        branch3x3 = new ConvNormRelu(channels, 384, 3, stride: 2);
        branch3x3dbl_1 = new ConvNormRelu(channels, 64, 1);
        branch3x3dbl_2 = new ConvNormRelu(64, 96, 3, padding: 1);
        branch3x3dbl_3 = new ConvNormRelu(96, 96, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => cat(
    [
        branch3x3.call(x),
        branch3x3dbl_3.call(branch3x3dbl_2.call(branch3x3dbl_1.call(x))),
        nn.functional.max_pool2d(x, 3, stride: 2),
    ], 1));
}

/// <summary>17×17: 1×1, 7×7 as a row and a column, that twice, and a pool.</summary>
internal sealed class MixedC : nn.Module<Tensor, Tensor>
{
    private readonly BranchPool _pool;
    private readonly ConvNormRelu branch1x1;
    private readonly ConvNormRelu branch7x7_1;
    private readonly ConvNormRelu branch7x7_2;
    private readonly ConvNormRelu branch7x7_3;
    private readonly ConvNormRelu branch7x7dbl_1;
    private readonly ConvNormRelu branch7x7dbl_2;
    private readonly ConvNormRelu branch7x7dbl_3;
    private readonly ConvNormRelu branch7x7dbl_4;
    private readonly ConvNormRelu branch7x7dbl_5;
    private readonly ConvNormRelu branch_pool;

    internal MixedC(long channels, long inner, BranchPool pool)
        : base(nameof(MixedC))
    {
        ConvNormRelu Row(long from, long to) => new(from, to, (1, 7), (0, 3));
        ConvNormRelu Column(long from, long to) => new(from, to, (7, 1), (3, 0));
        _pool = pool;
        branch1x1 = new ConvNormRelu(channels, 192, 1);
        branch7x7_1 = new ConvNormRelu(channels, inner, 1);
        branch7x7_2 = Row(inner, inner);
        branch7x7_3 = Column(inner, 192);
        branch7x7dbl_1 = new ConvNormRelu(channels, inner, 1);
        branch7x7dbl_2 = Column(inner, inner);
        branch7x7dbl_3 = Row(inner, inner);
        branch7x7dbl_4 = Column(inner, inner);
        branch7x7dbl_5 = Row(inner, 192);
        branch_pool = new ConvNormRelu(channels, 192, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => cat(
    [
        branch1x1.call(x),
        branch7x7_3.call(branch7x7_2.call(branch7x7_1.call(x))),
        branch7x7dbl_5.call(branch7x7dbl_4.call(branch7x7dbl_3.call(branch7x7dbl_2.call(branch7x7dbl_1.call(x))))),
        branch_pool.call(_pool.Of(x)),
    ], 1));
}

/// <summary>17×17 → 8×8.</summary>
internal sealed class MixedD : nn.Module<Tensor, Tensor>
{
    private readonly ConvNormRelu branch3x3_1;
    private readonly ConvNormRelu branch3x3_2;
    private readonly ConvNormRelu branch7x7x3_1;
    private readonly ConvNormRelu branch7x7x3_2;
    private readonly ConvNormRelu branch7x7x3_3;
    private readonly ConvNormRelu branch7x7x3_4;

    internal MixedD(long channels)
        : base(nameof(MixedD))
    {
        branch3x3_1 = new ConvNormRelu(channels, 192, 1);
        branch3x3_2 = new ConvNormRelu(192, 320, 3, stride: 2);
        branch7x7x3_1 = new ConvNormRelu(channels, 192, 1);
        branch7x7x3_2 = new ConvNormRelu(192, 192, (1, 7), (0, 3));
        branch7x7x3_3 = new ConvNormRelu(192, 192, (7, 1), (3, 0));
        branch7x7x3_4 = new ConvNormRelu(192, 192, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => cat(
    [
        branch3x3_2.call(branch3x3_1.call(x)),
        branch7x7x3_4.call(branch7x7x3_3.call(branch7x7x3_2.call(branch7x7x3_1.call(x)))),
        nn.functional.max_pool2d(x, 3, stride: 2),
    ], 1));
}

/// <summary>8×8: 1×1, 3×3 as a row beside a column, that after another 3×3, and a pool.</summary>
internal sealed class MixedE : nn.Module<Tensor, Tensor>
{
    private readonly BranchPool _pool;
    private readonly ConvNormRelu branch1x1;
    private readonly ConvNormRelu branch3x3_1;
    private readonly ConvNormRelu branch3x3_2a;
    private readonly ConvNormRelu branch3x3_2b;
    private readonly ConvNormRelu branch3x3dbl_1;
    private readonly ConvNormRelu branch3x3dbl_2;
    private readonly ConvNormRelu branch3x3dbl_3a;
    private readonly ConvNormRelu branch3x3dbl_3b;
    private readonly ConvNormRelu branch_pool;

    internal MixedE(long channels, BranchPool pool)
        : base(nameof(MixedE))
    {
        ConvNormRelu Row(long from) => new(from, 384, (1, 3), (0, 1));
        ConvNormRelu Column(long from) => new(from, 384, (3, 1), (1, 0));
        _pool = pool;
        branch1x1 = new ConvNormRelu(channels, 320, 1);
        branch3x3_1 = new ConvNormRelu(channels, 384, 1);
        branch3x3_2a = Row(384);
        branch3x3_2b = Column(384);
        branch3x3dbl_1 = new ConvNormRelu(channels, 448, 1);
        branch3x3dbl_2 = new ConvNormRelu(448, 384, 3, padding: 1);
        branch3x3dbl_3a = Row(384);
        branch3x3dbl_3b = Column(384);
        branch_pool = new ConvNormRelu(channels, 192, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var single = branch3x3_1.call(x);
        var twice = branch3x3dbl_2.call(branch3x3dbl_1.call(x));
        return cat(
        [
            branch1x1.call(x),
            branch3x3_2a.call(single), branch3x3_2b.call(single),
            branch3x3dbl_3a.call(twice), branch3x3dbl_3b.call(twice),
            branch_pool.call(_pool.Of(x)),
        ], 1);
    });
}

/// <summary>The second classifier of torchvision's network, on the map of 17×17.</summary>
internal sealed class AuxiliaryHead : nn.Module<Tensor, Tensor>
{
    private readonly ConvNormRelu conv0;
    private readonly ConvNormRelu conv1;
    private readonly Layers.Linear fc;

    internal AuxiliaryHead(long channels, long classes)
        : base(nameof(AuxiliaryHead))
    {
        conv0 = new ConvNormRelu(channels, 128, 1);
        conv1 = new ConvNormRelu(128, 768, 5);
        fc = new Layers.Linear(768, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
        fc.call(conv1.call(conv0.call(nn.functional.avg_pool2d(x, 5, stride: 3))).mean([2, 3])));
}
