using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class ModuleWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static TorchSharp.Modules.Sequential Network() => nn.Sequential(("first", nn.Linear(3, 4)), ("norm", nn.BatchNorm1d(4)), ("last", nn.Linear(4, 2)));

    [Fact]
    public void SaveThenLoad_IntoAnotherModule_MakesThemEqual()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Network(), Network());
        ModuleWeights.Save(a, _folder.File("a.safetensors"), new Dictionary<string, string> { ["step"] = "7" });
        ModuleWeights.Load(b, _folder.File("a.safetensors"));
        Assert.All(a.state_dict(), entry => Assert.True(b.state_dict()[entry.Key].eq(entry.Value).all().item<bool>()));
    }

    [Fact]
    public void Load_OfAnotherFloatType_ConvertsToTheModules()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Network(), Network());
        var halves = a.state_dict().ToDictionary(entry => $"module.{entry.Key}", entry => entry.Value.is_floating_point() ? entry.Value.bfloat16() : entry.Value);
        ModuleWeights.Load(b, halves, WeightKeys.WithoutPrefix("module."));
        Assert.All(b.state_dict(), entry => Assert.Equal(a.state_dict()[entry.Key].dtype, entry.Value.dtype));
        Assert.True(b.state_dict()["last.weight"].bfloat16().eq(halves["module.last.weight"]).all().item<bool>());
    }

    [Fact]
    public void Load_OfAWrongFile_ReportsEverythingAtOnceAndTouchesNothing()
    {
        using var scope = NewDisposeScope();
        var module = Network();
        var before = module.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.clone());
        var wrong = module.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach() + 1);
        wrong.Remove("first.bias");
        wrong["last.weight"] = zeros(1);                                       // copy_ would broadcast it
        wrong["norm.weight"] = zeros(4, int64);
        wrong["extra.weight"] = zeros(2);
        var path = _folder.File("wrong.safetensors");
        Safetensors.Write(path, wrong);
        var report = Assert.Throws<CheckpointException>(() => ModuleWeights.Load(module, path)).Message;
        Assert.All((string[])["missing (1):\n  first.bias [4]", $"unexpected (1):\n  extra.weight in {path}", $"last.weight: [1] in {path}, expected [2, 4]", "norm.weight: I64"],
            part => Assert.Contains(part, report, StringComparison.Ordinal));
        Assert.All(before, entry => Assert.True(module.state_dict()[entry.Key].eq(entry.Value).all().item<bool>()));
    }

    [Fact]
    public void Load_Leniently_ReturnsWhatIsLeftUndone()
    {
        using var scope = NewDisposeScope();
        var module = Network();
        var report = ModuleWeights.Load(module, new Dictionary<string, Tensor> { ["last.bias"] = ones(2), ["other"] = ones(1) }, strict: false);
        Assert.Equal(["other"], report.Unexpected);
        Assert.Equal(module.state_dict().Count - 1, report.Missing.Count);
        Assert.True(module.state_dict()["last.bias"].eq(1).all().item<bool>());
    }

    [Fact]
    public void Load_OfKeysUnderAPrefix_SuggestsTheKeyMap()
    {
        using var scope = NewDisposeScope();
        var module = Network();
        var prefixed = module.state_dict().ToDictionary(entry => $"net.g.{entry.Key}", entry => entry.Value);
        Assert.Contains("'net.g.'", Assert.Throws<CheckpointException>(() => ModuleWeights.Load(module, prefixed)).Message, StringComparison.Ordinal);
        Assert.Empty(ModuleWeights.Load(module, prefixed, WeightKeys.Under("net.g.")).Missing);
    }

    [Fact]
    public void Load_LeavesNoTensorBehind()
    {
        using var module = Network();
        ModuleWeights.Save(module, _folder.File("a.safetensors"));
        var live = Tensor.TotalCount;
        ModuleWeights.Load(module, _folder.File("a.safetensors"));
        Assert.Equal(live, Tensor.TotalCount);
    }
}
