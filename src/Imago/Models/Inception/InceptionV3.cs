using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Inception;

/// <summary>Which of the two networks called Inception-v3.</summary>
/// <param name="Classes">Outputs of the classifier.</param>
/// <param name="IsFid">
/// Whether it is the TensorFlow network of 2015 that FID is defined by. Its average pools leave out what lies beyond the border, and its last block has a maximum for a
/// pool; torchvision's have neither.
/// </param>
/// <param name="HasAuxiliary">Whether there is torchvision's second classifier.</param>
public sealed record InceptionV3Config(int Classes, bool IsFid, bool HasAuxiliary)
{
    /// <summary>The network of FID, Inception Score and KID.</summary>
    public static InceptionV3Config Fid { get; } = new(1008, IsFid: true, HasAuxiliary: false);

    /// <summary>torchvision's <c>inception_v3</c>.</summary>
    public static InceptionV3Config Torchvision { get; } = new(1000, IsFid: false, HasAuxiliary: true);
}

/// <summary>What Inception-v3 sees in a batch of pictures. Whoever holds it owns the tensors.</summary>
/// <param name="Stem64">Means over the map after the first pool, [B, 64].</param>
/// <param name="Stem192">Means over the map after the second pool, [B, 192].</param>
/// <param name="Mixed768">Means over the map of <c>Mixed_6e</c>, [B, 768].</param>
/// <param name="Pool3">Means over the last map: the features of FID, [B, 2048].</param>
/// <param name="Mixed6">The first channels of the map <c>mixed_6/conv</c> of the TensorFlow graph, which is <c>Mixed_6d.branch1x1</c>: what sFID is made of, [B, 7, 17, 17].</param>
/// <param name="Auxiliary">Logits of the second classifier, [B, classes], where there is one.</param>
public sealed record InceptionFeatures(Tensor Stem64, Tensor Stem192, Tensor Mixed768, Tensor Pool3, Tensor Mixed6, Tensor? Auxiliary);

/// <summary>Inception-v3 (Szegedy et al. 2016) for evaluation alone; fields are the keys of <c>pt_inception-2015-12-05</c> and of torchvision's file.</summary>
public sealed class InceptionV3 : nn.Module<Tensor, InceptionFeatures>
{
    private const int SpatialChannels = 7;
    private readonly ConvNormRelu Conv2d_1a_3x3;
    private readonly ConvNormRelu Conv2d_2a_3x3;
    private readonly ConvNormRelu Conv2d_2b_3x3;
    private readonly MaxPool2d MaxPool_1;
    private readonly ConvNormRelu Conv2d_3b_1x1;
    private readonly ConvNormRelu Conv2d_4a_3x3;
    private readonly MaxPool2d MaxPool_2;
    private readonly MixedA Mixed_5b;
    private readonly MixedA Mixed_5c;
    private readonly MixedA Mixed_5d;
    private readonly MixedB Mixed_6a;
    private readonly MixedC Mixed_6b;
    private readonly MixedC Mixed_6c;
    private readonly MixedC Mixed_6d;
    private readonly MixedC Mixed_6e;
    private readonly AuxiliaryHead? AuxLogits;
    private readonly MixedD Mixed_7a;
    private readonly MixedE Mixed_7b;
    private readonly MixedE Mixed_7c;
    private readonly Layers.Linear fc;

    /// <summary>The network without weights that mean anything; a file fills them.</summary>
    /// <param name="config">Which of the two.</param>
    public InceptionV3(InceptionV3Config config)
        : base(nameof(InceptionV3))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        var pool = config.IsFid ? BranchPool.Average : BranchPool.AverageWithBorder;
        Conv2d_1a_3x3 = new ConvNormRelu(3, 32, 3, stride: 2);
        Conv2d_2a_3x3 = new ConvNormRelu(32, 32, 3);
        Conv2d_2b_3x3 = new ConvNormRelu(32, 64, 3, padding: 1);
        MaxPool_1 = nn.MaxPool2d(3, stride: 2);
        Conv2d_3b_1x1 = new ConvNormRelu(64, 80, 1);
        Conv2d_4a_3x3 = new ConvNormRelu(80, 192, 3);
        MaxPool_2 = nn.MaxPool2d(3, stride: 2);
        Mixed_5b = new MixedA(192, 32, pool);
        Mixed_5c = new MixedA(256, 64, pool);
        Mixed_5d = new MixedA(288, 64, pool);
        Mixed_6a = new MixedB(288);
        Mixed_6b = new MixedC(768, 128, pool);
        Mixed_6c = new MixedC(768, 160, pool);
        Mixed_6d = new MixedC(768, 160, pool);
        Mixed_6e = new MixedC(768, 192, pool);
        AuxLogits = config.HasAuxiliary ? new AuxiliaryHead(768, config.Classes) : null;
        Mixed_7a = new MixedD(768);
        Mixed_7b = new MixedE(1280, pool);
        Mixed_7c = new MixedE(2048, config.IsFid ? BranchPool.Max : pool);
        fc = new Layers.Linear(2048, config.Classes);
        RegisterComponents();
        eval();
    }

    /// <summary>Which of the two networks.</summary>
    public InceptionV3Config Config { get; }

    /// <summary>Side of the pictures that the network is made for.</summary>
    public const int Side = 299;

    /// <summary>Looks at pictures.</summary>
    /// <param name="x">[B, 3, 299, 299], about −1 to 1 (<see cref="Metrics.InceptionPictures"/>); its type is that of the computation.</param>
    /// <returns>Everything that metrics use, in the type of the input.</returns>
    public override InceptionFeatures forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var stem64 = MaxPool_1.call(Conv2d_2b_3x3.call(Conv2d_2a_3x3.call(Conv2d_1a_3x3.call(x))));
        var stem192 = MaxPool_2.call(Conv2d_4a_3x3.call(Conv2d_3b_1x1.call(stem64)));
        var mixed5 = Mixed_5d.call(Mixed_5c.call(Mixed_5b.call(stem192)));
        var mixed6 = Mixed_6d.call(Mixed_6c.call(Mixed_6b.call(Mixed_6a.call(mixed5))));
        var mixed6e = Mixed_6e.call(mixed6);
        var last = Mixed_7c.call(Mixed_7b.call(Mixed_7a.call(mixed6e)));
        Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();
        Tensor Mean(Tensor map) => Kept(map.mean([2, 3]));
        return new InceptionFeatures(Mean(stem64), Mean(stem192), Mean(mixed6e), Mean(last), Kept(mixed6.narrow(1, 0, SpatialChannels).contiguous()), AuxLogits is null ? null : Kept(AuxLogits.call(mixed6e)));
    }

    /// <summary>The classes as the network sees them.</summary>
    /// <param name="pool3">[B, 2048].</param>
    /// <param name="bias">Whether the classifier's bias is added; the published Inception Scores leave it out.</param>
    /// <returns>[B, classes].</returns>
    public Tensor Logits(Tensor pool3, bool bias = true)
    {
        ArgumentNullException.ThrowIfNull(pool3);
        return WrappedTensorDisposeScope(() => bias ? fc.call(pool3) : nn.functional.linear(pool3, fc.weight.to(pool3.dtype)));
    }
}
