using System.Text.Json;
using Imago.Layers;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Networks;

/// <summary>What a run from one integer draws: its modules in their order, then the order of the data and the noise.</summary>
internal static class SeededVae
{
    internal static Dictionary<string, Tensor> Create(int width, int latent)
    {
        var (w, d) = (width, latent);
        (string Name, nn.Module Module)[] modules =
        [
            ("conv1", new Conv2d(1, w, 3, stride: 2, padding: 1)),
            ("norm1", new GroupNorm(2, w)),
            ("conv2", new Conv2d(w, 2 * w, 3, stride: 2, padding: 1)),
            ("norm2", new GroupNorm(4, 2 * w)),
            ("label", nn.Embedding(10, 2 * w)),
            ("attn", nn.MultiheadAttention(2 * w, 2)),
            ("head", new Linear(2 * w, 2 * d)),
            ("lin", new Linear(d, 2 * w * 49)),
            ("up1", new ConvTranspose2d(2 * w, w, 4, stride: 2, padding: 1)),
            ("up2", new ConvTranspose2d(w, 1, 4, stride: 2, padding: 1)),
        ];
        return modules.SelectMany(entry => entry.Module.state_dict().Select(tensor => ($"{entry.Name}.{tensor.Key}", tensor.Value.detach().clone()))).ToDictionary();       // a module takes its tensors along when it is collected
    }

    /// <summary>The image numbers and the noise of every step, drawn in the order of the run.</summary>
    internal static (Tensor Order, Tensor Noise) Draw(JsonElement config)
    {
        int Get(string key) => config.GetProperty(key).GetInt32();
        var (steps, batch, images) = (Get("steps"), Get("batch"), Get("images"));
        var isLoader = config.GetProperty("order").GetString()!.Contains("DataLoader", StringComparison.Ordinal);
        var (order, noise, batches) = (new List<Tensor>(), new List<Tensor>(), new Queue<Tensor>());
        for (int s = 0; s < steps; s++)
        {
            if (batches.Count == 0)
            {
                var epoch = isLoader ? LoaderOrder(images) : randperm(images, dtype: int64);
                foreach (var rows in epoch.split(batch).Where(rows => rows.shape[0] == batch)) batches.Enqueue(rows);
            }
            order.Add(batches.Dequeue());
            noise.Add(randn(batch, Get("latent")));
        }
        return (stack(order), stack(noise));
    }

    /// <summary>A data loader's epoch: one 64-bit number that nobody uses, then the seed of a generator of its own.</summary>
    private static Tensor LoaderOrder(int images)
    {
        var random = new TorchRandom(get_rng_state().data<byte>().ToArray());
        random.NextUInt64();
        var seed = random.NextUInt64() & long.MaxValue;
        set_rng_state(tensor(random.GetState()));
        return tensor(new TorchRandom(seed).Permutation(images));
    }
}
