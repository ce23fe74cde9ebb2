using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>400 MB of safetensors, from the file system's cache: Imago's mapped file against the obvious loader, which reads the file and copies each tensor out of it.</summary>
internal static class WeightsBenchmark
{
    private const int Rounds = 9, TensorCount = 100, RowsAndColumns = 1024;

    internal static void Run(string[] args)
    {
        TorchRuntime.Start(new TorchOptions { Threads = 1 });
        var path = Path.Combine(Path.GetTempPath(), $"imago-benchmark-{Environment.ProcessId}.safetensors");
        try
        {
            using var target = Weights();
            ModuleWeights.Save(target, path);
            CopyingLoader(path, (_, _) => { });                             // into the cache
            Compare("tensors at hand", () => MappedLoader(path, _ => { }), () => CopyingLoader(path, (_, _) => { }));
            Compare("every number read", () => MappedLoader(path, Sum), () => CopyingLoader(path, (_, tensor) => Sum(tensor)));
            var state = target.state_dict();
            Compare("in a module's parameters", () => ModuleWeights.Load(target, path), () => CopyingLoader(path, (name, tensor) => state[name].copy_(tensor)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static TorchSharp.Modules.Sequential Weights() => nn.Sequential(
        [.. Enumerable.Range(0, TensorCount).Select(i => ($"{i}", (nn.Module<Tensor, Tensor>)nn.Linear(RowsAndColumns, RowsAndColumns, hasBias: false)))]);

    private static void Compare(string what, Action imago, Action copying)
    {
        using var noGrad = no_grad();
        var pairs = Enumerable.Range(0, Rounds).Select(_ => (Imago: Seconds(imago), Copying: Seconds(copying))).ToList();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-26} Imago {Median(pairs.Select(pair => pair.Imago)) * 1e3,8:0.0} ms   copying {Median(pairs.Select(pair => pair.Copying)) * 1e3,8:0.0} ms   ratio {Median(pairs.Select(pair => pair.Imago / pair.Copying)):0.000}"));
    }

    private static void MappedLoader(string path, Action<Tensor> use)
    {
        using var scope = NewDisposeScope();
        using var file = Safetensors.Open(path);
        foreach (var tensor in file.Tensors) use(file.Read(tensor.Name));
    }

    /// <summary>The file as an array, its header by the JSON document, each tensor a copy of a part.</summary>
    private static void CopyingLoader(string path, Action<string, Tensor> use)
    {
        using var scope = NewDisposeScope();
        var file = File.ReadAllBytes(path);
        var headerLength = (int)BitConverter.ToInt64(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        foreach (var entry in header.RootElement.EnumerateObject())
        {
            var range = entry.Value.GetProperty("data_offsets");
            var tensor = empty([.. entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())]);
            tensor.bytes = file.AsSpan(8 + headerLength + range[0].GetInt32(), range[1].GetInt32() - range[0].GetInt32());
            use(entry.Name, tensor);
        }
    }

    private static void Sum(Tensor tensor) => tensor.sum().Dispose();

    private static double Seconds(Action action)
    {
        var time = Stopwatch.StartNew();
        action();
        return time.Elapsed.TotalSeconds;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
