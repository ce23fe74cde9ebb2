using System.Globalization;
using System.Text.Json;
using Imago.Layers;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Modules and sampling calls one after the other from one seed, each described by the Python call that made it.</summary>
internal sealed partial class VaeSet
{
    private static void RunDraws(GoldenCase golden, Checks check, JsonElement config)
    {
        var stored = ReadOutputs(golden);
        using var defaultState = get_rng_state();
        try
        {
            manual_seed(config.GetProperty("seed").GetInt64());
            foreach (var entry in config.GetProperty("order").EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.String) DrawFromGenerator(golden, check, config, stored);
                else if (entry.TryGetProperty("construct", out var construct)) CheckConstruction(golden, check, entry.GetProperty("name").GetString()!, construct.GetString()!, stored);
                else CheckDraw(golden, check, entry.GetProperty("name").GetString()!, entry.GetProperty("call").GetString()!, stored);
                if (entry.ValueKind == JsonValueKind.String) return;
            }
            if (config.TryGetProperty("then", out var then)) CheckDraw(golden, check, "rand_after", then.GetString()!.Split('=')[1].Trim(), stored);
        }
        finally
        {
            set_rng_state(defaultState);
        }
    }

    private static void CheckConstruction(GoldenCase golden, Checks check, string name, string text, Dictionary<string, Tensor> stored)
    {
        foreach (var (key, value) in Construct(PythonCall.Parse(text)[0]).state_dict())
        {
            if (stored.TryGetValue($"{name}.{key}", out var want)) check.Tensor($"{name}.{key}", value, want, ToleranceOf(golden, name));
        }
    }

    private static nn.Module Construct(PythonCall call)
    {
        long At(int i) => call.Integer(i);
        var (stride, padding, bias) = (call.Integer("stride", 1), call.Integer("padding", 0), call.Flag("bias", true));
        return call.Name switch
        {
            "Linear" => new Linear(At(0), At(1), bias),
            "Conv2d" when call.Named.ContainsKey("groups") && call.Arguments[2].StartsWith('(') =>
                nn.Conv2d(At(0), At(1), kernel_size: (call.Sizes(2)[0], call.Sizes(2)[1]), groups: call.Integer("groups", 1), bias: bias),
            "Conv2d" => new Conv2d(At(0), At(1), At(2), stride, padding, bias),
            "ConvTranspose2d" => new ConvTranspose2d(At(0), At(1), At(2), stride, padding, bias: bias),
            "Conv1d" => nn.Conv1d(At(0), At(1), At(2), bias: bias),
            "Conv3d" => nn.Conv3d(At(0), At(1), At(2), bias: bias),
            "GroupNorm" => new GroupNorm(At(0), At(1)),
            "LayerNorm" => nn.LayerNorm(At(0)),
            "BatchNorm2d" => nn.BatchNorm2d(At(0)),
            "Embedding" => nn.Embedding(At(0), At(1), call.Named.ContainsKey("padding_idx") ? call.Integer("padding_idx", 0) : null),
            "MultiheadAttention" => nn.MultiheadAttention(At(0), At(1), kdim: call.Named.ContainsKey("kdim") ? call.Integer("kdim", 0) : null, vdim: call.Named.ContainsKey("vdim") ? call.Integer("vdim", 0) : null),
            "TransformerEncoderLayer" => nn.TransformerEncoderLayer(At(0), At(1), At(2)),
            "GRU" => nn.GRU(At(0), At(1)),
            var other => throw new NotImplementedHereException($"the module {other}"),
        };
    }

    private static void CheckDraw(GoldenCase golden, Checks check, string name, string text, Dictionary<string, Tensor> stored)
    {
        var calls = PythonCall.Parse(text);
        var got = calls.Count == 2 ? Fill(calls[0].Sizes(), calls[1]) : Draw(calls[0]);
        if (stored.TryGetValue(name, out var want)) check.Tensor(name, got, want, ToleranceOf(golden, name));
        if (stored.TryGetValue($"{name}_as_bits", out var bits)) check.True(name, got.data<double>().Select(BitConverter.DoubleToInt64Bits).SequenceEqual(bits.data<long>()), "other bits");
    }

    private static Tensor Fill(long[] shape, PythonCall call)
    {
        var tensor = empty(shape);
        return call.Name switch
        {
            "uniform_" => tensor.uniform_(call.Number(0), call.Number(1)),
            "normal_" => tensor.normal_(call.Number(0), call.Number(1)),
            "bernoulli_" => tensor.bernoulli_(call.Number(0)),
            "exponential_" => tensor.exponential_(call.Number(0)),
            var other => throw new NotImplementedHereException($"the draw {other}"),
        };
    }

    private static Tensor Draw(PythonCall call)
    {
        Tensor Empty() => empty(PythonCall.Parse(call.Arguments[0])[0].Sizes());
        switch (call.Name)
        {
            case "torch.rand": return rand(call.Sizes());
            case "torch.randn" when call.Named.GetValueOrDefault("dtype") == "bfloat16": return NormalBFloat16(call.Sizes());
            case "torch.randn": return randn(call.Sizes(), dtype: call.Named.GetValueOrDefault("dtype") == "float64" ? float64 : float32);
            case "torch.randperm": return randperm(call.Integer(0), dtype: int64);
            case "torch.randint": return randint(call.Integer(0), call.Integer(1), call.Sizes(2), dtype: int64);
            case "torch.nn.functional.dropout": return nn.functional.dropout(ones(PythonCall.Parse(call.Arguments[0])[0].Sizes()), call.Number(1));
            case "torch.multinomial":
                var weights = call.Arguments[0].Trim("tensor([])".ToCharArray()).Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture)).ToArray();
                return multinomial(tensor(weights), (int)call.Integer(1), call.Flag("replacement", false));
            case "nn.init.xavier_uniform_": return nn.init.xavier_uniform_(Empty(), call.Number("gain", 1));
            case "nn.init.xavier_normal_": return XavierNormal(Empty(), call.Number("gain", 1));
            case "nn.init.kaiming_uniform_": return nn.init.kaiming_uniform_(Empty(), 0, Fan(call), Gain(call));
            case "nn.init.kaiming_normal_": return nn.init.kaiming_normal_(Empty(), 0, Fan(call), Gain(call));
            case "nn.init.trunc_normal_": return TruncatedNormal(Empty(), call.Number("mean", 0), call.Number("std", 1));
            case "nn.init.orthogonal_": return nn.init.orthogonal_(Empty());
            case var other: throw new NotImplementedHereException($"the draw {other}");
        }
    }

    /// <summary>Of a matrix, as Glorot and Bengio 2010 define it; TorchSharp 0.107's function of that name draws uniform numbers.</summary>
    private static Tensor XavierNormal(Tensor tensor, double gain) => tensor.normal_(0, gain * Math.Sqrt(2.0 / (tensor.shape[0] + tensor.shape[1])));

    /// <summary>Draws until every number lies in [−2, 2], as PyTorch 2.13 does where the interval holds most of the mass.</summary>
    private static Tensor TruncatedNormal(Tensor tensor, double mean, double std)
    {
        for (tensor.normal_(mean, std); ;)
        {
            var outside = tensor.abs().gt(2);
            if (!outside.any().item<bool>()) return tensor;
            tensor = where(outside, empty_like(tensor).normal_(mean, std), tensor);
        }
    }

    private static nn.init.FanInOut Fan(PythonCall call) => call.Named.GetValueOrDefault("mode") == "'fan_out'" ? nn.init.FanInOut.FanOut : nn.init.FanInOut.FanIn;

    private static nn.init.NonlinearityType Gain(PythonCall call) => call.Named.GetValueOrDefault("nonlinearity") == "'relu'" ? nn.init.NonlinearityType.ReLU : nn.init.NonlinearityType.LeakyReLU;

    /// <summary>By the managed generator: libtorch 2.10 draws 16-bit numbers by a rule that later versions have given up.</summary>
    private static Tensor NormalBFloat16(long[] shape)
    {
        var random = new TorchRandom(get_rng_state().data<byte>().ToArray());
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        random.NormalFor16Bits(values);
        set_rng_state(tensor(random.GetState()));
        return tensor(values).reshape(shape).to(bfloat16);
    }

    /// <summary>Calls on a generator of its own, and the ends of a long draw from another.</summary>
    private static void DrawFromGenerator(GoldenCase golden, Checks check, JsonElement config, Dictionary<string, Tensor> stored)
    {
        using var generator = new Generator((ulong)config.GetProperty("seed").GetInt64());
        foreach (var call in config.GetProperty("order").EnumerateArray().Select(text => PythonCall.Parse(text.GetString()!)[0]))
        {
            var name = $"{call.Name.Split('.')[^1]}_{call.Arguments[0]}";
            check.Tensor(name, OwnDraw(call, generator), stored[name], ToleranceOf(golden, name));
        }
        foreach (var entry in config.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Object))
        {
            using var other = new Generator((ulong)entry.Value.GetProperty("seed").GetInt64());
            var values = OwnDraw(PythonCall.Parse(entry.Value.GetProperty("call").GetString()!.Split(':')[0])[0], other);
            var (head, tail) = (stored[$"{entry.Name}_head"], stored[$"{entry.Name}_tail"]);
            check.Tensor($"{entry.Name}_head", values[TensorIndex.Slice(0, head.shape[0])], head, ToleranceOf(golden, entry.Name));
            check.Tensor($"{entry.Name}_tail", values[TensorIndex.Slice(-tail.shape[0])], tail, ToleranceOf(golden, entry.Name));
        }
    }

    private static Tensor OwnDraw(PythonCall call, Generator generator) => call.Name switch
    {
        "torch.rand" => rand(call.Sizes(), generator: generator),
        "torch.randn" => randn(call.Sizes(), generator: generator),
        "torch.randperm" => randperm(call.Integer(0), dtype: int64, generator: generator),
        var other => throw new NotImplementedHereException($"the draw {other}"),
    };

    /// <summary>A tolerance of the case or of one of its draws; <c>exact</c> is 0.</summary>
    private static double ToleranceOf(GoldenCase golden, string name)
    {
        var tolerance = golden.Entry.GetProperty("tolerance");
        if (tolerance.ValueKind == JsonValueKind.Object) tolerance = tolerance.TryGetProperty(name, out var own) ? own : tolerance.GetProperty("*");
        return tolerance.ValueKind == JsonValueKind.Number ? tolerance.GetDouble() : 0;
    }
}
