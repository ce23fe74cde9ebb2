using Imago.Generation.Lora;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public partial class LoraStackTests
{
    private static readonly string[] Layers = [SmallLoras.Query, SmallLoras.Convolution, "conv_in", "mid_block.attentions.0.proj_in", "time_embedding.linear_1"];

    private static Tensor Output(DenoisingNetwork network)
    {
        using var noGrad = no_grad();
        var (x, time, condition) = SmallUNets.Batch(network);
        return network.forward(x, time, condition);
    }

    [Fact]
    public void FusedWeight_IsTheWeightPlusTheProduct()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var before = SmallLoras.Copy(network);
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var (up, down) = SmallLoras.Pair(SmallLoras.Weight(network, SmallLoras.Convolution));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", SmallLoras.Peft($"unet.{SmallLoras.Convolution}", (up, down))), new LoraStrength(0.5));
        stack.Fuse();
        var expected = before[$"{SmallLoras.Convolution}.weight"] + 0.5 * einsum("or,rikl->oikl", up.flatten(1), down);
        Assert.True(SmallLoras.Weight(network, SmallLoras.Convolution).allclose(expected, rtol: 1e-6, atol: 1e-6));
    }

    [Fact]
    public void Remove_AfterFusingSeveralFilesManyTimes_RestoresEveryBit()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var before = SmallLoras.Copy(network);
        using var stack = new LoraStack(SmallLoras.Parts(network));
        for (var seed = 1; seed <= 3; seed++) stack.Add(SmallLoras.Write(folder, $"{seed}.safetensors", network, "unet", Layers, seed), new LoraStrength(0.3 * seed));
        foreach (var strength in (double[])[1, -0.7, 3])
        {
            stack.Fuse();
            stack.SetStrength(1, new LoraStrength(strength));
        }
        Assert.False(SmallLoras.Weight(network, SmallLoras.Query).Equals(before[$"{SmallLoras.Query}.weight"]));
        stack.Remove();
        SmallLoras.AssertSame(before, network);
    }

    [Fact]
    public void AttachedAndFused_GiveTheSameOutput_AndAttachingLeavesTheWeights()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var (before, plain) = (SmallLoras.Copy(network), Output(network));
        using var stack = new LoraStack(SmallLoras.Parts(network));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers), new LoraStrength(0.8));
        stack.Attach();
        SmallLoras.AssertSame(before, network);
        var attached = Output(network);
        stack.Fuse();
        Assert.True(Output(network).allclose(attached, rtol: 1e-4, atol: 1e-5));
        Assert.False(attached.allclose(plain, rtol: 1e-2, atol: 1e-2));
        stack.Remove();
        Assert.True(Output(network).Equals(plain));
    }

    [Fact]
    public void FuseForGood_LeavesTheFusedWeights_AndAnEmptyStack()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var stack = new LoraStack(SmallLoras.Parts(network));
        var path = SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers);
        stack.Add(path, new LoraStrength(0.8));
        stack.Fuse();
        var fused = SmallLoras.Copy(network);
        stack.FuseForGood();
        stack.Remove();
        SmallLoras.AssertSame(fused, network);
        Assert.Empty(stack.Strengths);
        Assert.Equal(LoraUse.None, stack.Use);
    }

    [Fact]
    public void StrengthZero_IsNoChangeAtAll()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var before = SmallLoras.Copy(network);
        using var stack = new LoraStack(SmallLoras.Parts(network));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers), new LoraStrength(0));
        stack.Fuse();
        SmallLoras.AssertSame(before, network);
    }

    [Fact]
    public void SeveralFiles_Add_InAnyOrder()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        string[] files = [SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers, 1), SmallLoras.Write(folder, "b.safetensors", network, "unet", Layers, 100)];
        Tensor Fused(params int[] order)
        {
            using var stack = new LoraStack(SmallLoras.Parts(network));
            foreach (var i in order) stack.Add(files[i], new LoraStrength(i == 0 ? 0.8 : 0.3));
            stack.Fuse();
            var copy = SmallLoras.Weight(network, SmallLoras.Query).clone();
            stack.Remove();
            return copy;
        }
        var own = SmallLoras.Weight(network, SmallLoras.Query).clone();
        Assert.True(Fused(0, 1).allclose(Fused(1, 0), rtol: 1e-6, atol: 1e-6));
        Assert.True(Fused(0, 1).allclose(Fused(0) + Fused(1) - own, rtol: 1e-5, atol: 1e-5));
    }

    [Fact]
    public void Strengths_ActOnTheirPartAlone()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        using var text = SmallLoras.Text();
        var (ofNetwork, ofText) = (SmallLoras.Copy(network), SmallLoras.Copy(text));
        var (query, word) = (SmallLoras.Pair(SmallLoras.Weight(network, SmallLoras.Query)), SmallLoras.Pair(SmallLoras.Weight(text, SmallLoras.TextQuery)));
        using var stack = new LoraStack(SmallLoras.Parts(network, text));
        stack.Add(SmallLoras.Write(folder, "a.safetensors", [.. SmallLoras.Peft($"unet.{SmallLoras.Query}", query), .. SmallLoras.Peft($"text_encoder.{SmallLoras.TextQuery}", word)]), new LoraStrength(0, 0.25));
        stack.Fuse();
        SmallLoras.AssertSame(ofNetwork, network);
        Assert.True(SmallLoras.Weight(text, SmallLoras.TextQuery).allclose(ofText[$"{SmallLoras.TextQuery}.weight"] + 0.25 * word.Up.mm(word.Down), rtol: 1e-6, atol: 1e-6));
    }

    [Theory]
    [InlineData("a.safetensors", "a.safetensors", 1, 1)]
    [InlineData("a.safetensors=0.8", "a.safetensors", 0.8, 0.8)]
    [InlineData("a=b.safetensors=-0.8,0.25", "a=b.safetensors", -0.8, 0.25)]
    [InlineData("a=b.safetensors", "a=b.safetensors", 1, 1)]
    [InlineData("a=1,2,3", "a=1,2,3", 1, 1)]
    [InlineData("a=NaN", "a=NaN", 1, 1)]
    public void Strength_IsReadBehindTheFile(string text, string path, double denoiser, double encoders) =>
        Assert.Equal((path, new LoraStrength(denoiser, encoders)), LoraStrength.Parse(text));

    [Fact]
    public void HalfPrecisionFile_EqualsItsNumbersInFloat32()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var (up, down) = SmallLoras.Pair(SmallLoras.Weight(network, SmallLoras.Query));
        Tensor Fused(string name, ScalarType type, Func<Tensor, Tensor> rounded)
        {
            using var stack = new LoraStack(SmallLoras.Parts(network));
            stack.Add(SmallLoras.Write(folder, name, SmallLoras.Peft($"unet.{SmallLoras.Query}", (rounded(up).to(type), rounded(down).to(type)))), new LoraStrength(1));
            stack.Fuse();
            var copy = SmallLoras.Weight(network, SmallLoras.Query).clone();
            stack.Remove();
            return copy;
        }
        foreach (var half in (ScalarType[])[ScalarType.Float16, ScalarType.BFloat16])
            Assert.True(Fused($"{half}.safetensors", half, x => x).Equals(Fused($"wide {half}.safetensors", ScalarType.Float32, x => x.to(half).to(float32))));
    }

    [Fact]
    public void WeightsHeldInBfloat16_AreFusedInFloat32_KeepTheirLayout_AndComeBackBitForBit()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        var path = SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers);
        Imago.Layers.InferenceWeights.Hold(network, ScalarType.BFloat16);
        var (before, strides) = (SmallLoras.Copy(network), SmallLoras.Weight(network, SmallLoras.Convolution).stride());
        using var stack = new LoraStack(SmallLoras.Parts(network));
        stack.Add(path, new LoraStrength(0.8));
        stack.Fuse();
        var (up, down) = SmallLoras.Pair(SmallLoras.Weight(network, SmallLoras.Convolution), seed: 11);
        var expected = (before[$"{SmallLoras.Convolution}.weight"].to(float32) + 0.8 * einsum("or,rikl->oikl", up.flatten(1), down)).to(bfloat16);
        Assert.True(SmallLoras.Weight(network, SmallLoras.Convolution).to(float32).allclose(expected.to(float32), rtol: 1.0 / 128));
        Assert.Equal(strides, SmallLoras.Weight(network, SmallLoras.Convolution).stride());
        stack.Remove();
        SmallLoras.AssertSame(before, network);
    }

    [Fact]
    public void FuseAndRemove_InALoop_LeaveNoTensors()
    {
        using var folder = new TemporaryFolder();
        using var network = SmallLoras.UNet();
        string path;
        using (NewDisposeScope()) path = SmallLoras.Write(folder, "a.safetensors", network, "unet", Layers);
        void Once()
        {
            using var stack = new LoraStack(SmallLoras.Parts(network));
            stack.Add(path, new LoraStrength(0.5));
            stack.Fuse();
            stack.SetStrength(0, new LoraStrength(1));
            stack.Remove();
        }
        Once();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++) Once();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
