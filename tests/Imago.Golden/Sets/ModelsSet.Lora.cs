using System.Text.Json;
using Imago.Generation.Lora;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>A UNet2DConditionModel of another case under low-rank changes: attached and fused give the outputs of every call, and taken away they leave nothing behind.</summary>
internal sealed partial class ModelsSet
{
    private static void RunLora(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        var used = Named(golden, golden.Entry.GetProperty("uses")[0].GetString()!);
        foreach (var network in Networks(used))
        {
            var before = network.parameters().Select(parameter => parameter.clone()).ToList();
            using var stack = new LoraStack(new Dictionary<LoraPart, nn.Module> { [LoraPart.Denoiser] = network });
            stack.Add(golden.PathOf(golden.Entry.GetProperty("weights").GetString()!), new LoraStrength(1));
            foreach (var use in (Action[])[stack.Attach, stack.Fuse])
            {
                use();
                foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray())
                {
                    stack.SetStrength(0, new LoraStrength(call.GetProperty("args").TryGetProperty("scale", out var scale) ? scale.GetDouble() : 1));
                    RunUNetCall(network, call, io, check);
                }
            }
            stack.Remove();
            foreach (var (parameter, own) in network.parameters().Zip(before)) check.Exact("weights afterwards", parameter, own);
        }
    }

    /// <summary>Another case of the same manifest.</summary>
    private static GoldenCase Named(GoldenCase golden, string name)
    {
        var cases = PythonJson.Read(golden.PathOf("manifest.json")).GetProperty("cases");
        return golden with { Name = name, Entry = cases.EnumerateArray().First(entry => entry.GetProperty("name").GetString() == name) };
    }
}
